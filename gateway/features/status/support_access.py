"""The verbs `support_access` and `support_report`: the support report for remote support, with consent.

A guardian approves for a limited time that the provider's support takes the report. Only then does
`support_report` return it to the program that transmits it, such as a USP service or a command of OpenWISP.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from gateway.control.contract.health import (
    SUPPORT_ACCESS,
    SUPPORT_REPORT,
    SupportAccess,
    SupportAccessRequest,
    SupportFile,
    SupportReport,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.household.members import PROVIDER
from gateway.policy.support_code import support_code
from gateway.policy.time.clock_changes import later
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.pauses import SUPPORT, PauseTable


class SupportAccessVerbs:
    """Lets guardians approve that support takes the report, and returns the report while they do.

    ``report``: returns the support report.
    """

    def __init__(
        self,
        home: HomeContext,
        pauses: PauseTable,
        audit: RecordAudit,
        access: Access,
        report: Callable[[], SupportFile],
    ) -> None:
        self._home = home
        self._pauses = pauses
        self._audit = audit
        self._access = access
        self._report = report

    def register(self, router: Router) -> None:
        router.serve(SUPPORT_ACCESS, self.change)
        router.serve(SUPPORT_REPORT, self.report)

    def change(self, call: Call[SupportAccessRequest]) -> SupportAccess:
        """Approve that support takes the report for some minutes; without ``minutes``, end the approval.

        Return its end and author. Raises ControlError if no guardian sent the request.
        """
        by, now, origin = self._access.guardian(call), self._home.local_now(), call.text("origin", "")
        if call.args.minutes is None:
            self._pauses.end_approval(SUPPORT, by=by, at=now, origin=origin)
            return SupportAccess(until=None, by="")
        until, clock_trusted = later(now, timedelta(minutes=call.args.minutes)), self._home.clock_trusted
        self._pauses.approve(SUPPORT, until=until, by=by, at=now, clock_trusted=clock_trusted, origin=origin)
        return SupportAccess(until=until, by=by)

    def approval(self) -> SupportAccess:
        """Return until when support may take the report, and who approved it.

        Without an approval, ``until`` is None and ``by`` is empty.
        """
        now = self._home.local_now()
        found = self._pauses.switch(SUPPORT, now)
        if found is None:
            return SupportAccess(until=None, by="")
        return SupportAccess(until=found.ends.astimezone(now.tzinfo), by=found.by)

    def report(self, _call: Call[NoValues]) -> SupportReport:
        """Return the support report and the support code, with a line in the audit log.

        Raises ControlError without an approval, and, with the code ``busy``, while a check runs. The
        first request starts a check if the last one is old.
        """
        until, now = self.approval().until, self._home.local_now()
        if until is None:
            raise ControlError.of(Code.NOT_APPROVED)
        file = self._report()
        if file.check.running:
            raise ControlError.of(Code.BUSY)
        self._audit("support sent", "", by=PROVIDER, at=now)
        code = support_code(
            file.version,
            internet=file.figures.internet,
            off=self._pauses.in_force(now).off is not None,
            clock_known=file.figures.clock,
            problems=file.figures.problems,
        )
        return SupportReport(code=code, until=until, file=file)
