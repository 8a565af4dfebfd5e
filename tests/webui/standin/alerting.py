"""What guardians are told on a phone, in the stand-in family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from gateway.control.protocol import ControlRequest
from gateway.control.router import Router
from gateway.features.notifications.verbs import AlertVerbs
from gateway.policy.alerts.notifications import Alerts
from tests.webui.standin.handlers import Handler, in_one_step

if TYPE_CHECKING:
    from datetime import datetime

    from tests.webui.standin.household import Household


class Alerting:
    """The daemon's own verbs, over a book in memory."""

    def __init__(self, household: Household, now: datetime) -> None:
        self.book: dict[str, Alerts] = {}
        self.audited: list[tuple[str, str]] = []
        self.published: list[tuple[str, dict[str, Any]]] = []
        self._household, self._now = household, now
        self.timezone = "Asia/Almaty"
        self.rules = self.household = self.config = self
        home = book = whom = cast("Any", self)
        self._router = Router()
        AlertVerbs(home, book, self.audit, whom).register(self._router)

    def verbs(self) -> dict[str, Handler]:
        return in_one_step(self._router.verbs)

    def guardian(self, request: ControlRequest) -> str:
        return self._household.guardian_of(request)

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
