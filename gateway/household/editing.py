"""Edits the rule files (profiles and `qalqan.yaml`).

An edit is checked like the files at a start, written with a step in the history, and applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.core.errors import ControlError, PolicyError
from gateway.core.files import read_bounded, read_if_there
from gateway.core.reason_codes import Code
from gateway.household.file_history import (
    PROGRAM,
    FileChange,
    FileHistory,
    revision_of,
)
from gateway.household.loading import MAX_PROFILES, profile_files
from gateway.household.rule_book import RuleBook
from gateway.policy.config.config import FAMILY_KEYS, RouterSetting
from gateway.policy.profile import edits
from gateway.policy.profile.edits import Changes, blamed, changed
from gateway.policy.profile.household import Household, keep_last_good
from gateway.policy.profile.profile import Profile, id_of
from gateway.policy.yaml.documents import Document, Plain, is_by_hand
from gateway.policy.yaml.fields import suggestion

Contents = Mapping[Path, bytes | None]
Confirm = Callable[[Household], None]
"""Called before an edit is written, with the household as it would be. It raises an error to refuse it."""

REGISTERS = "registers"


@dataclass(frozen=True, slots=True)
class Author:
    """The author, time and reason of a change."""

    by: str  # a guardian's name, or for example CONSOLE or PROGRAM
    at: datetime  # aware
    because: str = ""  # the reason in the author's words, shown to the child whose rules change


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed change of files in one folder: their new contents and those found before (None: no file)."""

    files: dict[Path, bytes | None]
    found: dict[Path, bytes | None]


@dataclass(frozen=True, slots=True)
class CompletedEdit:
    """A completed edit: the file's content and revision before and after, and devices taken from others.

    After an undo, ``before`` is empty; for `qalqan.yaml`, ``after`` is empty too.

    ``lost``: profile id → MAC addresses that were moved from that profile to the edited one.
    """

    before: Document
    after: Document
    found: int  # the revision before
    revision: int  # the revision now
    lost: Mapping[str, tuple[str, ...]]


