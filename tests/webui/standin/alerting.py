"""What guardians are told on a phone, in the stand-in family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from gateway.control.protocol import ControlRequest
from gateway.control.router import Router
from gateway.features.notifications.verbs import AlertVerbs
from gateway.policy.alerts.notifications import Alerts
from gateway.policy.alerts.push_subscriptions import PushSubscription
from tests.webui.standin.handlers import Handler, in_one_step

if TYPE_CHECKING:
    from datetime import datetime

    from tests.webui.standin.household import Household


class Subscriptions:
    """The table of browsers, in memory."""

    def __init__(self, found: dict[str, PushSubscription]) -> None:
        self._found = found

    def all(self) -> list[PushSubscription]:
        return list(self._found.values())

    def put(self, new: PushSubscription) -> None:
        self._found[new.endpoint] = new

    def drop_where(self, is_gone: Callable[[PushSubscription], bool]) -> bool:
        gone = [endpoint for endpoint, found in self._found.items() if is_gone(found)]
        for endpoint in gone:
            del self._found[endpoint]
        return bool(gone)


class Alerting:
    """The daemon's own verbs, over a book in memory."""

    def __init__(self, household: Household, now: datetime) -> None:
        self.book: dict[str, Alerts] = {}
        self.audited: list[tuple[str, str]] = []
        self.published: list[tuple[str, dict[str, Any]]] = []
        self._household, self._now = household, now
        self.timezone = "Asia/Almaty"
        self.rules = self.household = self.config = self
        self.push: dict[str, PushSubscription] = {}
        home = book = whom = family = cast("Any", self)
        self._router = Router()
        AlertVerbs(home, book, cast("Any", Subscriptions(self.push)), self.audit, whom, family).register(
            self._router
        )

    def verbs(self) -> dict[str, Handler]:
        return in_one_step(self._router.verbs)

    def guardian(self, request: ControlRequest) -> str:
        return self._household.guardian_of(request)

    def child(self, request: ControlRequest) -> Any:
        """The daughter's tablet: the only device of a child that asks for messages here."""
        return self.member_of(request.text("device"))

    def member_of(self, mac: str) -> Any:
        return SimpleNamespace(profile=SimpleNamespace(id="daughter"), macs=(mac,), asked=False)

    def all(self) -> Mapping[str, Alerts]:
        return self.book

    def put(self, guardian: str, alerts: Alerts | None) -> None:
        self.book.pop(guardian, None)
        if alerts is not None:
            self.book[guardian] = alerts

    def audit(self, what: str, detail: str, **_: object) -> None:
        self.audited.append((what, detail))

    def publish(self, event: str, **values: object) -> None:
        self.published.append((event, values))

    def local_now(self) -> datetime:
        return self._now
