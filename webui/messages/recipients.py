"""Where messages go: the channels and browsers of each parent, and the browsers of children."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.control.contract.notifications import AlertsResponse, PushTarget
from gateway.policy.alerts.notifications import DEFAULT_QUIET

CHILD_KINDS = ("answer", "warning")  # a request was answered or has expired; time is nearly up


@dataclass(frozen=True, slots=True)
class Recipient:
    """One destination of a person's messages: a channel (``address``), or a browser (``push``)."""

    guardian: str  # empty: a child
    address: str  # secret; empty: a browser
    kinds: tuple[str, ...]  # of messages that it gets
    at_night: tuple[str, ...] = ()  # those of them that it gets in quiet hours too
    names: bool = False  # whether messages may name people and devices
    inside: bool = False  # the channel's server is in the home
    language: str = ""
    profile: str = ""  # of a child; empty: a guardian
    push: PushTarget | None = None  # None: a channel
    quiet: str = DEFAULT_QUIET

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the recipient: the guardian, and the address of the channel or browser.

        Two parents may use one channel.
        """
        return self.guardian, self.address if self.push is None else self.push.endpoint


def recipients_of(book: AlertsResponse, guardian: str) -> list[Recipient]:
    return [recipient for recipient in recipients(book) if recipient.guardian == guardian]


def recipients(book: AlertsResponse) -> Iterator[Recipient]:
    by_guardian = {alerts.guardian: alerts for alerts in book.alerts}
    for alerts in book.alerts:
        for channel in alerts.channels:
            yield Recipient(
                alerts.guardian, channel.address, alerts.kinds, alerts.at_night, alerts.names, channel.inside,
                alerts.language, quiet=alerts.quiet,
            )  # fmt: skip
    for target in book.push:
        own = by_guardian.get(target.guardian)
        if own is not None:
            yield Recipient(
                own.guardian, "", own.kinds, own.at_night, own.names, language=target.language, push=target,
                quiet=own.quiet,
            )  # fmt: skip
        elif target.profile:
            # A warning is of use only now; an answer can wait for the morning.
            yield Recipient(
                "", "", CHILD_KINDS, ("warning",), language=target.language, profile=target.profile,
                push=target,
            )  # fmt: skip
