"""Plans a restore: each file before and after it, and the database rows to add. A plan is stored as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded, read_if_there, write_error_text
from gateway.features.backup.contents import choices, family_settings, kept_rows, stored_profiles
from gateway.household.loading import profile_files
from gateway.household.rule_book import RuleBook
from gateway.lists.own_lists import FILE as LISTS
from gateway.policy.accounts.people import PEOPLE_LIMIT
from gateway.policy.config.config import FAMILY_KEYS
from gateway.policy.profile import edits
from gateway.policy.profile.age_transitions import TransitionState
from gateway.policy.profile.backup_format import (
    Backup,
    KeptBand,
    KeptChoice,
    KeptDevice,
    KeptGrant,
    KeptPause,
    KeptPerson,
    KeptPin,
    KeptStep,
)
from gateway.policy.profile.household import Household
from gateway.policy.yaml.documents import Document, document, parse_document
from gateway.store.store import Store

STAGE = "restore-check"  # folder of the state directory in which the files are checked
BEFORE, AFTER = 0, 1

Pair = tuple[str | None, str | None]
"""Content of a file before and after; None: no file."""


@dataclass(frozen=True, slots=True)
class PlaceEnd:
    """The end of a device's temporary place, such as adult guest. A backup contains no such places."""

    mac: str
    until: str  # ISO 8601
    placed: str  # when a guardian chose the place, ISO 8601; empty: unknown
    clock_trusted: bool  # when the place was set


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """A planned restore: contents of files and values of database rows before and after it.

    ``devices``, ``pins`` and ``self_set`` have values before and after; other rows are added, and
    removed by an undo, except ``bands`` (the highest age group that a child has had).
    """

    by: str
    at: str  # ISO 8601
    made: str  # when the backup was made
    home: Mapping[str, Pair]  # by file, in the folder of qalqan.yaml
    profiles: Mapping[str, Pair]  # by file, in the folder of the profiles, calendars included
    devices: tuple[tuple[KeptDevice, KeptDevice], ...]
    pins: tuple[tuple[KeptPin, KeptPin], ...]  # an empty hash: no PIN
    people: tuple[KeptPerson, ...]
    bands: tuple[KeptBand, ...]
    pauses: tuple[KeptPause, ...]
    grants: tuple[KeptGrant, ...]
    number: int  # the grant number that all added grants get
    steps: tuple[KeptStep, ...] = ()
    self_set: tuple[tuple[KeptChoice, KeptChoice], ...] = ()  # before and after; an empty value: not set
    ends: tuple[PlaceEnd, ...] = ()  # of temporary places that ``devices`` have before the restore

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change.

        If only an earlier age group of a child is added, that is no change.
        """
        moved = [
            pair for pair in (*self.home.values(), *self.profiles.values()) if pair[BEFORE] != pair[AFTER]
        ]
        rows = self.devices, self.pins, self.people, self.pauses, self.grants, self.steps, self.self_set
        return not (moved or any(rows))


def plan_text(plan: RestorePlan) -> bytes:
    return json.dumps(asdict(plan)).encode("ascii")


def read_plan(data: bytes) -> RestorePlan:
    """Return the restore plan in JSON text.

    Raises ValueError, KeyError or TypeError for an object that is not from ``plan_text``.
    """
    values: dict[str, Any] = json.loads(data)
    pairs: dict[str, Any] = {"devices": KeptDevice, "pins": KeptPin, "self_set": KeptChoice}
    values.setdefault("self_set", [])  # missing in plans of earlier versions
    rows: dict[str, Any] = {"people": KeptPerson, "bands": KeptBand, "pauses": KeptPause, "grants": KeptGrant}
    for key, pair in pairs.items():
        values[key] = tuple((pair(**one), pair(**other)) for one, other in values[key])
    for key, row in rows.items():
        values[key] = tuple(row(**row_values) for row_values in values[key])
    values["steps"] = tuple(KeptStep(**step) for step in values.get("steps", ()))
    values["ends"] = tuple(PlaceEnd(**end) for end in values.get("ends", ()))
    for key in ("home", "profiles"):
        values[key] = {name: (one, other) for name, (one, other) in values[key].items()}
    return RestorePlan(**values)


def make_plan(rules: RuleBook, store: Store, backup: Backup, by: str, at: datetime) -> RestorePlan:
    """Return the plan that restores a backup: each file before and after it, and the rows that change.

    ``by`` and ``at``: who restores it, and when. Raises PolicyError if a file cannot be read.
    """
    here = kept_rows(store, at, store.today(at).isoformat())
    devices = tuple(_devices(store, backup))
    path, folder = rules.path, Path(rules.household.config.profiles)
    home: dict[str, Pair] = {path.name: (_there(path), _home_text(path, backup.home))}
    home[LISTS] = (_there(path.with_name(LISTS)), backup.lists)
    stored = stored_profiles(folder)
    wanted = {file.name: None if file in stored else _there(file) for file in profile_files(folder)}
    wanted.update(backup.profiles)
    wanted.update(backup.calendars)
    return RestorePlan(
        by=by,
        at=at.isoformat(timespec="seconds"),
        made=backup.made.isoformat(timespec="seconds"),
        home=home,
        profiles={name: (_there(folder / name), text) for name, text in wanted.items()},
        devices=devices,
        pins=tuple(_pins(store, backup)),
        people=tuple(_people(store, backup)),
        bands=backup.bands,
        pauses=tuple(_pauses(backup, here["pauses"], at)),
        grants=tuple(_grants(store, backup, here["grants"], at)),
        number=store.grants.new_number(at),
        steps=tuple(_steps(store, backup)),
        self_set=tuple(_choices(store, backup)),
        ends=tuple(_ends(store, devices)),
    )


def restored_files(rules: RuleBook, backup: Backup) -> Mapping[Path, bytes | None]:
    """Return `qalqan.yaml` and profile files, by path, as a restore would write them; None: deleted.

    Raises PolicyError if `qalqan.yaml` or the folder of the profiles cannot be read.
    """
    folder = Path(rules.household.config.profiles)
    there = dict.fromkeys(stored_profiles(folder))
    profiles = {folder / name: _bytes(text) for name, text in backup.profiles.items()}
    return {rules.path: _bytes(_home_text(rules.path, backup.home)), **there, **profiles}


def rows_plan(store: Store, copy: Backup, by: str, at: datetime) -> RestorePlan:
    """Return a plan that adds the rows of the backup ``copy`` that the database lacks.

    Existing rows and all files stay. Pauses and extra time are left out.
    """
    return RestorePlan(
        by=by,
        at=at.isoformat(timespec="seconds"),
        made=copy.made.isoformat(timespec="seconds"),
        home={},
        profiles={},
        devices=tuple(
            pair for pair in _devices(store, copy) if not (pair[BEFORE].label or pair[BEFORE].place)
        ),
        pins=tuple(pair for pair in _pins(store, copy) if not pair[BEFORE].hash),
        people=tuple(_people(store, copy)),
        bands=copy.bands,
        pauses=(),
        grants=(),
        number=0,
        steps=tuple(_steps(store, copy)),
        self_set=tuple(pair for pair in _choices(store, copy) if not pair[BEFORE].said),
    )


def _home_text(path: Path, wanted: Document) -> str:
    """Return the text of the present `qalqan.yaml` with the family settings replaced by ``wanted``.

    The settings of the machine stay. Raises PolicyError.
    """
    source = read_bounded(path)
    settings = document(parse_document(source, str(path)))
    if family_settings(settings) == wanted:
        return _text(source)
    machine = {key: value for key, value in settings.items() if key not in FAMILY_KEYS}
    return edits.home_text(machine | wanted).decode()


def _people(store: Store, backup: Backup) -> Iterator[KeptPerson]:
    """Yield the backup's accounts that do not exist here, as far as there is room.

    A backup changes no existing password or role.
    """
    room = PEOPLE_LIMIT - len(store.people.accounts())
    missing = [person for person in backup.people if store.people.find(person.name) is None]
    yield from missing[: max(0, room)]


def _devices(store: Store, backup: Backup) -> Iterator[tuple[KeptDevice, KeptDevice]]:
    """Yield the present value and the backup's value of each device in the backup that differs."""
    labels, known = store.notes.labels(), store.devices.all()
    for wanted in backup.devices:
        device = known.get(wanted.mac)
        place = device.place if device is not None else ""
        now = KeptDevice(wanted.mac, labels.get(wanted.mac, ""), place)
        if now != wanted:
            yield now, wanted


