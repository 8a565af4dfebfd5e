"""Edits of the family's files on one day, as `changes` tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.daemon.files.history import History
from gateway.daemon.files.steps import Step, revision
from gateway.errors import PolicyError
from gateway.policy import edits
from gateway.policy.edited import Edited, edited
from gateway.policy.plain import Document
from gateway.policy.spoken import spoken

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

STEPS = 12  # of one answer, the newest: each file of a step is parsed while packets wait, 1 ms a file on a PC
ENTRIES = 16  # of one step; whoever pastes fifty sites reads how many there are
VALUE_LIMIT = 1000  # characters of one value; one that is longer is told without what it says

Undo = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Told:
    """One step. ``what``: rules, added, removed or settings."""

    step: Step
    what: str
    who: str  # a profile's id; empty: the settings
    name: str
    entries: tuple[Edited, ...]
    left_off: int
    undo: Undo | None
    because: str = ""  # of the file alone that the step was about


@dataclass(frozen=True, slots=True)
class _File:
    """A file at one moment: what it said, and what held."""

    name: str  # of the person
    said: Document
    holds: Mapping[str, Any]


class EditStory:
    """Made for one answer."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._read: dict[tuple[str, int | None], _File | None] = {}

    def of(self, day: date) -> Iterator[Told]:
        """The steps of a family's day, in no order."""
        rules = self._daemon.rules
        profiles = Path(rules.household.config.profiles)
        places = {profiles: rules.history(profiles), rules.path.parent: rules.history(rules.path.parent)}
        found = [
            (step, history, folder == profiles)
            for folder, history in places.items()
            for step in history.steps.values()
            if rules.calendar.family_day(step.at) == day
        ]
        found.sort(key=lambda one: (one[0].at, one[0].number), reverse=True)
        for step, history, of_people in found[:STEPS]:
            told = self._of_people(step, history, profiles) if of_people else (self._of_home(step, history),)
            yield from (one for one in told if one is not None)

    def of_person(self, who: str) -> Iterator[Told]:
        """The last changes of one person's rules that are remembered, newest first, back to when the file was
        made: before that somebody else may have had its name. Why another's were changed by the same step is
        not told.
        """
        folder = Path(self._daemon.rules.household.config.profiles)
        history, name = self._daemon.rules.history(folder), f"{who}.yaml"
        for step in reversed(list(history.steps.values())):
            told = self._of_person(step, history, folder / name) if name in step.after else None
            if told is None:
                continue
            if told.what != "removed":
                mine = self._mainly(step, history, folder) == name
                yield replace(told, undo=None, because=step.because if mine else "")
            if told.what != "rules":
                return

    def _of_people(self, step: Step, history: History, folder: Path) -> Iterator[Told | None]:
        """Of other files of a step what is more than that their devices went to the one it was about."""
        main = self._mainly(step, history, folder)
        first = self._of_person(step, history, folder / main)
        yield None if first is None else replace(first, because=step.because)
        for name in step.after:
            told = self._of_person(step, history, folder / name) if name != main else None
            if told is not None and any(not one.key.startswith("devices/") for one in told.entries):
                yield replace(told, undo=None)

    def _of_person(self, step: Step, history: History, path: Path) -> Told | None:
        name, who = path.name, path.stem
        before = self._person(path, self._before(step, history, name))
        after = self._person(path, self._after(step, history, name))
        shown = after or before
        if shown is None:
            return None
        undo: Undo
        if step.before[name] is None:
            undo = {"do": "remove_profile", "id": who}
            return self._told(step, history, name, "added", shown.name, (), undo)
        if step.after[name] is None:
            undo = {"do": "restore_profile", "token": str(step.number)}
            return self._told(step, history, name, "removed", shown.name, (), undo)
        if before is None or after is None:
            return None
        found = tuple(edited(before.said, after.said, before.holds, after.holds))
        undo = {"do": "unedit", "id": who, "revision": step.before[name], "found": step.after[name]}
        return self._told(step, history, name, "rules", shown.name, found, undo) if found else None

    def _of_home(self, step: Step, history: History) -> Told | None:
        path = self._daemon.rules.path
        if path.name not in step.after:
            return None
        before, after = self._before(step, history, path.name), self._after(step, history, path.name)
        if before is None or after is None:
            return None
        try:
            old, new = edits.read(before, path.name), edits.read(after, path.name)
        except PolicyError:
            return None
        keys = (*edits.FAMILY_KEYS, "registers")
        found = [one for one in edited(old, new, {}, {}) if one.key.partition("/")[0] in keys]
        undo = {
            "do": "unedit_family", "revision": step.before[path.name], "found": step.after[path.name],
        }  # fmt: skip
        return self._told(step, history, path.name, "settings", "", tuple(found), undo) if found else None

    def _told(
        self, step: Step, history: History, name: str, what: str, called: str,
        entries: tuple[Edited, ...], undo: Undo,
    ) -> Told:  # fmt: skip
        last = max(number for number, one in history.steps.items() if name in one.after)
        is_there = last == step.number and revision(history.read(name)) == step.after[name]
        holds = is_there and self._kept(step, history, name)
        who = "" if what == "settings" else Path(name).stem
        return Told(
            step,
            what,
            who,
            called,
            entries[:ENTRIES],
            max(len(entries) - ENTRIES, 0),
            undo if holds else None,
        )

    def _mainly(self, step: Step, history: History, folder: Path) -> str:
        """The file about which a step was: it has a device more, or more than devices moved."""
        names = list(step.after)
        for name in names if len(names) > 1 else ():
            before = self._person(folder / name, self._before(step, history, name))
            after = self._person(folder / name, self._after(step, history, name))
            if before is None or after is None:
                return name
            moved = edits.differences(before.said, after.said)
            more = set(after.holds["devices"]) - set(before.holds["devices"])
            if more or moved != ["devices"]:
                return name
        return names[0]

    def _person(self, path: Path, data: bytes | None) -> _File | None:
        key = path.name, revision(data)
        if key not in self._read:
            self._read[key] = None if data is None else self._parsed(path, data)
        return self._read[key]

    def _parsed(self, path: Path, data: bytes) -> _File | None:
        try:
            said, profile = edits.read(data, path.name), self._daemon.rules.profile_of(data, path)
        except PolicyError:  # it says what no version of today can read
            return None
        own = {"name": profile.name, "band": profile.band.value, "devices": list(profile.devices)}
        if isinstance(said.get("devices"), list):
            said = {**said, "devices": list(edits.macs(said["devices"]))}
        return _File(profile.name, said, spoken(profile.rules) | own)

    def _before(self, step: Step, history: History, name: str) -> bytes | None:
        try:
            return history.content(step, name)
        except PolicyError:
            return None

    def _kept(self, step: Step, history: History, name: str) -> bool:
        return step.before[name] is None or self._before(step, history, name) is not None

    def _after(self, step: Step, history: History, name: str) -> bytes | None:
        """As it stood after a step: before the next one, or now; None where a hand went between."""
        wanted = step.after[name]
        if wanted is None:
            return None
        later = (one for one in history.steps.values() if one.number > step.number and name in one.after)
        following = next(later, None)
        data = history.read(name) if following is None else self._before(following, history, name)
        return data if revision(data) == wanted else None


def described(entries: tuple[Edited, ...]) -> list[dict[str, object]]:
    """``key before after`` of each."""
    return [{"key": one.key, "before": _short(one.before), "after": _short(one.after)} for one in entries]


def _short(value: Any) -> Any:
    return value if len(str(value)) <= VALUE_LIMIT else "…"
