"""The verbs `health` and `support`: the state of the gateway. `support` has no personal data."""

from __future__ import annotations

from collections.abc import Mapping

from gateway import __version__
from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.features.status.checking import GatewayCheck
from gateway.features.status.support_file import support_file
from gateway.features.status.vitals import Vitals
from gateway.household.context import HomeContext


class HealthVerbs:
    """Returns the health of the gateway."""

    def __init__(self, home: HomeContext, vitals: Vitals) -> None:
        self._home = home
        self._vitals = vitals
        self._checking = GatewayCheck(home)
        self.close = self._checking.close

    def register(self, router: Router) -> None:
        router.add("health", self.health)
        router.add("support", self.support)

    def health(self, request: Request) -> Mapping[str, object]:
        """Return findings, figures, samples and the log. ``again`` starts a new check."""
        self._checking.look(again=request.values.get("again") is True)
        vitals = self._vitals
        return {
            "now": self._home.local_now(),
            "version": __version__,
            "check": self._check() | {"findings": self._checking.findings, "problem": self._checking.problem},
            "figures": vitals.figures(),
            "samples": vitals.samples(),
            "log": vitals.log_lines(full=True),
        }

    def support(self, _request: Request) -> Mapping[str, object]:
        """Return the support file, which has no personal data."""
        self._checking.look()
        vitals = self._vitals
        return support_file(
            self._home.local_now(),
            self._checking.findings,
            check=self._check(),
            figures=vitals.figures(),
            samples=vitals.samples(),
            log=vitals.log_lines(full=False),
        )

    def _check(self) -> dict[str, object]:
        return {"running": self._checking.running, "ended": self._checking.ended}