def _ends(store: Store, devices: Iterable[tuple[KeptDevice, KeptDevice]]) -> Iterator[PlaceEnd]:
    """Yield the ends of the present temporary places of ``devices``."""
    known = store.devices.all()
    for now, _ in devices:
        device = known.get(now.mac)
        if device is not None and device.until is not None:
            placed = "" if device.placed is None else device.placed.isoformat()
            yield PlaceEnd(now.mac, device.until.isoformat(), placed, device.clock_trusted)


def _pins(store: Store, backup: Backup) -> Iterator[tuple[KeptPin, KeptPin]]:
    """Yield the present value and the backup's value of each PIN in the backup that differs."""
    for wanted in backup.pins:
        known = store.pins.of(wanted.who)
        now = KeptPin(wanted.who, "", "") if known is None else KeptPin(known.who, known.salt, known.hash)
        if now != wanted:
            yield now, wanted


def _choices(store: Store, backup: Backup) -> Iterator[tuple[KeptChoice, KeptChoice]]:
    """Yield the present and the backup's value of each differing time that a child set for itself.

    For a child in the backup, what it set since then gets an empty value. Other children keep theirs.
    """
    here = {(choice.who, choice.key): choice for choice in choices(store)}
    wanted = {(choice.who, choice.key): choice for choice in backup.self_set}
    children = {who for who, _ in wanted}
    for who, key in {**wanted, **here}:
        nothing = KeptChoice(who, key, "", "")
        now, then = here.get((who, key), nothing), wanted.get((who, key), nothing)
        if who in children and now != then:
            yield now, then


