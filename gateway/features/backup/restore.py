"""Restores a backup completely or not at all, even if the daemon is killed, and can undo it.

The plan contains the files as they were before. It is in ``restoring.json`` of the state directory until the
restore is complete. A start that finds this file undoes the restore: files before the rules are read, rows of
the store afterwards. If it cannot write a file, the plan stays for the next start. A complete restore leaves
the plan as ``restored.json``, from which it can be undone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from gateway.age.bands import AgeBand
from gateway.core.errors import ControlError, GatewayError, PolicyError
from gateway.core.files import read_bounded, read_if_there, sync_folder, write_atomically
from gateway.core.reason_codes import Code
from gateway.core.turns import Steps
from gateway.features.backup.restore_plan import (
    AFTER,
    BEFORE,
    PlaceEnd,
    RestorePlan,
    contents,
    plan_text,
    read_plan,
)
from gateway.household.config_file import config_in_use
from gateway.household.context import Effects, HomeContext
from gateway.household.file_history import not_written
from gateway.household.loading import SUFFIXES, profile_files
from gateway.household.slot_assignment import PRESENT
from gateway.lists.own_lists import lists_file
from gateway.policy.accounts.people import Account, PersonRole
from gateway.policy.accounts.pins import Pin
from gateway.policy.profile import edits
from gateway.policy.profile.backup_format import KeptChoice, KeptDevice
from gateway.policy.profile.rules import HOME
from gateway.policy.profile.self_set import OwnSetting
from gateway.policy.yaml.documents import is_by_hand
from gateway.store.durable_writes import in_utc
from gateway.store.store import Store
from gateway.store.tables.grants import GrantKind, GrantRow

DOING, DONE = "restoring.json", "restored.json"
MOST = 16 << 20  # bytes of such a file: two backups of 1 MiB, each character as six at worst

_log = logging.getLogger(__name__)


class Restoring:
    """Applies the plan of a restore to files and store, and undoes it.

    ``refuse_file`` raises ControlError, given a profile's id and the content of its file, if the
    file would postpone a child's proposed change to adulthood.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        store: Store,
        refuse_file: Callable[[str, bytes], None],
    ) -> None:
        self._home = home
        self._effects = effects
        self._store = store
        self._refuse_file = refuse_file
        self._by_hand: dict[tuple[Path, bytes], bool] = {}  # found ahead, by file and content

    @property
    def _state(self) -> Path:
        return Path(self._home.rules.household.config.state)

    def steps_ahead(self) -> Steps[None]:
        """Return steps (a generator) that find which present rule files a person wrote, one file a step.

        `do` and `undo` are then short. A file that changes meanwhile is looked at again there.
        """
        self._by_hand.clear()
        rules = self._home.rules
        profiles = profile_files(Path(rules.household.config.profiles))
        for file in (rules.path, lists_file(rules.path), *profiles):
            data = read_if_there(file)
            if data is not None:
                self._by_hand[file, data] = self._is_by_hand(file, data)
            yield

    def do(self, plan: RestorePlan) -> None:
        """Write the files and database rows of a restore plan. The rules apply after `reload_steps`.

        Raises:
            GatewayError: The files cannot be used or written. Everything is as it was before.
        """
        self._begin(plan)
        try:
            self._files(plan, AFTER)
        except GatewayError:
            self._files(plan, BEFORE)
            self._end()
            raise
        self._rows(plan, AFTER)
        try:
            self._rename(DOING, DONE)
        except GatewayError:
            self._files(plan, BEFORE)
            self._rows(plan, BEFORE)
            self._end()
            raise
        self._by_hand.clear()

    def reload_steps(self) -> Steps[list[str]]:
        """Reload the rules from the files that `do` or `undo` has written, in steps.

        Return one line per problem.
        """
        yield
        return (yield from self._effects.reload_steps())

    def undo(self) -> RestorePlan:
        """Undo the last restore, and return its plan. The rules apply after `reload_steps`.

        Raises:
            GatewayError: There was none, files have changed since, undoing would postpone a child's
                proposed change to adulthood, or the files cannot be written. Everything is as before.
        """
        plan = self.last()
        if plan is None or not self.may_undo(plan):
            raise ControlError.of(Code.NO_WAY_BACK)
        self.refuse_later(plan, BEFORE)
        self._rename(DONE, DOING)
        try:
            self._files(plan, BEFORE)
        except GatewayError:
            self._files(plan, AFTER)
            self._rename(DOING, DONE)
            raise
        self._rows(plan, BEFORE)
        self._end()
        return plan

    def refuse_later(self, plan: RestorePlan, side: int) -> None:
        """Raise ControlError if files of the plan would postpone a child's proposed change to adulthood.

        ``side``: BEFORE or AFTER, the files as before or after the restore.
        """
        for name, data in contents(plan.profiles, side).items():
            file = Path(name)
            if data is not None and file.suffix.lower() in SUFFIXES:
                self._refuse_file(file.stem, data)

    def last(self) -> RestorePlan | None:
        return _read(self._state / DONE)

    def may_undo(self, plan: RestorePlan) -> bool:
        """Return whether the files are still as the restore ``plan`` left them."""
        return self._files_are(plan, AFTER)

    def _files_are(self, plan: RestorePlan, side: int) -> bool:
        """Return whether all files are as on one side of the plan (BEFORE or AFTER). Raises PolicyError."""
        for folder, pairs in self._folders(plan).items():
            history = self._home.rules.history(folder)
            if any(history.read(name) != data for name, data in contents(pairs, side).items()):
                return False
        return True

    def recover(self) -> None:
        """Undo the database rows of an interrupted restore, after ``recover_files`` has undone the files.

        Does nothing if no restore was interrupted. If the files are not undone, logs this and keeps the
        plan, so that the next start undoes all of it.
        """
        plan = _read(self._state / DOING)
        if plan is None:
            return
        if not self._files_undone(plan):
            _log.error("A restore was interrupted. It is not undone yet. The next start tries again.")
            return
        self._rows(plan, BEFORE)
        self._end()
        _log.warning("A restore was interrupted. It has been undone.")

    def _files_undone(self, plan: RestorePlan) -> bool:
        try:
            return self._files_are(plan, BEFORE)
        except PolicyError as error:
            _log.error("%s", error)
            return False

    def _rows(self, plan: RestorePlan, side: int) -> None:
        write_rows(self._store, plan, side, self._home.local_now(), clock_trusted=self._home.clock_trusted)

    def _folders(self, plan: RestorePlan) -> Mapping[Path, Mapping[str, tuple[str | None, str | None]]]:
        rules = self._home.rules
        return {rules.path.parent: plan.home, Path(rules.household.config.profiles): plan.profiles}

    def _files(self, plan: RestorePlan, side: int) -> None:
        """Write the files of one side of the plan (BEFORE or AFTER), as one step of each folder's history."""
        at = datetime.fromisoformat(plan.at)
        for folder, pairs in self._folders(plan).items():
            history = self._home.rules.history(folder)
            wanted = contents(pairs, side)
            found = {name: history.read(name) for name in wanted}
            moved = {name: data for name, data in wanted.items() if data != found[name]}
            if moved:
                before = {name: found[name] for name in moved}
                hands = [
                    name
                    for name, data in before.items()
                    if data is not None and self._is_by_hand(folder / name, data)
                ]
                history.put(moved, before, by=plan.by, at=at, by_hand=frozenset(hands))

    def _is_by_hand(self, file: Path, data: bytes) -> bool:
        """Return whether a person wrote this content of a rule file."""
        known = self._by_hand.get((file, data))
        if known is not None:
            return known
        order = edits.HOME_ORDER if file.parent == self._home.rules.path.parent else edits.PROFILE_ORDER
        return file.suffix.lower() in SUFFIXES and is_by_hand(data, order)

    def _begin(self, plan: RestorePlan) -> None:
        try:
            write_atomically(self._state / DOING, plan_text(plan))
            sync_folder(self._state)
        except OSError as error:
            raise not_written(self._state / DOING, error) from error

    def _end(self) -> None:
        self._by_hand.clear()
        try:
            (self._state / DOING).unlink()
            sync_folder(self._state)
        except OSError as error:
            raise not_written(self._state / DOING, error) from error

    def _rename(self, name: str, new: str) -> None:
        try:
            (self._state / name).replace(self._state / new)
            sync_folder(self._state)
        except OSError as error:
            raise not_written(self._state / new, error) from error


