"""Since when a refusal holds, who set it, and by which lists: for `why` and `refusals`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.daemon.files.editstory import EditStory, RuleChange
from gateway.lists.book import SHELF, Book
from gateway.policy.decided import Decider, decider, kind_of, setting, told_decided
from gateway.policy.profile import Profile
from gateway.policy.values import Decision, Reason

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.daemon.main import Daemon

MOST_LISTS = 6  # of one kind that are named; there are rarely two

Row = dict[str, object]
Since = tuple["str | None", "str | None"]  # the day by the home's calendar, and who


class Decided:
    """Made for one answer: what it reads of the files and of the book of lists is read once."""

    def __init__(self, daemon: Daemon, profile: Profile | None) -> None:
        self._daemon = daemon
        self._profile = profile
        self._story: tuple[RuleChange, ...] | None = None
        self._lists: dict[str, list[Row]] = {}

    def told(self, decision: Decision, host: str | None) -> Row | None:
        """``who kind contest since by version lists``; None of what is open."""
        told = told_decided(decision)
        if told is None:
            return None
        since, by = self._since(decision)
        packaged = decider(decision) in (Decider.BAND, Decider.PRODUCT)
        return told | {
            "since": since,
            "by": by,
            "version": __version__ if packaged else None,
            "lists": self._on_lists(decision, kind_of(decision), host),
        }

    def _since(self, decision: Decision) -> Since:
        """When what decided was set, and by whom, as far as anybody noted it. Of a band's rule: since when
        this person has the rules of that age.
        """
        who = decider(decision)
        if who is Decider.REGISTER:
            return self._register(decision)
        if decision.reason is Reason.PAUSED:
            return self._pause(decision.owner.partition(":")[2])
        key = "band" if who is Decider.BAND else setting(decision)
        one = self._edit_of(key) if key else None
        return (None, None) if one is None else (self._day(one.step.at), one.step.by)

    def _day(self, at: datetime) -> str:
        return at.astimezone(self._daemon.rules.household.config.zone).date().isoformat()

    def _edit_of(self, key: str) -> RuleChange | None:
        """The last step that touched a key. What a hand wrote, and what is older than the steps that are
        kept, nobody knows; nor whether a step did that left out what it was about.
        """
        for one in self._steps():
            if one.what == "added" or any(_is_of(key, entry.key) for entry in one.entries):
                return one
            if one.left_off:
                return None
        return None

    def _steps(self) -> Iterable[RuleChange]:
        if self._story is None:
            there = self._profile is not None and not self._profile.built_in
            story = (
                EditStory(self._daemon.rules).of_person(self._profile.id) if there and self._profile else ()
            )
            self._story = tuple(one for one in story if one.what in ("rules", "added"))
        return self._story

    def _register(self, decision: Decision) -> Since:
        country = decision.owner.split(":")[1]
        on = self._daemon.rules.household.config.registers
        found = next((one for one in on if one.country == country), None)
        if found is None or found.since is None:
            return None, None
        return found.since.isoformat(), found.by or None

    def _pause(self, by: str) -> Since:
        """Of the child, of all, or of one device: one of those by whom the decision says."""
        pauses = [one for one in self._daemon.store.state(self._daemon.local_now()).pauses if one.by == by]
        last = max(pauses, key=lambda one: one.since, default=None)
        return (None, by or None) if last is None else (self._day(last.since), by)

    def _on_lists(self, decision: Decision, kind: str, host: str | None) -> list[Row]:
        """The lists that feed what decided, each with the day of its copy. Which of several has the name is
        in no table. A name that the catalogue knows is of its kind without any list.
        """
        rules = self._daemon.rules
        if decision.reason is Reason.REGISTER:
            country = decision.owner.split(":")[1]
            book = Book(Path(rules.household.config.state) / SHELF)
            return [{"id": f"law-{country}", "version": book.day(f"law-{country}") or None}]
        if not kind or host is None or decision.reason is Reason.REFUSED_FOR_EVERYONE:
            return []
        if kind not in rules.table.categories(host):
            return []
        if kind not in self._lists:
            self._lists[kind] = self._of_kind(kind)
        return self._lists[kind]

    def _of_kind(self, kind: str) -> list[Row]:
        rules = self._daemon.rules
        info, book = rules.table.info, Book(Path(rules.household.config.state) / SHELF)
        built = info.built[:10]
        found = [
            str(one.get("id")) for one in info.sources if one.get("category") == kind and one.get("domains")
        ]
        return [{"id": one, "version": book.day(one) or built} for one in found[:MOST_LISTS]] or [
            {"id": "built-in", "version": built}
        ]


def _is_of(key: str, edited: str) -> bool:
    """Whether an edit of ``edited`` set ``key``: itself, or all of what it is a part of."""
    return edited == key or key.startswith(f"{edited}/") or edited.startswith(f"{key}/")
