"""The content of a backup: rules and guardians' settings, never activity. See docs/families/backup.md.

Pure: text → values, and back. A file's content is hostile until it is validated here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from gateway.age.bands import AgeBand
from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import NAME_LIMIT, PEOPLE_LIMIT, SECRET, PersonRole
from gateway.policy.config.config import FAMILY_KEYS
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile import age_transitions
from gateway.policy.profile.age_transitions import read_month
from gateway.policy.profile.self_set import MOST_LIMITS, is_readable
from gateway.policy.yaml.documents import MAX_NODES, Document, from_json, is_unicode

FORMAT = 1
PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.ya?ml", re.ASCII)
CALENDAR = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}\.ics", re.ASCII | re.IGNORECASE)
MAX_PROFILES = 64
MAX_CALENDARS = 64
MAX_DEVICES = 1024
MAX_PINS = 64
MAX_FACTOR_PARTS = 16  # of one account
FIRST_YEAR, LAST_YEAR = 1970, 2200  # outside this range a time cannot be shown in every zone
TEXT_LIMIT = 200  # characters of a name, a place or a hash
DIGEST = re.compile(r"[0-9a-f]{16,256}", re.ASCII)
FACTOR_SECRET = re.compile(r"[A-Z2-7]{16,64}", re.ASCII)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeptPerson:
    """An account in a backup, without its sessions, which would be activity."""

    name: str
    role: str
    secret: str  # the password's hash
    minutes: int
    recovery: str
    came: bool


class FactorPart(StrEnum):
    SECRET = "secret"  # of the app, in base32
    CODE = "code"  # the digest of an unused backup code


@dataclass(frozen=True, slots=True)
class KeptFactor:
    """A part of an account's second sign-in factor: the app's secret or one backup code.

    Backup files do not contain it; only the gateway's own copy of its accounts does.
    """

    name: str  # of the account
    part: str  # a FactorPart
    value: str


@dataclass(frozen=True, slots=True)
class KeptDevice:
    """In a backup, the name and the place that a device has, without when it was seen.

    A device that belongs to a person is in the profile's file, and has no place.
    """

    mac: str
    label: str  # the name that a guardian gave it; empty: none
    place: str  # such as home, guest or adult; empty: none


@dataclass(frozen=True, slots=True)
class KeptPin:
    who: str  # a profile's id
    salt: str
    hash: str


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """A bedtime or limit in a backup that a child set for itself (``said``), with its key and time."""

    who: str  # a profile's id
    key: str  # as `OwnSetting.key`
    said: str  # JSON; in a restore's plan also empty: none
    at: str  # ISO 8601


@dataclass(frozen=True, slots=True)
class KeptBand:
    """In a backup, the highest age group that a person ever had: it limits the log level after a restore."""

    profile: str
    band: str


@dataclass(frozen=True, slots=True)
class KeptStep:
    """In a backup, a child's postponed change of age group. No change can be postponed twice."""

    profile: str
    band: str  # before the step
    month: str  # of the step
    until: str  # the month to which it was postponed
    reason: str
    by: str

    def step(self, now: datetime) -> age_transitions.LastTransition:
        """Return the postponed change of age group as a restore stores it.

        Its chosen month was the guardian's answer: from its first day on, no more days are waited for one.
        """
        begun = min(
            now, datetime.combine(age_transitions.month_of(self.until) - age_transitions.DAY, time(), UTC)
        )
        return age_transitions.LastTransition(
            *(self.profile, self.profile, AgeBand(self.band), self.month, begun, begun),
            until=self.until, reason=self.reason, put_off_by=self.by,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptPause:
    who: str  # a profile's id, a MAC address, or "all" for all children
    until: str  # ISO 8601; empty: until it is resumed


@dataclass(frozen=True, slots=True)
class KeptGrant:
    """Extra time in a backup: minutes for a limit on a family day, or until a time."""

    who: str  # a profile's id, or a MAC address
    day: str  # the family day, ISO 8601
    gate: str  # the target of the limit, such as ``play``
    minutes: int
    until: str  # ISO 8601; empty: extends the limit of its day
    service: str  # a service's id; empty: not limited to one
    by: str


@dataclass(frozen=True, slots=True)
class Backup:
    made: datetime
    by: str
    gateway: str  # the host name of the machine
    version: str
    home: Document  # the family's keys of qalqan.yaml
    lists: str | None  # lists.yaml
    profiles: Mapping[str, str]  # file name → content
    calendars: Mapping[str, str]
    people: tuple[KeptPerson, ...] = ()
    devices: tuple[KeptDevice, ...] = ()
    pins: tuple[KeptPin, ...] = ()
    bands: tuple[KeptBand, ...] = ()
    pauses: tuple[KeptPause, ...] = ()
    grants: tuple[KeptGrant, ...] = ()
    steps: tuple[KeptStep, ...] = ()
    self_set: tuple[KeptChoice, ...] = ()
    factors: tuple[KeptFactor, ...] = ()


_ROWS: Mapping[str, tuple[Callable[..., Any], int]] = {
    "people": (KeptPerson, PEOPLE_LIMIT),
    "devices": (KeptDevice, MAX_DEVICES),
    "pins": (KeptPin, MAX_PINS),
    "bands": (KeptBand, MAX_PROFILES),
    "pauses": (KeptPause, MAX_DEVICES),
    "grants": (KeptGrant, MAX_DEVICES),
    "steps": (KeptStep, MAX_PROFILES),
    "self_set": (KeptChoice, MAX_PROFILES * (MOST_LIMITS + 1)),
    "factors": (KeptFactor, PEOPLE_LIMIT * MAX_FACTOR_PARTS),
}


def backup_text(backup: Backup) -> str:
    """Return the backup as the text of one JSON object, in ASCII, for `parse_backup`.

    Raises ControlError if it has too many rows of a kind. Values and files are not checked (`storable`).
    """
    for key, (_, most) in _ROWS.items():
        if len(getattr(backup, key)) > most:
            raise ControlError.of(Code.BACKUP_ENTRIES, key=key, most=most)
    data = {"format": FORMAT, **asdict(backup), "made": backup.made.isoformat(timespec="seconds")}
    return json.dumps(data)


def parse_backup(text: str) -> Backup:
    """Return the backup in a JSON text from `backup_text`.

    Missing lists of rows are empty, and unknown top-level keys are ignored. The content of files is not
    parsed. Raises PolicyError for other content that is invalid, and ControlError for a newer format.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        _refuse("it is not JSON")
    if not isinstance(data, dict) or not isinstance(data.get("format"), int):
        _refuse("it has no format")
    if data["format"] > FORMAT:
        raise ControlError.of(Code.BACKUP_NEWER)
    try:
        made = datetime.fromisoformat(_text(data.get("made"), "made"))
    except ValueError:
        _refuse("made is no time")
    if made.tzinfo is None or not FIRST_YEAR <= made.year <= LAST_YEAR:
        _refuse("made has no offset, or is a time that no clock shows")
    rows: dict[str, Any] = {key: _rows(data.get(key, []), key, *how) for key, how in _ROWS.items()}
    found = Backup(
        made=made,
        by=_text(data.get("by"), "by"),
        gateway=_text(data.get("gateway"), "gateway", empty=True),
        version=_text(data.get("version"), "version"),
        home=_home(data.get("home")),
        lists=None if data.get("lists") is None else _content(data["lists"], "lists"),
        profiles=_files(data.get("profiles"), "profiles", PROFILE, MAX_PROFILES),
        calendars=_files(data.get("calendars"), "calendars", CALENDAR, MAX_CALENDARS),
        **rows,
    )
    _check(found)
    return found


def storable(names: Iterable[str], pattern: re.Pattern[str], most: int) -> list[str]:
    """Return those of the file names that a backup can contain, at most ``most``, in their order.

    Of names that differ only in case, the first: `parse_backup` accepts no two of them.
    """
    found: dict[str, str] = {}
    for name in names:
        if pattern.fullmatch(name) and len(found) < most:
            found.setdefault(name.casefold(), name)
    return list(found.values())


def _home(data: object) -> Document:
    if not isinstance(data, dict) or not set(data) <= set(FAMILY_KEYS):
        _refuse("home has what is no family's")
    if _has_more_values(data, MAX_NODES):
        _refuse(f"home has more than {MAX_NODES} values")
    return {key: from_json(value, key) for key, value in data.items()}


def _has_more_values(data: object, most: int) -> bool:
    """Return whether a JSON value contains more than ``most`` values. Looks at no more than that."""
    waiting, count = [data], 0
    while waiting and count + len(waiting) <= most:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return bool(waiting)


def _files(data: object, key: str, name: re.Pattern[str], most: int) -> dict[str, str]:
    """Return file name → content. Raises PolicyError for more than ``most`` files, or an invalid name."""
    if not isinstance(data, dict) or len(data) > most:
        _refuse(f"{key} are no files")
    for file in data:
        if not name.fullmatch(file):
            _refuse(f"{key} has a name that no file has")
    if len({file.casefold() for file in data}) != len(data):
        _refuse(f"{key} has two files of one name")
    return {file: _content(value, key) for file, value in data.items()}


def _rows(data: object, key: str, kind: Callable[..., T], most: int) -> tuple[T, ...]:
    """Return the rows of a table as objects of the class ``kind``.

    Raises PolicyError for more than ``most`` rows, or one with other fields or types.
    """
    if not isinstance(data, list) or len(data) > most:
        _refuse(f"{key} is no list of at most {most}")
    return tuple(_row(name, key, kind) for name in data)


def _row(data: object, key: str, kind: Callable[..., T]) -> T:
    wanted = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(data, dict) or data.keys() != wanted.keys():
        _refuse(f"{key} has an entry of another kind")
    for name, value in data.items():
        right = {"str": isinstance(value, str), "bool": isinstance(value, bool), "int": type(value) is int}
        if not right[wanted[name]]:
            _refuse(f"{key} has a {name} of another kind")
        if isinstance(value, str):
            _text(value, key, empty=True)
        elif not 0 <= value <= 100_000:
            _refuse(f"{key} has a {name} that is too much")
    return kind(**data)


def _check(backup: Backup) -> None:
    """Raise PolicyError for values that have the right types but that no gateway stores."""
    for person in backup.people:
        named = person.name.strip() == person.name and 0 < len(person.name) <= NAME_LIMIT
        hashed = not person.secret or SECRET.fullmatch(person.secret)
        recovery = not person.recovery or DIGEST.fullmatch(person.recovery)
        if not (named and hashed and recovery and person.role in set(PersonRole)):
            _refuse("people has an account that cannot be one")
    if not all(map(_could_be_factor, backup.factors)):
        _refuse("factors has one that cannot be one")
    if any(parse_mac(device.mac) != device.mac for device in backup.devices):
        _refuse("devices has one without an address")
    if not all(DIGEST.fullmatch(pin.salt) and DIGEST.fullmatch(pin.hash) for pin in backup.pins):
        _refuse("pins has one that cannot be one")
    if not {held.band for held in backup.bands} <= {band.value for band in AgeBand}:
        _refuse("bands has one that there is not")
    if not all(map(_could_be_put_off, backup.steps)):
        _refuse("steps has one that cannot be put off")
    for until in (*(pause.until for pause in backup.pauses), *(grant.until for grant in backup.grants)):
        if until:
            _moment(until)
    for choice in backup.self_set:
        _moment(choice.at)
        if not is_readable(choice.key, choice.said):
            _refuse("self_set has what no child sets")
    for grant in backup.grants:
        _moment(f"{grant.day}T00:00:00+00:00")


def _could_be_factor(factor: KeptFactor) -> bool:
    """Return True if a gateway could have stored this part of a second factor."""
    if factor.part not in set(FactorPart):
        return False
    values = FACTOR_SECRET if factor.part == FactorPart.SECRET else DIGEST
    return values.fullmatch(factor.value) is not None


def _could_be_put_off(step: KeptStep) -> bool:
    """Return True if a gateway could have postponed this change of age group."""
    month, until = read_month(step.month), read_month(step.until)
    if month is None or until is None or step.band not in {band.value for band in AgeBand}:
        return False
    months = 12 * (until.year - month.year) + until.month - month.month
    reason = step.reason.strip() == step.reason and 0 < len(step.reason) <= age_transitions.REASON_LIMIT
    return reason and 1 <= months <= age_transitions.MOST_MONTHS and AgeBand(step.band) < AgeBand.AGE_16_17


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _refuse("it has a time that is none")
    if moment.tzinfo is None:
        _refuse("it has a time without an offset")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        _refuse("it has a time that no clock shows")
    return moment


def _content(value: object, key: str) -> str:
    if not isinstance(value, str) or not is_unicode(value):
        _refuse(f"{key} is no text")
    return value


def _text(value: object, key: str, *, empty: bool = False) -> str:
    if (
        not isinstance(value, str)
        or len(value) > TEXT_LIMIT
        or not (value.isprintable() and (value or empty))
    ):
        _refuse(f"{key} is no short text")
    return value


def _refuse(why: str) -> NoReturn:
    error = PolicyError("backup", f"cannot be used: {why}", "take another one")
    raise error.coded(Code.BACKUP_BROKEN) from None
