"""What a backup would change here, worked out before anything is: each file as it is and as it would be, and
what would be added. It goes to the disk as JSON and back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import household
from gateway.daemon.files.keeping import choices, familys, kept_rows
from gateway.errors import PolicyError
from gateway.files import disk_words, read_bounded, read_if_there
from gateway.household import profile_files
from gateway.lists.own import FILE as LISTS
from gateway.policy import edits
from gateway.policy.backups import (
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
from gateway.policy.documents import parse_document
from gateway.policy.growing import State
from gateway.policy.household import Household
from gateway.policy.people import PEOPLE_LIMIT
from gateway.policy.plain import Document, document

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

STAGE = "restore-check"  # a folder of the state directory, for as long as the files are looked at
BEFORE, AFTER = 0, 1

Pair = tuple[str | None, str | None]
"""What stands in a file before and after; None: there is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``devices`` and ``pins``: before and after; the others are added, and taken out by a way back."""

    by: str
    at: str  # ISO 8601
    made: str  # when the backup was
    home: Mapping[str, Pair]  # by file, in the folder of qalqan.yaml
    profiles: Mapping[str, Pair]  # and in that of the profiles, calendars too
    devices: tuple[tuple[KeptDevice, KeptDevice], ...]
    pins: tuple[tuple[KeptPin, KeptPin], ...]  # an empty hash: none
    people: tuple[KeptPerson, ...]
    bands: tuple[KeptBand, ...]
    pauses: tuple[KeptPause, ...]
    grants: tuple[KeptGrant, ...]
    number: int  # of the grants
    steps: tuple[KeptStep, ...] = ()
    self_set: tuple[tuple[KeptChoice, KeptChoice], ...] = ()  # before and after; an empty value: none

    @property
    def is_empty(self) -> bool:
        """Nothing would change. That a child had an older band changes nothing by itself."""
        moved = [one for one in (*self.home.values(), *self.profiles.values()) if one[BEFORE] != one[AFTER]]
        rows = self.devices, self.pins, self.people, self.pauses, self.grants, self.steps, self.self_set
        return not (moved or any(rows))


def plan_text(plan: Plan) -> bytes:
    return json.dumps(asdict(plan)).encode("ascii")


def read_plan(data: bytes) -> Plan:
    """Raises ValueError, KeyError or TypeError for what ``plan_text`` did not write."""
    told: dict[str, Any] = json.loads(data)
    pairs: dict[str, Any] = {"devices": KeptDevice, "pins": KeptPin, "self_set": KeptChoice}
    told.setdefault("self_set", [])  # of a restore by an earlier version
    rows: dict[str, Any] = {"people": KeptPerson, "bands": KeptBand, "pauses": KeptPause, "grants": KeptGrant}
    for key, pair in pairs.items():
        told[key] = tuple((pair(**one), pair(**other)) for one, other in told[key])
    for key, row in rows.items():
        told[key] = tuple(row(**one) for one in told[key])
    told["steps"] = tuple(KeptStep(**one) for one in told.get("steps", ()))  # a plan of before has none
    for key in ("home", "profiles"):
        told[key] = {name: (one, other) for name, (one, other) in told[key].items()}
    return Plan(**told)


def make_plan(daemon: Daemon, backup: Backup, by: str, at: datetime) -> Plan:
    rules = daemon.rules
    here = kept_rows(daemon.store, at, daemon.store.today(at).isoformat())
    path, folder = rules.path, Path(rules.household.config.profiles)
    home: dict[str, Pair] = {path.name: (_there(path), _home_text(path, backup.home))}
    home[LISTS] = (_there(path.with_name(LISTS)), backup.lists)
    wanted: dict[str, str | None] = {**dict.fromkeys(one.name for one in profile_files(folder))}
    wanted.update(backup.profiles)
    wanted.update(backup.calendars)
    return Plan(
        by=by,
        at=at.isoformat(timespec="seconds"),
        made=backup.made.isoformat(timespec="seconds"),
        home=home,
        profiles={name: (_there(folder / name), text) for name, text in wanted.items()},
        devices=tuple(_devices(daemon, backup)),
        pins=tuple(_pins(daemon, backup)),
        people=tuple(_people(daemon, backup)),
        bands=backup.bands,
        pauses=tuple(_pauses(backup, here["pauses"], at)),
        grants=tuple(_grants(daemon, backup, here["grants"], at)),
        number=daemon.store.gifts.new_number(at),
        steps=tuple(_steps(daemon, backup)),
        self_set=tuple(_choices(daemon, backup)),
    )


def _home_text(path: Path, wanted: Document) -> str:
    """`qalqan.yaml` as it is, but for what is the family's to say."""
    source = read_bounded(path)
    said = document(parse_document(source, str(path)))
    if familys(said) == wanted:
        return _text(source)
    machines = {key: value for key, value in said.items() if key not in edits.FAMILY_KEYS}
    return edits.home_text(machines | wanted).decode()


