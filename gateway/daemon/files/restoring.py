"""A backup is put in place: all of it or nothing, whatever ends the daemon meanwhile, and with a way back.

What shall be done stands in a file of the state directory, with what was before, until it is done. Where a
start finds that file, all of it is taken back: files before the rules are read, the rest after. What is done
stays as `restored.json`: that is the way back.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.age.bands import Band
from gateway.codes import Code
from gateway.daemon.files.history import not_written
from gateway.daemon.files.restoreplan import AFTER, BEFORE, Plan, contents, plan_text, read_plan
from gateway.errors import GatewayError, PolicyError
from gateway.files import read_bounded, sync_folder, write_whole
from gateway.homeconfig import read_config
from gateway.policy import edits
from gateway.policy.people import Account, PersonRole
from gateway.policy.pins import Pin
from gateway.policy.selfset import Choice
from gateway.policy.writing import is_by_hand
from gateway.store.given import Given, Kind, in_utc

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.policy.backups import KeptChoice
    from gateway.store.store import Store

DOING, DONE = "restoring.json", "restored.json"
MOST = 16 << 20  # bytes of such a file: two backups of 1 MiB, each character as six at worst

_log = logging.getLogger(__name__)


class Restoring:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    @property
    def _state(self) -> Path:
        return Path(self._daemon.rules.household.config.state)

    def do(self, plan: Plan) -> list[str]:
        """Put it in force; the problems of the files. Raises PolicyError, with everything as it was."""
        self._begin(plan)
        try:
            self._files(plan, AFTER)
        except GatewayError:
            self._files(plan, BEFORE)
            self._end()
            raise
        _rows(self._daemon.store, plan, AFTER, self._daemon.local_now(), sure=self._daemon.watch.known)
        self._end(DONE)
        return self._daemon.reload()

    def undo(self) -> Plan:
        """Take the last one back. Raises PolicyError where something was changed since, or there was none."""
        plan = self.last()
        if plan is None or not self.may_undo(plan):
            where, mend = "restore", "change it by hand; earlier versions of the files are in history/"
            raise PolicyError(where, "has no way back any more", mend).coded(Code.NO_WAY_BACK)
        self.refuse_later(plan, BEFORE)
        self._begin(plan)
        self._files(plan, BEFORE)
        _rows(self._daemon.store, plan, BEFORE, self._daemon.local_now(), sure=self._daemon.watch.known)
        self._end()
        (self._state / DONE).unlink(missing_ok=True)
        self._daemon.reload()
        return plan

    def refuse_later(self, plan: Plan, side: int) -> None:
        """Once adulthood is proposed, no backup writes its month away, nor the way back from one. Raises
        PolicyError.
        """
        for name, data in contents(plan.profiles, side).items():
            if data is not None and name.endswith((".yaml", ".yml")):
                self._daemon.growing.refuse_file(Path(name).stem, data)

    def last(self) -> Plan | None:
        return _read(self._state / DONE)

    def may_undo(self, plan: Plan) -> bool:
        """Whether the files are still as it left them."""
        for folder, pairs in self._folders(plan).items():
            history = self._daemon.rules.history(folder)
            if any(history.read(name) != data for name, data in contents(pairs, AFTER).items()):
                return False
        return True

    def recover(self) -> None:
        """After a start: what ``recover_files`` has begun."""
        plan = _read(self._state / DOING)
        if plan is None:
            return
        _rows(self._daemon.store, plan, BEFORE, self._daemon.local_now(), sure=self._daemon.watch.known)
        self._end()
        _log.warning("a backup was not all put in place, and is taken back")

    def _folders(self, plan: Plan) -> Mapping[Path, Mapping[str, tuple[str | None, str | None]]]:
        rules = self._daemon.rules
        return {rules.path.parent: plan.home, Path(rules.household.config.profiles): plan.profiles}

    def _files(self, plan: Plan, side: int) -> None:
        """A step of its own in the history of each folder."""
        at = datetime.fromisoformat(plan.at)
        for folder, pairs in self._folders(plan).items():
            history = self._daemon.rules.history(folder)
            wanted = contents(pairs, side)
            found = {name: history.read(name) for name in wanted}
            moved = {name: data for name, data in wanted.items() if data != found[name]}
            if moved:
                order = edits.HOME_ORDER if pairs is plan.home else edits.PROFILE_ORDER
                hands = [
                    name
                    for name in moved
                    if (data := found[name]) is not None and name.endswith("yaml") and is_by_hand(data, order)
                ]
                history.put(
                    moved,
                    {name: found[name] for name in moved},
                    by=plan.by,
                    at=at,
                    by_hand=frozenset(hands),
                )

    def _begin(self, plan: Plan) -> None:
        try:
            write_whole(self._state / DOING, plan_text(plan))
            sync_folder(self._state)
        except OSError as error:
            raise not_written(self._state / DOING, error) from error

    def _end(self, kept: str = "") -> None:
        try:
            if kept:
                (self._state / DOING).replace(self._state / kept)
            else:
                (self._state / DOING).unlink()
            sync_folder(self._state)
        except OSError as error:
            raise not_written(self._state / DOING, error) from error


def forget_way_back(state: Path, name: str) -> None:
    """Of somebody who is an adult now: the way back from a backup has the file as it was, and before that.
    It leads nowhere by now, for that file is another one. Raises PolicyError.
    """
    path = state / DONE
    plan = _read(path)
    try:
        if plan is None or name in plan.profiles:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise not_written(path, error) from error


def recover_files(path: Path) -> None:
    """Before the rules are read: files of which a kill left some as they shall be are as they were.

    `qalqan.yaml` cannot be used where it names somebody whose file is not there yet.
    """
    try:
        settings = read_config(path, lambda _: False)
    except PolicyError:
        return  # who reads the rules says what is wrong
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
        _log.error("%s: what a backup had begun cannot be taken back: %s", path, error)


def _put(path: Path, data: bytes | None) -> None:
    there = path.read_bytes() if path.exists() else None
    if data is None:
        path.unlink(missing_ok=True)
    elif data != there:
        real = path.resolve()
        write_whole(real, data, real.stat() if real.exists() else None)


def _read(path: Path) -> Plan | None:
    if not path.exists():
        return None
    try:
        return read_plan(read_bounded(path, MOST))
    except (PolicyError, ValueError, KeyError, TypeError) as error:
        _log.error("%s is not understood: %s", path, error)
        return None


def _rows(store: Store, plan: Plan, side: int, now: datetime, *, sure: bool) -> None:
    """What is no file, in one transaction: done twice it is the same as once."""
    with store.together():
        for pair in plan.devices:
            one = pair[side]
            store.notes.name(one.mac, one.label)
            if one.place:
                store.devices.place(one.mac, one.place, at=now, sure=sure)
            else:
                store.devices.unplace(one.mac)
        for pins in plan.pins:
            pin = pins[side]
            if pin.hash:
                store.pins.put(Pin(pin.who, pin.salt, pin.hash, now, plan.by), by=plan.by)
            else:
                store.pins.drop(pin.who, by=plan.by, at=now)
        _choose(store, [pair[side] for pair in plan.self_set], plan.by, now)
        if side == AFTER:
            _add(store, plan, now, sure=sure)
        else:
            _take_out(store, plan, now)


def _choose(store: Store, wanted: list[KeptChoice], by: str, now: datetime) -> None:
    """What children set for themselves, as it stood."""
    for who in sorted({one.who for one in wanted}):
        named = {one.key for one in wanted if one.who == who}
        kept = [one for one in store.self_set.of(who) if one.key not in named]
        kept += [
            Choice(one.key, one.said, datetime.fromisoformat(one.at).astimezone(UTC))
            for one in wanted
            if one.who == who and one.said
        ]
        store.self_set.put(who, tuple(kept), told="by a backup", by=by, at=now)


def _add(store: Store, plan: Plan, now: datetime, *, sure: bool) -> None:
    for one in plan.people:
        role = PersonRole(one.role)
        store.people.put(Account(one.name, role, one.secret, one.minutes, one.recovery, one.came))
    for held in plan.bands:
        store.hold_band(held.profile, Band(held.band))
    for put_off in plan.steps:
        store.growing.put(put_off.step(in_utc(now)))
    for pause in plan.pauses:
        until = _moment(pause.until)
        store.pause(pause.who, until=until, by=plan.by, at=now, sure=sure)
    if plan.grants:
        rows = [
            Given(
                *(plan.number, one.who, date.fromisoformat(one.day), one.gate, one.minutes),
                *(_moment(one.until), one.service or None, now, one.by, Kind.GRANT),
                sure=sure,
            )
            for one in plan.grants
        ]
        store.gifts.give(rows, told="by a backup")


def _take_out(store: Store, plan: Plan, now: datetime) -> None:
    for one in plan.people:
        store.people.remove(one.name)
    for put_off in plan.steps:
        known = store.growing.of(put_off.profile)
        if known is not None and known.until == put_off.until:
            store.growing.drop(put_off.profile)
    for pause in plan.pauses:
        store.resume(pause.who, by=plan.by, at=now)
    if plan.grants:
        store.gifts.take_back(plan.number, by=plan.by, at=now)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