def forget_way_back(state: Path, name: str) -> None:
    """Delete the stored plan of the last restore if it contains the profile file ``name`` or is unreadable.

    Such a plan has former versions of the file, which must go once the person is an adult.

    Raises:
        PolicyError: The plan cannot be deleted.
    """
    path = state / DONE
    plan = _read(path)
    try:
        if plan is None or name in plan.profiles:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise not_written(path, error) from error


def recover_files(path: Path) -> None:
    """Undo the files of an interrupted restore. ``path``: `qalqan.yaml`. Call it before the rules are read.

    Otherwise `qalqan.yaml` might name a profile that has no file yet. An error is logged, not raised.
    """
    try:
        settings = config_in_use(path, lambda _: False)
    except PolicyError:
        return  # reading the rules reports the problem
    plan = _read(Path(settings.state) / DOING)
    if plan is None:
        return
    folders = {path.parent: plan.home, Path(settings.profiles): plan.profiles}
    try:
        for folder, pairs in folders.items():
            for name, data in contents(pairs, BEFORE).items():
                _put(folder / name, data)
            sync_folder(folder)
    except OSError as error:
        _log.error("Undoing the interrupted restore in %s failed: %s.", path, error)


def _put(path: Path, data: bytes | None) -> None:
    there = path.read_bytes() if path.exists() else None
    if data is None:
        path.unlink(missing_ok=True)
    elif data != there:
        real = path.resolve()
        write_atomically(real, data, real.stat() if real.exists() else None)


