"""Lines of the audit as guardians are told them: what a child did itself goes by its log level."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.daemon.eyes import Eyes, day_of
from gateway.policy.loglevels import KINDS_LEVEL, NAMES_LEVEL
from gateway.store.given import Kind
from gateway.store.state import AuditLine

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.policy.profile import Profile

OF_REQUESTS = frozenset({"request", "request auto", "request expired", "request reminder", "answer"})
TAKEN = frozenset({Kind.LANDING.value, Kind.TICKET.value, Kind.AUTO.value})
OWN = frozenset({"pin set", "erase"})  # where it is by the child itself
ANSWER, OPEN = "answer", "open"


class AuditLines:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._eyes = Eyes(daemon)

    def told(self, line: AuditLine) -> tuple[AuditLine, bool] | None:
        """The line, and whether of its moment the day alone is told; None: it is not told."""
        if line.what in OF_REQUESTS:
            number, _, rest = line.detail.partition(" ")
            if number.isdigit():
                return self._of_request(line, int(number), _whose(rest))
            return self._given(line, _whose(line.detail))  # what an answer gave
        if line.what == OPEN:
            return self._given(line, _whose(line.detail))
        if line.what in TAKEN:
            return self._taken(line, _whose(line.detail))
        child = self._child_of(line.who)
        if child is not None and line.what in OWN:
            return self._taken(line, child.id)
        return line, False

    def people(self, limit: int) -> list[str]:
        """Who stands in it, without those of whom no line is told."""
        found = self._daemon.store.auditors(limit)
        return [
            who
            for who in found
            if (child := self._child_of(who)) is None or self._eyes.level(child.id) >= KINDS_LEVEL
        ]

    def _of_request(self, line: AuditLine, number: int, who: str) -> tuple[AuditLine, bool] | None:
        level, request = self._level(who), self._daemon.store.requests.get(number)
        waits = request is not None and request.waits and request.who == who
        if level >= NAMES_LEVEL or waits:
            return line, False
        if level < KINDS_LEVEL:
            return None
        return (line, False) if line.what == ANSWER else self._by_day(line)

    def _given(self, line: AuditLine, who: str) -> tuple[AuditLine, bool]:
        """A guardian's own word, which stays, without the name that the child asked for."""
        level = self._level(who)
        if level >= NAMES_LEVEL:
            return line, False
        words = line.detail.split(" ")
        kept = words[:1] if line.what == OPEN else words[:3]  # whose it is; of time how many minutes as well
        _, until, end = line.detail.rpartition(" until ")
        # Of several gates the last one's end is told, and the pages tell it as well.
        detail = " ".join([*kept, *(["until", end.split(" ")[0]] if until else [])])
        what = Kind.GRANT.value if line.what != OPEN and level < KINDS_LEVEL else line.what
        return replace(line, what=what, detail=detail), False

    def _taken(self, line: AuditLine, who: str) -> tuple[AuditLine, bool] | None:
        level = self._level(who)
        if level >= NAMES_LEVEL:
            return line, False
        if level < KINDS_LEVEL:
            return None
        return self._by_day(replace(line, detail=" ".join(line.detail.split(" ")[:3]).rstrip(":")))

    def _by_day(self, line: AuditLine) -> tuple[AuditLine, bool]:
        local = line.at.astimezone(self._daemon.rules.household.config.zone)
        return replace(line, at=day_of(local), origin=""), True

    def _level(self, who: str) -> int:
        """Of a child who is not of the family any more nothing is told."""
        return self._eyes.level(who) if who in self._daemon.rules.household.profiles else 0

    def _child_of(self, name: str) -> Profile | None:
        children = self._daemon.rules.household.children
        return next((one for one in children if name in (one.id, one.name)), None)


def _whose(detail: str) -> str:
    """Of ``daughter: time`` and ``daughter 30 min: bedtime``."""
    return detail.partition(" ")[0].removesuffix(":")
