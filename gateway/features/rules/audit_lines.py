"""Decides which audit lines guardians may see. For a child's own actions, the child's log level decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gateway.household.context import HomeContext
from gateway.household.visibility import Visibility, day_of
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL, shows_present
from gateway.store.tables.audit import AuditLine
from gateway.store.tables.grants import GrantKind
from gateway.store.tables.requests import RequestTable

OF_REQUESTS = frozenset({"request", "request auto", "request expired", "request reminder", "answer"})
TAKEN = frozenset({GrantKind.LANDING.value, GrantKind.TICKET.value, GrantKind.AUTO.value})
OWN = frozenset({"pin set", "erase"})  # private only where the child did it itself
ANSWER, OPEN = "answer", "open"


class AuditLines:
    """Hides audit lines, or parts of them, that guardians may not see at a child's log level."""

    def __init__(self, home: HomeContext, visibility: Visibility, requests: RequestTable) -> None:
        self._home = home
        self._visibility = visibility
        self._requests = requests

    def visible(self, line: AuditLine) -> tuple[AuditLine, bool] | None:
        """Return the visible part of an audit line, and True if only its day may be shown, not its time.

        None if the line is hidden.
        """
        if line.what in OF_REQUESTS:
            number, _, rest = line.detail.partition(" ")
            if number.isdigit():
                return self._of_request(line, int(number), _subject(rest))
            return self._given(line, _subject(line.detail))  # extra time from an answer
        if line.what == OPEN:
            return self._given(line, _subject(line.detail))
        if line.what in TAKEN:
            return self._taken(line, _subject(line.detail))
        child = self._child_of(line.who)
        if child is not None and line.what in OWN:
            return self._taken(line, child.id)
        return line, False

    def visible_authors(self, authors: Iterable[str]) -> list[str]:
        """Return the authors, except children if guardians may see none of their own audit lines."""
        return [
            author
            for author in authors
            if (child := self._child_of(author)) is None or self._visibility.level(child.id) >= KINDS_LEVEL
        ]

    def _of_request(self, line: AuditLine, number: int, who: str) -> tuple[AuditLine, bool] | None:
        level, request = self._level(who), self._requests.get(number)
        waits = request is not None and request.waits and request.who == who
        if level >= NAMES_LEVEL or waits:
            return line, False
        if level < KINDS_LEVEL:
            return None
        return (line, False) if line.what == ANSWER else self._by_day(line)

    def _given(self, line: AuditLine, who: str) -> tuple[AuditLine, bool]:
        """Return the line about what a guardian gave; below NAMES_LEVEL without what the child asked for.

        The second value is False: its time may be shown.
        """
        level = self._level(who)
        if level >= NAMES_LEVEL:
            return line, False
        words = line.detail.split(" ")
        shown = words[:1] if line.what == OPEN else words[:3]  # the person; for extra time the minutes, too
        _, until, end = line.detail.rpartition(" until ")
        # Extra time may open several gates. The last end is shown; the pages show it, too.
        detail = " ".join([*shown, *(["until", end.split(" ")[0]] if until else [])])
        what = GrantKind.GRANT.value if line.what != OPEN and level < KINDS_LEVEL else line.what
        return replace(line, what=what, detail=detail), False

    def _taken(self, line: AuditLine, who: str) -> tuple[AuditLine, bool] | None:
        """Return the line about what a child took; below NAMES_LEVEL with its day and first words only.

        None for a child without a log. If the log level hides the present, None also until the day
        is over.
        """
        level = self._level(who)
        if level >= NAMES_LEVEL:
            return line, False
        day = self._home.rules.calendar.family_day
        zone = self._home.rules.household.config.zone
        is_today = day(line.at.astimezone(zone)) == day(self._home.local_now())
        if level < KINDS_LEVEL or (is_today and not shows_present(level)):
            return None
        return self._by_day(replace(line, detail=" ".join(line.detail.split(" ")[:3]).rstrip(":")))

    def _by_day(self, line: AuditLine) -> tuple[AuditLine, bool]:
        local = line.at.astimezone(self._home.rules.household.config.zone)
        return replace(line, at=day_of(local), origin=""), True

    def _level(self, who: str) -> int:
        """Return the log level of a profile by its id; 0 for a person who is no longer in the family."""
        return self._visibility.level(who) if who in self._home.rules.household.profiles else 0

    def _child_of(self, name: str) -> Profile | None:
        children = self._home.rules.household.children
        return next((child for child in children if name in (child.id, child.name)), None)


def _subject(detail: str) -> str:
    """Return the profile id with which an audit line's detail begins.

    Details are such as ``daughter: time`` or ``daughter 30 min: bedtime``.
    """
    return detail.partition(" ")[0].removesuffix(":")