def _people(daemon: Daemon, backup: Backup) -> Iterator[KeptPerson]:
    """Who has no account here: nobody gets another password or other rights by a file."""
    register = daemon.store.people
    room = PEOPLE_LIMIT - len(register.guardians())
    missing = [one for one in backup.people if register.find(one.name) is None]
    yield from missing[: max(0, room)]


def _devices(daemon: Daemon, backup: Backup) -> Iterator[tuple[KeptDevice, KeptDevice]]:
    """Of those that the backup knows; what was said of others since stays."""
    labels, known = daemon.store.notes.labels(), daemon.store.devices.all()
    for one in backup.devices:
        device = known.get(one.mac)
        now = KeptDevice(one.mac, labels.get(one.mac, ""), device.place if device is not None else "")
        if now != one:
            yield now, one


def _pins(daemon: Daemon, backup: Backup) -> Iterator[tuple[KeptPin, KeptPin]]:
    for one in backup.pins:
        known = daemon.store.pins.of(one.who)
        now = KeptPin(one.who, "", "") if known is None else KeptPin(known.who, known.salt, known.hash)
        if now != one:
            yield now, one


def _choices(daemon: Daemon, backup: Backup) -> Iterator[tuple[KeptChoice, KeptChoice]]:
    """Of children of whom the backup has some: each as it was, and what they set since goes."""
    here = {(one.who, one.key): one for one in choices(daemon.store)}
    wanted = {(one.who, one.key): one for one in backup.self_set}
    whose = {who for who, _ in wanted}
    for who, key in {**wanted, **here}:
        nothing = KeptChoice(who, key, "", "")
        now, then = here.get((who, key), nothing), wanted.get((who, key), nothing)
        if who in whose and now != then:
            yield now, then


def _pauses(backup: Backup, here: object, now: datetime) -> Iterator[KeptPause]:
    paused = {one.who for one in here}  # type: ignore[attr-defined]
    for one in backup.pauses:
        if one.who not in paused and (not one.until or datetime.fromisoformat(one.until) > now):
            yield one


def _grants(daemon: Daemon, backup: Backup, here: object, now: datetime) -> Iterator[KeptGrant]:
    today = daemon.store.today(now).isoformat()
    for one in backup.grants:
        holds = datetime.fromisoformat(one.until) > now if one.until else one.day == today
        if holds and one not in here:  # type: ignore[operator]
            yield one


def _steps(daemon: Daemon, backup: Backup) -> Iterator[KeptStep]:
    """Of whom nothing is known here, or no more than that the same step is proposed."""
    for one in backup.steps:
        known = daemon.store.growing.of(one.profile)
        waits = known is not None and known.state is State.OPEN and not known.until
        if known is None or (waits and (known.band.value, known.month) == (one.band, one.month)):
            yield one


def staged(daemon: Daemon, plan: Plan) -> Household:
    """The family with the files of ``plan``, read from copies. Raises PolicyError for `qalqan.yaml`."""
    stage = Path(daemon.rules.household.config.state) / STAGE
    try:
        _clear(stage)
        (stage / "profiles").mkdir(mode=0o700, parents=True)
        for name, pair in plan.profiles.items():
            if pair[AFTER] is not None:
                (stage / "profiles" / name).write_bytes(_bytes(pair[AFTER]))
        path = daemon.rules.path
        instead = {path: _bytes(plan.home[path.name][AFTER])}
        return household.load(path, daemon.rules.product, instead, folder=stage / "profiles")
    except OSError as error:
        raise PolicyError(str(stage), f"cannot be written ({disk_words(error)})", "make room") from error
    finally:
        _clear(stage)


def _clear(stage: Path) -> None:
    for folder in (stage / "profiles", stage):
        if folder.is_dir():
            for one in folder.iterdir():
                one.unlink()
            folder.rmdir()


def _there(path: Path) -> str | None:
    data = read_if_there(path)
    return None if data is None else _text(data)


def _text(data: bytes) -> str:
    """A file that a hand spoilt is kept byte by byte as well."""
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "surrogateescape")


def contents(pairs: Mapping[str, Pair], side: int) -> dict[str, bytes | None]:
    return {name: None if pair[side] is None else _bytes(pair[side]) for name, pair in pairs.items()}