class Editing:
    """Edits, adds and removes the rule files of profiles, and restores earlier or removed ones.

    ``in_force`` is called after each change, except by `write`, with the MAC addresses that a profile newly
    lists.
    """

    def __init__(self, rules: RuleBook, in_force: Callable[[frozenset[str]], None]) -> None:
        self._rules = rules
        self._in_force = in_force

    @property
    def profiles(self) -> Path:
        return Path(self._rules.household.config.profiles)

    @property
    def history(self) -> FileHistory:
        return self._rules.history(self.profiles)

    def file(self, profile_id: str) -> Path:
        """Return the path of a profile's file. Raises ControlError if there is none."""
        found = next((file for file in profile_files(self.profiles) if file.stem == profile_id), None)
        if found is None:
            raise ControlError.of(Code.NO_PROFILE)
        return found

    def read(self, path: Path) -> tuple[bytes, Document]:
        """Return the content of a rule file, as bytes and parsed.

        Raises PolicyError if it cannot be read or is no valid YAML.
        """
        source = read_bounded(path)
        try:
            return source, edits.read(source, str(path))
        except PolicyError as error:
            raise _broken(error, path) from error

    def last_step(self, path: Path, source: bytes) -> FileChange | None:
        """Return the history entry of the last change by a person that led to ``source``.

        ``source``: the content of the rule file ``path``. Later changes by the program are skipped. None if
        the entry is not stored, or the file was edited by hand since.
        """
        return self._rules.history(path.parent).last(path.name, revision_of(source), PROGRAM)

    def edit(
        self,
        profile_id: str,
        changes: Changes,
        author: Author,
        revision: int | None = None,
        *,
        confirm: Confirm | None = None,
    ) -> CompletedEdit:
        """Change a profile's file and apply it. Return the edit.

        ``revision``: the revision that the author saw; None: any. Devices that the file lists now
        are removed from other profiles. If nothing changes, nothing is written; ``before`` equals ``after``.
        Raises GatewayError, also that of ``confirm``, with all files unchanged.
        """
        path = self.file(profile_id)
        source, before = self.read(path)
        if revision not in (None, revision_of(source)):
            raise ControlError.of(Code.CHANGED_MEANWHILE)
        after = self.changed(before, changes)
        if after == before:
            return CompletedEdit(before, after, revision_of(source), revision_of(source), {})
        draft = Draft({path: edits.profile_text(after)}, {path: source})
        lost = self._claim_devices(draft, _devices(after), path)
        self.put(draft, changes, author, confirm)
        return CompletedEdit(before, after, revision_of(source), _revision(draft.files[path]), lost)

    def undo_edit(
        self,
        profile_id: str,
        revision: int,
        author: Author,
        found: int | None = None,
        *,
        confirm: Confirm | None = None,
    ) -> CompletedEdit:
        """Restore an earlier revision of a profile's file. Return the edit.

        ``found``: the revision that the author saw; None: any. Devices that moved since then move back if the
        other file was not changed afterwards. Raises GatewayError, also that of ``confirm``, with all files
        unchanged.
        """
        path = self.file(profile_id)
        source = read_bounded(path)
        if found not in (None, revision_of(source)):
            raise ControlError.of(Code.CHANGED_MEANWHILE)
        steps, old = self.history.earlier(path, revision)
        draft = Draft({path: old}, {path: source})
        self._restore_others(draft, steps, path)
        after = edits.read(old, str(path))
        lost = self._claim_devices(draft, _devices(after), path)
        self.put(draft, {}, author, confirm)
        return CompletedEdit({}, after, revision_of(source), _revision(old), lost)

    def _restore_others(self, draft: Draft, steps: list[FileChange], path: Path) -> None:
        """Add to ``draft`` the contents that other files had before ``steps``, if unchanged since then.

        A file that one of these steps added stays, as removing a profile is a change of its own.
        """
        for step in steps:
            for name in step.after:
                if step.before[name] is None:
                    continue
                other = path.with_name(name)
                there = draft.found[other] if other in draft.found else read_if_there(other)
                now = draft.files.get(other, there)
                if other != path and now is not None and revision_of(now) == step.after[name]:
                    draft.found[other] = there
                    draft.files[other] = self.history.content(step, name)

    def add(
        self,
        name: str,
        changes: Changes,
        author: Author,
        *,
        trial: bool = False,
        confirm: Confirm | None = None,
    ) -> str:
        """Add a profile with these rules and return its id. Its devices are removed from other profiles.

        ``trial``: check it without writing, also by ``confirm``. Raises GatewayError, also that of
        ``confirm``, with all files unchanged, also if there are MAX_PROFILES files.
        """
        household = self._rules.household
        files = profile_files(self.profiles)
        if len(files) >= MAX_PROFILES:
            raise ControlError.of(Code.TOO_MANY_PROFILES, most=MAX_PROFILES)
        named = (profile.name for profile in household.profiles.values())
        path = self.profiles / f"{id_of(name, [*(file.stem for file in files), *named])}.yaml"
        said = self.changed({}, {"name": name, **changes})
        draft = Draft({path: edits.profile_text(said)}, {path: None})
        self._claim_devices(draft, _devices(said), path)
        if trial:
            self._confirmed(draft.files, {"name": name, **changes}, confirm)
        else:
            self.put(draft, {"name": name, **changes}, author, confirm)
        return path.stem

    def remove(self, profile_id: str, author: Author) -> FileChange:
        path = self.file(profile_id)
        return self.put(Draft({path: None}, {path: read_bounded(path)}), {}, author)

    def restore(self, number: int, author: Author) -> str:
        """Restore a removed profile, under its former id if that is free. Return its id.

        ``number``: the history entry of the removal. Devices that have another owner now stay with that
        owner. Raises GatewayError with all files unchanged, also if there is no such entry.
        """
        step = self.history.steps.get(number)
        if step is None or step.removed is None:
            raise ControlError.of(Code.NO_REVISION)
        old = self.history.content(step, step.removed)
        path = self.profiles / step.removed
        if old is None or read_if_there(path) == old:
            return path.stem
        taken = [file.stem for file in profile_files(self.profiles)]
        if path.stem.casefold() in map(str.casefold, taken):
            path = path.with_stem(id_of(path.stem, taken))
        said = edits.read(old, str(path))
        others = self._rules.household.named & _devices(said)
        data = edits.profile_text(edits.without_devices(said, others)) if others else old
        self.put(Draft({path: data}, {path: None}), {}, author)
        return path.stem

    def changed(self, before: Document, changes: Changes) -> Document:
        try:
            return edits.edited(before, changes, self._rules.household.bands)
        except PolicyError as error:
            raise bad_rule(error, "", changes) from error

    def with_changes(self, profile_id: str, changes: Changes) -> Household:
        """Return the household as these changes would make it, without writing them. Raises GatewayError."""
        path = self.file(profile_id)
        source, before = self.read(path)
        after = self.changed(before, changes)
        draft = Draft({path: edits.profile_text(after)}, {path: source})
        self._claim_devices(draft, _devices(after), path)
        return self._checked(draft.files, changes)

    def _claim_devices(self, draft: Draft, macs: frozenset[str], path: Path) -> dict[str, tuple[str, ...]]:
        """Remove these devices from all profiles but that of ``path``, as changes in ``draft``.

        Return the removed devices by profile id. Raises PolicyError if a device is shared by several people.
        """
        self.check_not_shared(macs)
        lost = {}
        for other in self._rules.household.profiles.values():
            if other.id == path.stem:
                continue
            file = next((path for path in draft.files if path.stem == other.id), None)
            if file is not None:
                data = draft.files[file]
                said = {} if data is None else edits.read(data, str(file))
            elif macs.isdisjoint(other.devices):
                continue
            else:
                file = self.file(other.id)
                draft.found[file], said = self.read(file)
            gone = tuple(mac for mac in edits.macs(said.get("devices")) if mac in macs)
            if gone:
                draft.files[file] = edits.profile_text(edits.without_devices(said, gone))
                lost[other.id] = gone
        return lost

    def check_not_shared(self, macs: frozenset[str]) -> None:
        """Raise PolicyError if a device is shared by several people."""
        shared = self._rules.household.config.shared
        for mac in sorted(macs & shared.keys()):
            fix = "take it out of 'shared' in qalqan.yaml first"
            problem = f"the device {mac} is shared by {', '.join(shared[mac])}"
            raise bad_rule(PolicyError("devices", problem, fix), "", {})

    def put(
        self, draft: Draft, changes: Changes, author: Author, confirm: Confirm | None = None
    ) -> FileChange:
        """Write and apply a draft. Return its entry in the history.

        Calls ``in_force`` with the devices that a profile newly names. Raises GatewayError, also that of
        ``confirm``, with all files unchanged.
        """
        before = {
            (profile.id, mac)
            for profile in self._rules.household.profiles.values()
            for mac in profile.devices
        }
        step = self.write(draft, changes, author, confirm)
        after = {
            (profile.id, mac)
            for profile in self._rules.household.profiles.values()
            for mac in profile.devices
        }
        self._in_force(frozenset(mac for _, mac in after - before))
        return step

    def write(
        self, draft: Draft, changes: Changes, author: Author, confirm: Confirm | None = None
    ) -> FileChange:
        """Check a draft, write it with an entry in the history, and apply it. Return the entry.

        Raises GatewayError, also that of ``confirm``, with all files unchanged.
        """
        folder = next(iter(draft.files)).parent
        new = self._confirmed(draft.files, changes, confirm)
        order = edits.PROFILE_ORDER if folder == self.profiles else edits.HOME_ORDER
        step = self._rules.history(folder).put(
            {path.name: data for path, data in draft.files.items()},
            {path.name: draft.found[path] for path in draft.files},
            by=author.by,
            at=author.at,
            because=author.because,
            by_hand=frozenset(
                path.name for path, data in draft.found.items() if data and is_by_hand(data, order)
            ),
        )
        self._rules.adopt(new)
        return step

    def _confirmed(self, files: Contents, changes: Changes, confirm: Confirm | None) -> Household:
        """Return the household as `_checked` does, after ``confirm``. Raises the error of either."""
        new = self._checked(files, changes)
        if confirm is not None:
            confirm(keep_last_good(new, self._rules.household))
        return new

    def _checked(self, files: Contents, changes: Changes) -> Household:
        """Return the household with these files, without applying it.

        Raises PolicyError if one of them is invalid, or if they cause a new problem in another file. A broken
        calendar that was known before is no reason. ``changes``: the edited keys, to name the wrong one.
        """
        try:
            new = self._rules.with_files(files)
        except PolicyError as error:
            raise self._settings_error(error, files, changes) from error
        names = {path.name: path for path in files}
        known = self._rules.household.problems
        for name, problem in new.problems.items():
            # The rules of a file with a broken calendar are in force and can be edited.
            calendar = any(profile.calendar_problem is problem for profile in new.profiles.values())
            if name in names and not (calendar and name in known):
                raise self._refused(problem, names[name], changes)
        added = {name: problem for name, problem in new.problems.items() if name not in known}
        if added:  # by these files, or by an edit outside of the daemon that was not loaded yet
            before = self._rules.with_files({})
            for name, problem in added.items():
                if name not in before.problems:
                    raise bad_rule(problem, str(self.profiles / name), changes)
        return new

    def _refused(self, problem: PolicyError, path: Path, changes: Changes) -> PolicyError:
        """Return the PolicyError for a file that cannot be used.

        It names the change that caused it, or says that an earlier edit outside of the daemon broke the file.
        """
        key = blamed(problem, str(path), changes)
        return (
            bad_rule(problem, str(path), changes) if key in changes or not changes else _broken(problem, path)
        )

    def _settings_error(self, error: PolicyError, files: Contents, changes: Changes) -> PolicyError:
        path = self._rules.path
        if path in files:
            return bad_rule(error, str(path), changes)
        key = blamed(error, str(path), {})
        name = next(iter(files)).stem
        return error.coded(Code.STILL_NAMED, name=name, key=key.partition(".")[0])


