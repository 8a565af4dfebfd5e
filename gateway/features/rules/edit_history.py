"""Lists the edits of the family's rule files from the file history, such as for the verb `changes`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from gateway.control.contract.rules import ChangedValue, UndoAction
from gateway.core.errors import PolicyError
from gateway.household.file_history import FileChange, FileHistory, revision
from gateway.household.rule_book import RuleBook
from gateway.policy.config.config import FAMILY_KEYS
from gateway.policy.profile import edits
from gateway.policy.profile.edits import ChangedEntry, changed_entries
from gateway.policy.profile.rule_file import rules_to_yaml
from gateway.policy.yaml.documents import Document

STEPS = 12  # newest steps of a day: parsing each file takes 1 ms on a PC, and packets wait meanwhile
ENTRIES = 16  # of one step; the answer says how many are left off
VALUE_LIMIT = 1000  # characters of one value; a longer one is replaced by "…"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What one change of the family's files (a step of their history) changed in one file.

    ``what``: ``rules``, ``added``, ``removed`` or ``settings``. ``left_off``: how many entries are
    not listed.
    """

    step: FileChange
    what: str
    who: str  # a profile's id; empty for the settings
    name: str
    entries: tuple[ChangedEntry, ...]
    left_off: int
    undo: UndoAction | None
    because: str = ""  # only for the file that the step was made for


@dataclass(frozen=True, slots=True)
class _File:
    """A profile's file at one moment: the person's name, the parsed content, and the resulting rules."""

    name: str  # of the person
    document: Document
    effective: Mapping[str, Any]


