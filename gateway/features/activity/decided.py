"""Finds since when a rule blocks, who set it, and its lists, for the verbs `why` and `refusals`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path

from gateway import __version__
from gateway.control.contract.activity import BlockOrigin, ListVersion
from gateway.features.rules.edit_history import EditHistory, RuleChange
from gateway.household.context import HomeContext
from gateway.household.members import owner
from gateway.lists.book import SHELF, CopyIndex
from gateway.policy.judge.explanation import Decider, category_of, contest, decider, setting
from gateway.policy.profile.profile import Profile
from gateway.policy.values import Decision, Reason, Verdict
from gateway.store.tables.pauses import PauseTable

MOST_LISTS = 6  # of one category that are named; there are rarely two

Since = tuple[date | None, str | None]  # the local day, and the account


class DecisionSource:
    """Describes who set the rules behind decisions about one profile, when, and which lists they used.

    Create one for each response: it reads each file once.
    """

    def __init__(
        self,
        home: HomeContext,
        pauses: PauseTable,
        story: Callable[[], EditHistory],
        profile: Profile | None,
    ) -> None:
        self._home = home
        self._pauses = pauses
        self._story = story
        self._profile = profile
        self._steps: tuple[RuleChange, ...] | None = None
        self._lists: dict[str, tuple[ListVersion, ...]] = {}

    def describe(self, decision: Decision, host: str | None) -> BlockOrigin | None:
        """Return who or what blocks ``host``, since when, and by which lists; None if it is not blocked.

        ``host`` is None for a connection without a host name.
        Raises ListError if the index of the downloaded lists cannot be read.
        """
        if decision.verdict is not Verdict.BLOCK:
            return None
        who, category = decider(decision), category_of(decision)
        since, by = self._since(decision)
        return BlockOrigin(
            who=who.value,
            kind=category or None,
            contest=contest(decision).value,
            since=since,
            by=by,
            version=__version__ if who in (Decider.BAND, Decider.PRODUCT) else None,
            lists=self._on_lists(decision, category, host),
        )

    def _since(self, decision: Decision) -> Since:
        """Return the day on which the setting behind a decision was made, and its author; None if unknown.

        For a rule of the age group: since when the profile has this age group.
        """
        who = decider(decision)
        if who is Decider.REGISTER:
            return self._register(decision)
        if decision.reason is Reason.PAUSED:
            return self._pause(decision.owner)
        key = "band" if who is Decider.BAND else setting(decision)
        edit = self._edit_of(key) if key else None
        return (None, None) if edit is None else (self._day(edit.step.at), edit.step.by)

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._home.rules.household.config.zone).date()

    def _edit_of(self, key: str) -> RuleChange | None:
        """Return the last recorded edit of a key in the profile's file, or the one that added the file.

        None if it was made outside of Qalqan or is no longer stored. Also None if an edit omits part of its
        changes: the key may be among them.
        """
        for edit in self._edits():
            if edit.what == "added" or any(_is_of(key, entry.key) for entry in edit.entries):
                return edit
            if edit.left_off:
                return None
        return None

    def _edits(self) -> Iterable[RuleChange]:
        if self._steps is None:
            profile = self._profile
            has_file = profile is not None and not profile.built_in
            edits = self._story().of_person(profile.id) if has_file and profile else ()
            self._steps = tuple(edit for edit in edits if edit.what in ("rules", "added"))
        return self._steps

    def _register(self, decision: Decision) -> Since:
        country = decision.owner.split(":")[1]
        registers = self._home.rules.household.config.registers
        found = next((register for register in registers if register.country == country), None)
        if found is None or found.since is None:
            return None, None
        return found.since, found.by or None

    def _pause(self, by: str) -> Since:
        """Return the day on which the last running pause by the owner ``by`` began, and its author.

        It may be a pause of any child. ``by``: the owner in a decision. If no pause by it runs, the day is
        None, and the author is the account that the owner names, or None.
        """
        pauses = [
            pause for pause in self._pauses.in_force(self._home.local_now()).pauses if owner(pause.by) == by
        ]
        if not pauses:
            return None, by.partition(":")[2] or None
        last = max(pauses, key=lambda pause: pause.since)
        return self._day(last.since), last.by

    def _on_lists(self, decision: Decision, kind: str, host: str | None) -> tuple[ListVersion, ...]:
        """Return the lists of the category ``kind`` that decided about ``host``, with the copies' dates.

        No table says which of several lists contains the name, so all are returned, at most
        MOST_LISTS; ``built-in`` if the table names none. For a state's register, it is only that.
        Empty without a host or a category, if the category of the host comes from the catalogue of
        services, and for a host that is blocked for everyone.
        """
        rules = self._home.rules
        if decision.reason is Reason.REGISTER:
            country = decision.owner.split(":")[1]
            book = CopyIndex(Path(rules.household.config.state) / SHELF)
            return (ListVersion(f"law-{country}", _date(book.day(f"law-{country}"))),)
        if not kind or host is None or decision.reason is Reason.REFUSED_FOR_EVERYONE:
            return ()
        if kind not in rules.table.categories(host):
            return ()
        if kind not in self._lists:
            self._lists[kind] = self._of_kind(kind)
        return self._lists[kind]

    def _of_kind(self, kind: str) -> tuple[ListVersion, ...]:
        rules = self._home.rules
        info, book = rules.table.info, CopyIndex(Path(rules.household.config.state) / SHELF)
        built = _date(info.built[:10])
        found = [
            str(source.get("id"))
            for source in info.sources
            if source.get("category") == kind and source.get("domains")
        ]
        return tuple(ListVersion(name, _date(book.day(name)) or built) for name in found[:MOST_LISTS]) or (
            ListVersion("built-in", built),
        )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _is_of(key: str, edited: str) -> bool:
    """Return whether an edit of the key ``edited`` set ``key``: they are equal, or one contains the other."""
    return edited == key or key.startswith(f"{edited}/") or edited.startswith(f"{key}/")