class HomeEditing:
    """Edits the family's settings in `qalqan.yaml`, and restores earlier revisions of them."""

    def __init__(self, rules: RuleBook, editing: Editing) -> None:
        self._rules = rules
        self._editing = editing

    def edit(self, changes: Changes, author: Author, revision: int | None = None) -> CompletedEdit:
        """Change settings that the pages may change. Return the edit.

        ``revision``: as for `switch`. Raises GatewayError with the file unchanged, also for another
        setting.
        """
        _check_family_keys(changes, self._rules.household.config.fixed)
        return self.switch(changes, author, revision)

    def switch(self, changes: Changes, author: Author, revision: int | None = None) -> CompletedEdit:
        """Change any setting of `qalqan.yaml`, including keys that the pages may not change. Return the edit.

        ``revision``: the revision that the author saw; None: any. Raises GatewayError with the file
        unchanged.
        """
        path = self._rules.path
        source, before = self._editing.read(path)
        found = revision_of(source)
        if revision not in (None, found):
            raise ControlError.of(Code.CHANGED_MEANWHILE)
        try:
            after = changed(before, changes, {})
        except PolicyError as error:
            raise bad_rule(error, "", changes) from error
        if after == before:
            return CompletedEdit(before, after, found, found, {})
        self._check_services(_services(before), _services(after))
        data = edits.home_text(after)
        self._editing.put(Draft({path: data}, {path: source}), changes, author)
        return CompletedEdit(before, after, found, revision_of(data), {})

    def _check_services(self, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """Raise ControlError if an own service that rules name is removed, or a new one has a packaged id.

        ``before``, ``after``: the names of the family's services by id.
        """
        packaged = self._rules.product.catalogue.packaged
        for key in before.keys() - after.keys() - packaged.keys():
            people = [
                profile.name
                for profile in self._rules.household.profiles.values()
                if _names_service(self._editing.read(self._editing.file(profile.id))[1], key)
            ]
            if people:
                names = ", ".join(sorted(people))
                raise ControlError.of(Code.SERVICE_USED, name=before[key], names=names)
        for key in after.keys() - before.keys():
            if key in packaged:
                raise ControlError.of(Code.SERVICE_KNOWN, name=packaged[key].name)

    def undo_edit(self, revision: int, author: Author, found: int | None = None) -> CompletedEdit:
        """Restore an earlier revision of the family's settings. Return the edit.

        ``found``: the revision that the author saw; None: any. Keys that the pages cannot edit (all but
        FAMILY_KEYS) keep their present values; only the switches of state registers are restored if the
        registers are still the same. Raises GatewayError.
        """
        path = self._rules.path
        history, source = self._rules.history(path.parent), read_bounded(path)
        if found not in (None, revision_of(source)):
            raise ControlError.of(Code.CHANGED_MEANWHILE)
        _, old = history.earlier(path, revision)
        data = _with_machine_settings(old, source, str(path))
        self._check_services(_services_in(source, str(path)), _services_in(data, str(path)))
        self._editing.put(Draft({path: data}, {path: source}), {}, author)
        return CompletedEdit({}, {}, revision_of(source), revision_of(data), {})


def assign_device(
    editing: Editing,
    household: Household,
    mac: str,
    owner: Profile | None,
    author: Author,
    *,
    instead_of: str | None = None,
) -> None:
    """Move ``mac`` to the file of ``owner``; None: remove it from all files.

    ``instead_of``: a MAC address that it replaces there. The new rules apply; the caller assigns
    the slots (groups of devices) again.

    Raises:
        GatewayError: a file cannot be used or written, ``owner`` has no file, or the device is shared. All
            files are unchanged.
    """
    editing.check_not_shared(frozenset({mac}))
    if owner is not None and owner.built_in:
        raise ControlError.of(Code.NO_PROFILE)
    draft = Draft({}, {})
    for profile in household.profiles.values():
        devices = [device for device in profile.devices if device != mac]
        if owner is not None and profile.id == owner.id:
            devices = [mac if device == instead_of else device for device in devices]
            devices += [] if mac in devices else [mac]
        if tuple(devices) != profile.devices:
            path = editing.file(profile.id)
            draft.found[path], said = editing.read(path)
            draft.files[path] = edits.profile_text(edits.edited(said, {"devices": devices}, household.bands))
    if draft.files:
        editing.write(draft, {"devices": mac}, author)


def _revision(data: bytes | None) -> int:
    return 0 if data is None else revision_of(data)


def _devices(said: Document) -> frozenset[str]:
    return frozenset(edits.macs(said.get("devices")))


def bad_rule(error: PolicyError, file: str, changes: Changes) -> PolicyError:
    """Return the error of a parser with the code BAD_RULE and the changed key that caused it.

    An error that already has a code is returned unchanged.
    """
    if error.code != Code.REFUSED:
        return error
    key = blamed(error, file, changes)
    return error.coded(Code.BAD_RULE, key=key, problem=error.problem, fix=error.fix)


def _broken(error: PolicyError, path: Path) -> PolicyError:
    return error.coded(Code.FILE_BROKEN, file=path.name, problem=error.problem, fix=error.fix)


def _with_machine_settings(old: bytes, source: bytes, path: str) -> bytes:
    """Return the earlier content ``old``, with today's values of the settings that the pages cannot change.

    ``source``: the present content of the file.
    """
    try:
        was, now = edits.read(old, path), edits.read(source, path)
    except PolicyError:
        return old  # one of the two is unreadable
    keys = {*was, *now}.difference(FAMILY_KEYS)
    if _lists(was) == _lists(now):
        keys.discard(REGISTERS)  # only their switches differ, which the pages can change
    if all(was.get(key) == now.get(key) for key in keys):
        return old
    kept = {key: value for key, value in now.items() if key in keys}
    return edits.home_text({key: value for key, value in was.items() if key not in keys} | kept)


def _lists(said: Document) -> dict[str, tuple[Plain, Plain]]:
    """Return the URL and file of each national register, by country."""
    known = said.get(REGISTERS)
    found = known.items() if isinstance(known, dict) else ()
    return {
        key: (register.get("url"), register.get("file"))
        for key, register in found
        if isinstance(register, dict)
    }


def _services(said: Document) -> dict[str, str]:
    """Return the names of the services that the family defines, by id; without a name the id."""
    known = said.get("services")
    found = known.items() if isinstance(known, dict) else ()
    names = {key: service.get("name") if isinstance(service, dict) else None for key, service in found}
    return {key: name if isinstance(name, str) else key for key, name in names.items()}


def _services_in(source: bytes, path: str) -> dict[str, str]:
    """Return the names of the family's services in the text of `qalqan.yaml`; none if it is unreadable."""
    try:
        return _services(edits.read(source, path))
    except PolicyError:
        return {}


def _names_service(said: Plain, key: str) -> bool:
    """Return whether a rule file's content names a service, as an entry or as the target of a rule."""
    if isinstance(said, dict):
        return any(_names_service(name, key) or _names_service(value, key) for name, value in said.items())
    if isinstance(said, list):
        return any(_names_service(item, key) for item in said)
    return said == f"service:{key}"


def _check_family_keys(changes: Changes, fixed: Mapping[str, RouterSetting]) -> None:
    for key in changes:
        head = key.partition("/")[0]
        for name, setting in fixed.items():
            if name == key.replace("/", ".") or (key == head and name.partition(".")[0] == head):
                raise _set_by_router(key, setting)
        if head not in FAMILY_KEYS:
            fix = suggestion(key, FAMILY_KEYS)
            error = PolicyError(key, "is not for the pages to change", fix)
            raise error.coded(Code.BAD_RULE, key=key, problem=error.problem, fix=fix)


def _set_by_router(key: str, setting: RouterSetting) -> PolicyError:
    problem, fix = (
        f"is set in {setting.file}",
        f"change it there, as the router's own setting {setting.option}",
    )
    error = PolicyError(key, problem, fix)
    return error.coded(Code.ROUTERS_OWN, key=key, option=setting.option, file=setting.file)