class EditHistory:
    """Compares stored versions of rule files, and returns what each edit changed.

    Create one for each response: it caches the files that it parses.
    """

    def __init__(self, rules: RuleBook) -> None:
        self._rules = rules
        self._parsed: dict[tuple[str, int | None], _File | None] = {}

    def of(self, day: date) -> Iterator[RuleChange]:
        """Yield a day's changes of profiles' files and of the family's settings, the newest edit first.

        ``day``: a day of the household. Only the newest STEPS edits of that day are read.
        """
        rules = self._rules
        profiles = Path(rules.household.config.profiles)
        folders = {profiles: rules.history(profiles), rules.path.parent: rules.history(rules.path.parent)}
        found = [
            (step, history, folder == profiles)
            for folder, history in folders.items()
            for step in history.steps.values()
            if rules.calendar.family_day(step.at) == day
        ]
        found.sort(key=lambda item: (item[0].at, item[0].number), reverse=True)
        for step, history, of_people in found[:STEPS]:
            changes = (
                self._of_people(step, history, profiles) if of_people else (self._of_home(step, history),)
            )
            yield from (change for change in changes if change is not None)

    def of_person(self, who: str) -> Iterator[RuleChange]:
        """Yield the changes of one profile's file, newest first, back to when it was last added or removed.

        Earlier steps may be about another person with a file of the same name. A removal ends the list and is
        not part of it. The reason of a step that was made for another person's file is left out. No change
        has an undo.
        """
        folder = Path(self._rules.household.config.profiles)
        history, name = self._rules.history(folder), f"{who}.yaml"
        for step in reversed(list(history.steps.values())):
            change = self._of_person(step, history, folder / name) if name in step.after else None
            if change is None:
                continue
            if change.what != "removed":
                own = self._main_file(step, history, folder) == name
                yield replace(change, undo=None, because=step.because if own else "")
            if change.what != "rules":
                return

    def _of_people(self, step: FileChange, history: FileHistory, folder: Path) -> Iterator[RuleChange | None]:
        """Yield the changes by one edit (step): of the profile file that it was made for, and of others.

        The first is None if that file has no change to show. Others are left out if they only lost
        devices, and have no undo.
        """
        main = self._main_file(step, history, folder)
        first = self._of_person(step, history, folder / main)
        yield None if first is None else replace(first, because=step.because)
        for name in step.after:
            change = self._of_person(step, history, folder / name) if name != main else None
            if change is not None and any(not entry.key.startswith("devices/") for entry in change.entries):
                yield replace(change, undo=None)

    def _of_person(self, step: FileChange, history: FileHistory, path: Path) -> RuleChange | None:
        name, who = path.name, path.stem
        before = self._person(path, self._before(step, history, name))
        after = self._person(path, self._after(step, history, name))
        shown = after or before
        if shown is None:
            return None
        if step.before[name] is None:
            undo = UndoAction(do="remove_profile", id=who)
            return self._change(step, history, name, "added", shown.name, (), undo)
        if step.after[name] is None:
            undo = UndoAction(do="restore_profile", token=str(step.number))
            return self._change(step, history, name, "removed", shown.name, (), undo)
        if before is None or after is None:
            return None
        found = tuple(changed_entries(before.document, after.document, before.effective, after.effective))
        undo = UndoAction(do="unedit", id=who, revision=step.before[name], found=step.after[name])
        return self._change(step, history, name, "rules", shown.name, found, undo) if found else None

    def _of_home(self, step: FileChange, history: FileHistory) -> RuleChange | None:
        path = self._rules.path
        if path.name not in step.after:
            return None
        before, after = self._before(step, history, path.name), self._after(step, history, path.name)
        if before is None or after is None:
            return None
        try:
            old, new = edits.read(before, path.name), edits.read(after, path.name)
        except PolicyError:
            return None
        keys = (*FAMILY_KEYS, "registers")
        found = [entry for entry in changed_entries(old, new, {}, {}) if entry.key.partition("/")[0] in keys]
        undo = UndoAction(do="unedit_family", revision=step.before[path.name], found=step.after[path.name])
        return self._change(step, history, path.name, "settings", "", tuple(found), undo) if found else None

    def _change(
        self, step: FileChange, history: FileHistory, file: str, what: str, name: str,
        entries: tuple[ChangedEntry, ...], undo: UndoAction,
    ) -> RuleChange:  # fmt: skip
        """Return the change of ``file`` by one edit (step), with an undo only if it was the file's last.

        The former content must also be stored.
        """
        last = max(number for number, other in history.steps.items() if file in other.after)
        is_current = last == step.number and revision(history.read(file)) == step.after[file]
        can_undo = is_current and self._is_before_stored(step, history, file)
        who = "" if what == "settings" else Path(file).stem
        return RuleChange(
            step,
            what,
            who,
            name,
            entries[:ENTRIES],
            max(len(entries) - ENTRIES, 0),
            undo if can_undo else None,
        )

    def _main_file(self, step: FileChange, history: FileHistory, folder: Path) -> str:
        """Return the name of the file that an edit (step) was made for.

        It is the first file that was added, removed or got a device, or in which more than the
        devices changed: files that only lost devices to another one do not count.
        """
        names = list(step.after)
        for name in names if len(names) > 1 else ():
            before = self._person(folder / name, self._before(step, history, name))
            after = self._person(folder / name, self._after(step, history, name))
            if before is None or after is None:
                return name
            differences = edits.differences(before.document, after.document)
            added = set(after.effective["devices"]) - set(before.effective["devices"])
            if added or differences != ["devices"]:
                return name
        return names[0]

    def _person(self, path: Path, data: bytes | None) -> _File | None:
        key = path.name, revision(data)
        if key not in self._parsed:
            self._parsed[key] = None if data is None else self._parse(path, data)
        return self._parsed[key]

    def _parse(self, path: Path, data: bytes) -> _File | None:
        """Return the parsed file of a profile; None if this version of the program cannot read it."""
        try:
            document, profile = edits.read(data, path.name), self._rules.profile_of(data, path)
        except PolicyError:
            return None
        own = {"name": profile.name, "band": profile.band.value, "devices": list(profile.devices)}
        if isinstance(document.get("devices"), list):
            document = {**document, "devices": list(edits.macs(document["devices"]))}
        return _File(profile.name, document, rules_to_yaml(profile.rules) | own)

    def _before(self, step: FileChange, history: FileHistory, name: str) -> bytes | None:
        try:
            return history.content(step, name)
        except PolicyError:
            return None

    def _is_before_stored(self, step: FileChange, history: FileHistory, name: str) -> bool:
        return step.before[name] is None or self._before(step, history, name) is not None

    def _after(self, step: FileChange, history: FileHistory, name: str) -> bytes | None:
        """Return the content that an edit (step) left in a file.

        None if the edit deleted it, or if it was then changed outside of the daemon. The content is
        what the next edit found, or the file as it is now.
        """
        wanted = step.after[name]
        if wanted is None:
            return None
        later = (
            other for other in history.steps.values() if other.number > step.number and name in other.after
        )
        following = next(later, None)
        data = history.read(name) if following is None else self._before(following, history, name)
        return data if revision(data) == wanted else None


def changed_values(entries: tuple[ChangedEntry, ...]) -> tuple[ChangedValue, ...]:
    """Return changed entries for a response, with "…" for values whose text is longer than VALUE_LIMIT."""
    return tuple(
        ChangedValue(key=entry.key, before=_short(entry.before), after=_short(entry.after))
        for entry in entries
    )


def _short(value: Any) -> Any:
    return value if len(str(value)) <= VALUE_LIMIT else "…"