def _read(path: Path) -> RestorePlan | None:
    if not path.exists():
        return None
    try:
        return read_plan(read_bounded(path, MOST))
    except (PolicyError, ValueError, KeyError, TypeError) as error:
        _log.error("Reading %s failed: %s.", path, error)
        return None


def write_rows(store: Store, plan: RestorePlan, side: int, now: datetime, *, clock_trusted: bool) -> None:
    """Write the database rows of one side of the plan (BEFORE or AFTER), in one transaction.

    BEFORE removes the rows that AFTER adds, except children's earlier age groups. A second call with
    BEFORE is harmless.
    """
    ends = {end.mac: end for end in plan.ends} if side == BEFORE else {}
    with store.transaction():
        for pair in plan.devices:
            device = pair[side]
            store.notes.name(device.mac, device.label)
            if device.mac in ends:
                _place_until(store, device, ends[device.mac], now)
            elif device.place:
                # A backup does not say whether a guardian chose that a device is not filtered.
                chosen = device.place not in (HOME, PRESENT)
                store.devices.place(
                    device.mac, device.place, at=now, clock_trusted=clock_trusted, chosen=chosen
                )
            else:
                store.devices.unplace(device.mac)
        for pins in plan.pins:
            pin = pins[side]
            if pin.hash:
                store.pins.put(Pin(pin.who, pin.salt, pin.hash, now, plan.by), by=plan.by)
            else:
                store.pins.drop(pin.who, by=plan.by, at=now)
        _choose(store, [pair[side] for pair in plan.self_set], plan.by, now)
        if side == AFTER:
            _add(store, plan, now, clock_trusted=clock_trusted)
        else:
            _take_out(store, plan, now)


def _place_until(store: Store, device: KeptDevice, end: PlaceEnd, now: datetime) -> None:
    """Store a device's temporary place as it was. If it has ended meanwhile, it has no effect."""
    placed = _moment(end.placed)
    store.devices.place(
        device.mac,
        device.place,
        at=placed or now,
        until=_moment(end.until),
        clock_trusted=end.clock_trusted,
        chosen=placed is not None,
    )


def _choose(store: Store, wanted: list[KeptChoice], by: str, now: datetime) -> None:
    """Store the bedtimes and limits in ``wanted`` that children had set for themselves.

    An empty value removes the one of that key.
    """
    for who in sorted({choice.who for choice in wanted}):
        named = {choice.key for choice in wanted if choice.who == who}
        kept = [choice for choice in store.self_set.of(who) if choice.key not in named]
        kept += [
            OwnSetting(choice.key, choice.said, datetime.fromisoformat(choice.at).astimezone(UTC))
            for choice in wanted
            if choice.who == who and choice.said
        ]
        store.self_set.put(who, tuple(kept), audit_text="by a backup", by=by, at=now)


def _add(store: Store, plan: RestorePlan, now: datetime, *, clock_trusted: bool) -> None:
    for person in plan.people:
        role = PersonRole(person.role)
        store.people.put(
            Account(person.name, role, person.secret, person.minutes, person.recovery, person.came)
        )
    for held in plan.bands:
        store.held_bands.hold(held.profile, AgeBand(held.band))
    for put_off in plan.steps:
        store.growing.put(put_off.step(in_utc(now)))
    for pause in plan.pauses:
        until = _moment(pause.until)
        store.pauses.pause(pause.who, until=until, by=plan.by, at=now, clock_trusted=clock_trusted)
    if plan.grants:
        rows = [
            GrantRow(
                *(plan.number, grant.who, date.fromisoformat(grant.day), grant.gate, grant.minutes),
                *(_moment(grant.until), grant.service or None, now, grant.by, GrantKind.GRANT),
                clock_trusted=clock_trusted,
            )
            for grant in plan.grants
        ]
        store.grants.give(rows, audit_text="by a backup")


def _take_out(store: Store, plan: RestorePlan, now: datetime) -> None:
    """Remove the rows that `_add` added.

    The highest age group of each child stays: what is stored about a child must not increase again.
    """
    for person in plan.people:
        store.people.remove(person.name)
    for put_off in plan.steps:
        known = store.growing.of(put_off.profile)
        if known is not None and known.until == put_off.until:
            store.growing.drop(put_off.profile)
    for pause in plan.pauses:
        store.pauses.resume(pause.who, by=plan.by, at=now)
    if plan.grants:
        store.grants.take_back(plan.number, by=plan.by, at=now)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
