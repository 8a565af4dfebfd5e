"""The sealed sets of the home: renewed by a process that ends, read by the daemon alone, never told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.daemon.files.steps import PROGRAM
from gateway.errand import Errand
from gateway.lists.sealed import Held
from gateway.loop import Timer
from gateway.policy.values import Reason

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

FIRST = 20.0  # seconds after a start: the line comes up meanwhile
AGAIN = 6 * 3600.0  # between two looks; the issuers that are known of make a new set twice a day
SOON = 900.0  # after a look that went wrong, or with a clock that nobody vouches for
TIMEOUT = 1800.0  # seconds; eight sets of 2 MB over a slow line
PROBLEMS = 8  # lines of the last look that are kept


class Sealing:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._problems: tuple[str, ...] = ()
        self._late: frozenset[str] = frozenset()  # sources whose set was found expired, and written down
        self._timer: Timer | None = None
        self._errand = Errand(daemon.loop, lambda _said: None, self._ended, TIMEOUT)
        self.close = self._errand.close

    def start(self) -> None:
        self._later(FIRST)

    def reloaded(self) -> None:
        """The files were read again: a source that is new is not left waiting for hours."""
        if any(one.head is None for one in self._daemon.rules.sealed):
            self._later(0.0)

    def _later(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._daemon.loop.call_later(delay, self._look)

    def _look(self) -> None:
        """Expiry is judged by the clock: while that is not known, nothing is fetched and nothing is late."""
        daemon = self._daemon
        self._note_late()
        if not daemon.rules.household.config.sealed or self._errand.running:
            self._later(AGAIN)
        elif not daemon.watch.known:
            self._later(SOON)
        else:
            try:
                self._errand.start(
                    ["gateway", "sealed", "update", "--nice", "--config", str(daemon.rules.path)]
                )
            except OSError as error:
                self._finished((f"sealed sets: no program can be started: {error.strerror or error}",))

    def _ended(self, status: int, words: str) -> None:
        lines = [line.strip().removeprefix("qalqan: ") for line in words.splitlines() if line.strip()]
        self._finished(tuple(lines[-PROBLEMS:]) if status else ())

    def _finished(self, problems: tuple[str, ...]) -> None:
        daemon = self._daemon
        self._problems = problems
        if daemon.rules.read_sealed():
            daemon.reassign()
        self._note_late()
        self._later(SOON if problems else AGAIN)

    def _note_late(self) -> None:
        """That a set has expired is written down once: the last good one goes on."""
        late = {one.source.name: one for one in self._held_late()}
        for name in sorted(late.keys() - self._late):
            head = late[name].head
            detail = "" if head is None else head.issuer
            self._daemon.store.audit("sealed_late", detail, by=PROGRAM, at=self._daemon.local_now())
        self._late = frozenset(late)

    def _held_late(self) -> list[Held]:
        daemon = self._daemon
        now = daemon.clock.now().timestamp()
        return [one for one in daemon.rules.sealed if one.is_late(now)] if daemon.watch.known else []

    def problems(self) -> list[str]:
        """One line for each thing that is wrong; none has a name of a set in it."""
        late = [
            f"the sealed set of {one.head.issuer} has expired; it goes on until its issuer gives a new one"
            for one in self._held_late()
            if one.head is not None
        ]
        broken = [one.problem for one in self._daemon.rules.sealed if one.problem]
        return [*late, *(broken or self._problems)]

    def figures(self) -> dict[str, int]:
        """Numbers alone: how many sets and names are in force, and how often anybody of the home met what is
        refused for everyone today, of whatever kind: a number of its own would tell which names are sealed.
        """
        heads = [one.head for one in self._daemon.rules.sealed if one.head is not None]
        day = self._daemon.rules.calendar.family_day(self._daemon.local_now())
        return {
            "sets": len(heads),
            "names": sum(one.count for one in heads),
            "late": len(self._held_late()),
            "refused_today": self._daemon.store.history.home_total(day, Reason.REFUSED_FOR_EVERYONE),
        }
