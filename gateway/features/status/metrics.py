"""The verbs `metrics` and `metrics_access`: counters for monitoring, as text, and who may read them.

Also writes them to a file for a node exporter, and gives some to the verb `status`, for USP. What the
router's settings turn on, as a provider can do, and USP have no effect until a guardian approves it, for 30
days. Settings of metrics in `qalqan.yaml` are the household's own and need no approval.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.control.contract.health import (
    COUNTER_DAYS,
    METRICS,
    METRICS_ACCESS,
    HealthFigures,
    MetricsAccess,
    MetricsAccessRequest,
    MetricsFormat,
    MetricsRequest,
    MetricsText,
)
from gateway.control.contract.lists import UpdatePlan
from gateway.control.contract.status import DaemonFigures, ProviderCounters
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.token_verbs import account_of
from gateway.core.errors import ControlError
from gateway.core.files import write_atomically, write_error_text
from gateway.core.loop import Timer
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.household.rule_book import RulesRead
from gateway.policy.accounts.people import AccountRegister
from gateway.policy.time.clock_changes import later
from gateway.policy.values import Reason, Verdict
from gateway.store.tables.pauses import COUNTERS, PauseTable, TimedSwitch

if TYPE_CHECKING:
    from gateway.features.status.metric_catalogue import Measured

TOKEN, TEXTFILE = "metrics.token_sha256", "metrics.textfile"  # keys of qalqan.yaml
FILE = "metrics.prom"  # in the runtime directory, which is memory: writing wears out no flash
MODE = 0o644  # a node exporter runs as another user
# Seconds for which values are used. Newer ones would show more precisely than the page *Health* when the
# household uses the internet.
EVERY = 60.0

_log = logging.getLogger(__name__)


class Metrics:
    """Returns the metrics to a request with a valid token, and writes them to a file if that is set."""

    def __init__(
        self,
        home: HomeContext,
        people: AccountRegister,
        pauses: PauseTable,
        access: Access,
        figures: Callable[[], HealthFigures],
        daemon: Callable[[], DaemonFigures],
        lists: Callable[[], UpdatePlan],
        decisions: Mapping[tuple[Verdict, Reason], int],
    ) -> None:
        """Start or stop writing the file whenever the rules are read again.

        ``decisions``: counts of decisions about children with a log level that shows the present; they grow.
        """
        self._home = home
        self._people = people
        self._pauses = pauses
        self._access = access
        self._figures = figures
        self._daemon = daemon
        self._lists = lists
        self._decisions = decisions
        self._last: tuple[float, Measured] | None = None  # with its time by the loop's clock
        self._timer: Timer | None = None
        self._unwritten = ""  # why the file could not be written
        home.bus.subscribe(RulesRead, lambda _: self.start())

    def register(self, router: Router) -> None:
        router.serve(METRICS, self.metrics)
        router.serve(METRICS_ACCESS, self.change_access)

    def start(self) -> None:
        """Begin to write the file every minute, or delete it, as configured and approved.

        It is also called after each change of the settings.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if TEXTFILE in self._set and self._is_approved(TEXTFILE):
            self._write()
            self._timer = self._home.loop.call_later(EVERY, self.start)
        else:
            self._remove()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._remove()

    @property
    def readable(self) -> bool:
        """Whether a provider or another program can read the metrics, apart from the parents' tokens."""
        return any(self._is_approved(key) for key in self._set)

    @property
    def access(self) -> MetricsAccess | None:
        """Until when the provider may read the counters, and who allowed it (empty: not approved).

        None if neither USP nor the router's settings let a provider read them.
        """
        config = self._home.rules.household.config
        if config.usp is None and not self._set & config.fixed.keys():
            return None
        found = self._approval
        if found is None:
            return MetricsAccess(until=None, by="")
        return MetricsAccess(until=found.ends.astimezone(config.zone), by=found.by)

    @property
    def _approval(self) -> TimedSwitch | None:
        """A guardian's approval that the provider reads the counters; one without an end does not count."""
        found = self._pauses.switch(COUNTERS, self._home.now())
        return None if found is None or found.until is None else found

    def provider_counters(self) -> ProviderCounters | None:
        """Return the counters for USP; None if it is not set, or no guardian approves it."""
        if self._home.rules.household.config.usp is None or self._approval is None:
            return None
        measured = self._measured()
        figures = measured.figures
        return ProviderCounters(
            packets=figures.packets,
            dropped=figures.dropped,
            faults=figures.faults,
            flows=figures.flows,
            blocked=sum(
                times for (verdict, _), times in measured.decisions.items() if verdict is Verdict.BLOCK
            ),
            repairs=figures.repairs,
        )

    @property
    def _set(self) -> frozenset[str]:
        """The configured settings that let others read the metrics: TOKEN and TEXTFILE, or fewer."""
        settings = self._home.rules.household.config.metrics
        found = {TOKEN: bool(settings.token_sha256), TEXTFILE: settings.textfile}
        return frozenset(key for key, is_set in found.items() if is_set)

    def _is_approved(self, key: str) -> bool:
        return key not in self._home.rules.household.config.fixed or self._approval is not None

    def change_access(self, call: Call[MetricsAccessRequest]) -> MetricsAccess:
        """Let the provider read the counters for 30 days from now, or end it (``allowed``).

        Return the end and author. Raises ControlError if no guardian sent the request.
        """
        by, now, origin = self._access.guardian(call), self._home.local_now(), call.text("origin", "")
        if not call.args.allowed:
            self._pauses.end_approval(COUNTERS, by=by, at=now, origin=origin)
            self.start()
            return MetricsAccess(until=None, by="")
        until, clock_trusted = later(now, timedelta(days=COUNTER_DAYS)), self._home.clock_trusted
        self._pauses.approve(COUNTERS, until=until, by=by, at=now, clock_trusted=clock_trusted, origin=origin)
        self.start()
        return MetricsAccess(until=until, by=by)

    @property
    def _path(self) -> Path:
        return Path(self._home.rules.household.config.runtime) / FILE

    def metrics(self, call: Call[MetricsRequest]) -> MetricsText:
        """Return the metrics as text, for any account's API token or the token of the settings.

        If the router's settings set that token, a guardian must have approved it. Raises ControlError for an
        unknown token or without the approval.
        """
        if self._is_provider(call.args.token):
            if not self._is_approved(TOKEN):
                raise ControlError.of(Code.NOT_APPROVED)
        elif not self._is_of_account(call.args.token):
            raise ControlError.of(Code.WRONG_TOKEN)
        return MetricsText(text=self._text(call.args.format))

    def _is_provider(self, token: str) -> bool:
        wanted = self._home.rules.household.config.metrics.token_sha256
        return bool(wanted) and compare_digest(sha256(token.encode()).hexdigest(), wanted)

    def _is_of_account(self, token: str) -> bool:
        """Return whether a parent has made this API token for an account that still exists."""
        home = self._home
        return account_of(self._people, token, home.now(), clock_trusted=home.clock_trusted) is not None

    def _text(self, form: MetricsFormat) -> str:
        from gateway.features.status import metric_catalogue as catalogue

        measured = self._measured()
        if form is MetricsFormat.OPENMETRICS:
            return catalogue.openmetrics(measured)
        return catalogue.prometheus(measured)

    def _measured(self) -> Measured:
        from gateway.features.status.metric_catalogue import Measured

        now = self._home.loop.now()
        if self._last is None or now - self._last[0] >= EVERY:
            measured = Measured(
                version=__version__,
                python=sys.version.partition(" ")[0],
                cpu=time.process_time(),
                figures=self._figures(),
                daemon=self._daemon(),
                lists=self._lists(),
                decisions=dict(self._decisions),
            )
            self._last = now, measured
        return self._last[1]

    def _write(self) -> None:
        text = self._text(MetricsFormat.PROMETHEUS)
        try:
            write_atomically(self._path, text.encode(), mode=MODE)
        except OSError as error:
            why = write_error_text(error)
            if why != self._unwritten:
                _log.error("Writing %s failed: %s. The node exporter reads old metrics.", self._path, why)
            self._unwritten = why
        else:
            self._unwritten = ""

    def _remove(self) -> None:
        with suppress(OSError):  # nothing more can be done on a read-only file system
            self._path.unlink(missing_ok=True)
