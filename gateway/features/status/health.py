"""The verbs `health` (state of the gateway) and `support` (report for support without personal data)."""

from __future__ import annotations

from gateway import __version__
from gateway.control.contract.health import (
    HEALTH,
    SUPPORT,
    CheckResult,
    Health,
    HealthCheckState,
    HealthRequest,
    SupportFile,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.features.accounts.access import Access
from gateway.features.status.checking import GatewayCheck
from gateway.features.status.metrics import Metrics
from gateway.features.status.support_access import SupportAccessVerbs
from gateway.features.status.support_file import about_gateway
from gateway.features.status.vitals import Vitals
from gateway.household.context import HomeContext
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.pauses import PauseTable


class HealthVerbs:
    """The verbs `health`, the state of the gateway for guardians, and `support`, the report for support."""

    def __init__(
        self,
        home: HomeContext,
        vitals: Vitals,
        pauses: PauseTable,
        audit: RecordAudit,
        access: Access,
        metrics: Metrics,
    ) -> None:
        self._home = home
        self._metrics = metrics
        self._vitals = vitals
        self._checking = GatewayCheck(home)
        self._access = SupportAccessVerbs(home, pauses, audit, access, self.report)
        self.close = self._checking.close

    def register(self, router: Router) -> None:
        router.serve(HEALTH, self.health)
        router.serve(SUPPORT, self.support)
        self._access.register(router)

    def health(self, call: Call[HealthRequest]) -> Health:
        """Return the findings of the last check, counters, samples of the last hour, and the log.

        A new check also starts if the last one is old; with ``again``, if it is not quite recent. Raises
        ControlError if no process can be started.
        """
        checking, vitals = self._checking, self._vitals
        checking.look(again=call.args.again)
        return Health(
            now=self._home.local_now(),
            version=__version__,
            check=CheckResult(
                running=checking.running,
                ended=checking.ended,
                findings=checking.findings,
                problem=checking.problem,
            ),
            figures=vitals.figures(),
            samples=vitals.samples(),
            log=vitals.log_lines(full=True),
            access=self._access.approval(),
            metrics=self._metrics.readable,
            metrics_access=self._metrics.access,
        )

    def support(self, _call: Call[NoValues]) -> SupportFile:
        return self.report()

    def report(self) -> SupportFile:
        """Return the support report: versions, findings, counters, samples and log, no personal data.

        A new check also starts if the last one is old; the findings are those of the last one.
        Raises ControlError if no process can be started.
        """
        checking, vitals = self._checking, self._vitals
        checking.look()
        return SupportFile(
            **about_gateway(self._home.local_now(), checking.findings),
            check=HealthCheckState(running=checking.running, ended=checking.ended),
            figures=vitals.figures(),
            samples=vitals.samples(),
            log=vitals.log_lines(full=False),
        )
