"""Updates the sealed lists: hashed host names that are blocked for everyone.

A separate process fetches them. Only the daemon reads them, and no response names what is in them.
"""

from __future__ import annotations

from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Timer
from gateway.household.context import Effects, HomeContext
from gateway.household.file_history import PROGRAM
from gateway.lists.sealed import SealedState
from gateway.policy.values import Reason
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.history import HistoryTable

FIRST = 20.0  # seconds after a start: the line comes up meanwhile
AGAIN = 6 * 3600.0  # between two looks; the issuers that are known of make a new set twice a day
SOON = 900.0  # after a failed look, or with an untrusted clock
TIMEOUT = 1800.0  # seconds; eight sets of 2 MB over a slow line
PROBLEMS = 8  # lines of the last look that are kept


class SealedListUpdates:
    """Fetches the sealed lists (hashed names that are blocked for everyone) every six hours.

    It writes an audit line when one expires.
    """

    def __init__(
        self, home: HomeContext, effects: Effects, audit: RecordAudit, history: HistoryTable
    ) -> None:
        self._home = home
        self._effects = effects
        self._audit = audit
        self._history = history
        self._problems: tuple[str, ...] = ()
        self._late: frozenset[str] = frozenset()  # sources with an expired set that was recorded
        self._timer: Timer | None = None
        self._process = HelperProcess(home.loop, lambda _said: None, self._ended, TIMEOUT)
        self.close = self._process.close

    def start(self) -> None:
        self._later(FIRST)

    def reloaded(self) -> None:
        """Fetch immediately if a source has no list yet. Call it after the rule files were read again."""
        if any(held.head is None for held in self._home.rules.sealed):
            self._later(0.0)

    def _later(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._home.loop.call_later(delay, self._look)

    def _look(self) -> None:
        """Start a fetch of new sealed lists (hashed host names), and set the timer if none was started.

        A fetch needs configured lists and a trusted clock; only one runs at a time.
        """
        home = self._home
        self._note_late()
        if not home.rules.household.config.sealed or self._process.running:
            self._later(AGAIN)
        elif not home.clock_trusted:
            self._later(SOON)
        else:
            try:
                self._process.start(
                    ["gateway", "sealed", "update", "--nice", "--config", str(home.rules.path)]
                )
            except OSError as error:
                self._finished((f"sealed lists: no program can be started: {error.strerror or error}",))

    def _ended(self, status: int, words: str) -> None:
        lines = [line.strip().removeprefix("qalqan: ") for line in words.splitlines() if line.strip()]
        self._finished(tuple(lines[-PROBLEMS:]) if status else ())

    def _finished(self, problems: tuple[str, ...]) -> None:
        """Load and apply the fetched sealed lists, and set the timer for the next fetch.

        ``problems``: the errors of this fetch.
        """
        self._problems = problems
        if self._home.rules.read_sealed():
            self._effects.regroup()
        self._note_late()
        self._later(SOON if problems else AGAIN)

    def _note_late(self) -> None:
        """Write an audit line for each sealed list that has expired since the last call.

        The expired list still applies, until its issuer gives a new one.
        """
        late = {held.source.name: held for held in self._held_late()}
        for name in sorted(late.keys() - self._late):
            head = late[name].head
            detail = "" if head is None else head.issuer
            self._audit("sealed_late", detail, by=PROGRAM, at=self._home.local_now())
        self._late = frozenset(late)

    def _held_late(self) -> list[SealedState]:
        """Return the loaded sealed lists that have expired; none while the clock is not trusted."""
        if not self._home.clock_trusted:
            return []
        now = self._home.now().timestamp()
        return [held for held in self._home.rules.sealed if held.is_late(now)]

    def problems(self) -> list[str]:
        """Return one line for each sealed list that has expired or cannot be used. No line names a host.

        If none is unusable, also the errors of the last fetch.
        """
        late = [
            f"the sealed list of {held.head.issuer} has expired; it goes on until its issuer gives a new one"
            for held in self._held_late()
            if held.head is not None
        ]
        broken = [sealed.problem for sealed in self._home.rules.sealed if sealed.problem]
        return [*late, *(broken or self._problems)]

    def figures(self) -> dict[str, int]:
        """Return the number of sealed lists, of their names, of expired lists, and of blocked attempts today.

        ``refused_today`` counts the attempts at all sites that are blocked for everyone, malware and phishing
        included: a count for sealed names alone would disclose them.
        """
        heads = [held.head for held in self._home.rules.sealed if held.head is not None]
        day = self._home.rules.calendar.family_day(self._home.local_now())
        return {
            "sets": len(heads),
            "names": sum(head.count for head in heads),
            "late": len(self._held_late()),
            "refused_today": self._history.home_total(day, Reason.REFUSED_FOR_EVERYONE),
        }