def _pauses(backup: Backup, here: object, now: datetime) -> Iterator[KeptPause]:
    paused = {pause.who for pause in here}  # type: ignore[attr-defined]
    for pause in backup.pauses:
        if pause.who not in paused and (not pause.until or datetime.fromisoformat(pause.until) > now):
            yield pause


def _grants(store: Store, backup: Backup, here: object, now: datetime) -> Iterator[KeptGrant]:
    """Yield the backup's extra time that has not ended and is not among the present rows (``here``)."""
    today = store.today(now).isoformat()
    for grant in backup.grants:
        runs = datetime.fromisoformat(grant.until) > now if grant.until else grant.day == today
        if runs and grant not in here:  # type: ignore[operator]
            yield grant


def _steps(store: Store, backup: Backup) -> Iterator[KeptStep]:
    """Yield the backup's postponed changes of age group, of children without one here.

    A proposal of the same change here, not yet postponed, counts as none.
    """
    for wanted in backup.steps:
        known = store.growing.of(wanted.profile)
        proposed = known is not None and known.state is TransitionState.OPEN and not known.until
        if known is None or (proposed and (known.band.value, known.month) == (wanted.band, wanted.month)):
            yield wanted


def staged(rules: RuleBook, plan: RestorePlan) -> Household:
    """Return the household (profiles and settings) that the restored files would give.

    It is read from temporary copies of the files; nothing in force changes.

    Raises:
        PolicyError: `qalqan.yaml` cannot be used, or the copies cannot be written.
    """
    stage = Path(rules.household.config.state) / STAGE
    try:
        _clear(stage)
        (stage / "profiles").mkdir(mode=0o700, parents=True)
        for name, pair in plan.profiles.items():
            if pair[AFTER] is not None:
                (stage / "profiles" / name).write_bytes(_bytes(pair[AFTER]))
        instead = {rules.path: _bytes(plan.home[rules.path.name][AFTER])}
        return rules.staged(instead, stage / "profiles")
    except OSError as error:
        raise PolicyError(
            str(stage), f"cannot be written ({write_error_text(error)})", "make room"
        ) from error
    finally:
        _clear(stage)


def _clear(stage: Path) -> None:
    for folder in (stage / "profiles", stage):
        if folder.is_dir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()


def _there(path: Path) -> str | None:
    data = read_if_there(path)
    return None if data is None else _text(data)


def _text(data: bytes) -> str:
    """Return the text of a file's bytes. Bytes that are no UTF-8 are kept, as surrogate escapes."""
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "surrogateescape")


def contents(pairs: Mapping[str, Pair], side: int) -> dict[str, bytes | None]:
    return {name: None if pair[side] is None else _bytes(pair[side]) for name, pair in pairs.items()}
