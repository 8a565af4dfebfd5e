"""Where messages go: each parent's ntfy topic and browsers, and the browsers of children."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.control.contract.notifications import AlertsResponse, PushTarget

CHILD_KINDS = ("answer", "warning")  # a request was answered or has expired; time is nearly up


@dataclass(frozen=True, slots=True)
class Recipient:
    """One destination of a person's messages: a topic of ntfy, or a browser (``push``)."""

    guardian: str  # empty: a child
    address: str  # of the topic; empty: none
    kinds: tuple[str, ...]
    at_night: tuple[str, ...] = ()
    names: bool = False
    inside: bool = False  # the topic's server is in the home
    language: str = ""
    profile: str = ""  # of a child
    push: PushTarget | None = None

    @property
    def key(self) -> str:
        return self.guardian if self.push is None else self.push.endpoint


def recipients(book: AlertsResponse) -> Iterator[Recipient]:
    by_guardian = {alerts.guardian: alerts for alerts in book.alerts}
    for alerts in book.alerts:
        if alerts.address:
            yield Recipient(
                alerts.guardian, alerts.address, alerts.kinds, alerts.at_night, alerts.names, alerts.inside,
                alerts.language,
            )  # fmt: skip
    for target in book.push:
        own = by_guardian.get(target.guardian)
        if own is not None:
            yield Recipient(
                own.guardian, "", own.kinds, own.at_night, own.names, language=target.language, push=target
            )
        elif target.profile:
            # A warning is of use only now; an answer can wait for the morning.
            yield Recipient(
                "", "", CHILD_KINDS, ("warning",), language=target.language, profile=target.profile,
                push=target,
            )  # fmt: skip
