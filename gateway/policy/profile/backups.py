"""What a backup has in it: rules and what guardians set, never what anybody did. See docs/families/backup.md.

Pure: text in, values out, and back. What comes from a file is hostile until it is read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, time
from typing import Any, NoReturn, TypeVar

from gateway.age.bands import Band
from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import NAME_LIMIT, PEOPLE_LIMIT, SECRET, PersonRole
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile import growing
from gateway.policy.profile.edits import FAMILY_KEYS
from gateway.policy.profile.next_step import read_month
from gateway.policy.profile.plain import Document, from_json
from gateway.policy.profile.self_set import MOST_LIMITS, is_readable

FORMAT = 1
PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.ya?ml", re.ASCII)
CALENDAR = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}\.ics", re.ASCII | re.IGNORECASE)
MAX_PROFILES = 64
MAX_CALENDARS = 64
MAX_DEVICES = 1024
MAX_PINS = 64
FIRST_YEAR, LAST_YEAR = 1970, 2200  # beyond these no time can be told in every zone
TEXT_LIMIT = 200  # characters of a name, a place, a hash
DIGEST = re.compile(r"[0-9a-f]{16,256}", re.ASCII)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeptPerson:
    """An account. Sessions are none of it: who was signed in is what somebody did."""

    name: str
    role: str
    secret: str  # the password's hash
    minutes: int
    recovery: str
    came: bool


@dataclass(frozen=True, slots=True)
class KeptDevice:
    """What a guardian said of a device; when it was seen is left out."""

    mac: str
    label: str
    place: str  # home, guest, adult, a profile's id; empty: none was said


@dataclass(frozen=True, slots=True)
class KeptPin:
    who: str
    salt: str
    hash: str


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """What a child set for itself, and when."""

    who: str
    key: str
    said: str  # JSON; empty: nothing
    at: str  # ISO 8601


@dataclass(frozen=True, slots=True)
class KeptBand:
    """The highest that somebody ever had: a younger one must not bring back more log."""

    profile: str
    band: str


@dataclass(frozen=True, slots=True)
class KeptStep:
    """That a child's step was put off: it can be once, also after a gateway was set up anew."""

    profile: str
    band: str  # of before
    month: str  # of the step
    until: str  # the month to which it was put off
    reason: str
    by: str

    def step(self, now: datetime) -> growing.Step:
        """As it would be kept here. Its month was the answer: where it has passed, no days are waited."""
        begun = min(now, datetime.combine(growing.month_of(self.until) - growing.DAY, time(), UTC))
        return growing.Step(
            *(self.profile, self.profile, Band(self.band), self.month, begun, begun),
            until=self.until, reason=self.reason, put_off_by=self.by,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptPause:
    who: str
    until: str  # ISO 8601; empty: until somebody resumes


@dataclass(frozen=True, slots=True)
class KeptGrant:
    """Extra time that somebody had, by the day of the family or until a time."""

    who: str
    day: str
    gate: str
    minutes: int
    until: str  # ISO 8601; empty: beyond the limit of its day
    service: str
    by: str


@dataclass(frozen=True, slots=True)
class Backup:
    made: datetime
    by: str
    gateway: str  # what the machine is called
    version: str
    home: Document  # of qalqan.yaml what is the family's to say
    lists: str | None  # lists.yaml
    profiles: Mapping[str, str]  # file → what stands in it
    calendars: Mapping[str, str]
    people: tuple[KeptPerson, ...] = ()
    devices: tuple[KeptDevice, ...] = ()
    pins: tuple[KeptPin, ...] = ()
    bands: tuple[KeptBand, ...] = ()
    pauses: tuple[KeptPause, ...] = ()
    grants: tuple[KeptGrant, ...] = ()
    steps: tuple[KeptStep, ...] = ()
    self_set: tuple[KeptChoice, ...] = ()


_ROWS: Mapping[str, tuple[Callable[..., Any], int]] = {
    "people": (KeptPerson, PEOPLE_LIMIT),
    "devices": (KeptDevice, MAX_DEVICES),
    "pins": (KeptPin, MAX_PINS),
    "bands": (KeptBand, MAX_PROFILES),
    "pauses": (KeptPause, MAX_DEVICES),
    "grants": (KeptGrant, MAX_DEVICES),
    "steps": (KeptStep, MAX_PROFILES),
    "self_set": (KeptChoice, MAX_PROFILES * (MOST_LIMITS + 1)),
}


def backup_text(one: Backup) -> str:
    """One JSON object, in ASCII: a piece of it is a piece of text."""
    told = {"format": FORMAT, **asdict(one), "made": one.made.isoformat(timespec="seconds")}
    return json.dumps(told)


def parse_backup(text: str) -> Backup:
    """Raises PolicyError for anything that ``backup_text`` does not write."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        _refuse("it is not JSON")
    if not isinstance(told, dict) or not isinstance(told.get("format"), int):
        _refuse("it has no format")
    if told["format"] > FORMAT:
        raise PolicyError("backup", "was made by a newer Qalqan", "install that one first").coded(
            Code.BACKUP_NEWER
        )
    try:
        made = datetime.fromisoformat(_text(told.get("made"), "made"))
    except ValueError:
        _refuse("made is no time")
    if made.tzinfo is None or not FIRST_YEAR <= made.year <= LAST_YEAR:
        _refuse("made has no offset, or is a time that no clock shows")
    rows: dict[str, Any] = {key: _rows(told.get(key, []), key, *how) for key, how in _ROWS.items()}
    found = Backup(
        made=made,
        by=_text(told.get("by"), "by"),
        gateway=_text(told.get("gateway"), "gateway", empty=True),
        version=_text(told.get("version"), "version"),
        home=_home(told.get("home")),
        lists=None if told.get("lists") is None else _content(told["lists"], "lists"),
        profiles=_files(told.get("profiles"), "profiles", PROFILE, MAX_PROFILES),
        calendars=_files(told.get("calendars"), "calendars", CALENDAR, MAX_CALENDARS),
        **rows,
    )
    _check(found)
    return found


def _home(told: object) -> Document:
    if not isinstance(told, dict) or not set(told) <= set(FAMILY_KEYS):
        _refuse("home has what is no family's")
    return {key: from_json(value, key) for key, value in told.items()}


def _files(told: object, key: str, name: re.Pattern[str], most: int) -> dict[str, str]:
    if not isinstance(told, dict) or len(told) > most:
        _refuse(f"{key} are no files")
    for one in told:
        if not name.fullmatch(one):
            _refuse(f"{key} has a name that no file has")
    if len({one.casefold() for one in told}) != len(told):
        _refuse(f"{key} has two files of one name")
    return {one: _content(value, key) for one, value in told.items()}


def _rows(told: object, key: str, kind: Callable[..., T], most: int) -> tuple[T, ...]:
    if not isinstance(told, list) or len(told) > most:
        _refuse(f"{key} is no list of at most {most}")
    return tuple(_row(one, key, kind) for one in told)


def _row(told: object, key: str, kind: Callable[..., T]) -> T:
    wanted = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(told, dict) or told.keys() != wanted.keys():
        _refuse(f"{key} has an entry of another kind")
    for name, value in told.items():
        right = {"str": isinstance(value, str), "bool": isinstance(value, bool), "int": type(value) is int}
        if not right[wanted[name]]:
            _refuse(f"{key} has a {name} of another kind")
        if isinstance(value, str):
            _text(value, key, empty=True)
        elif not 0 <= value <= 100_000:
            _refuse(f"{key} has a {name} that is too much")
    return kind(**told)


def _check(one: Backup) -> None:
    for person in one.people:
        named = person.name.strip() == person.name and 0 < len(person.name) <= NAME_LIMIT
        hashed = not person.secret or SECRET.fullmatch(person.secret)
        recovery = not person.recovery or DIGEST.fullmatch(person.recovery)
        if not (named and hashed and recovery and person.role in set(PersonRole)):
            _refuse("people has an account that cannot be one")
    if any(parse_mac(device.mac) != device.mac for device in one.devices):
        _refuse("devices has one without an address")
    if not all(DIGEST.fullmatch(pin.salt) and DIGEST.fullmatch(pin.hash) for pin in one.pins):
        _refuse("pins has one that cannot be one")
    if not {held.band for held in one.bands} <= {band.value for band in Band}:
        _refuse("bands has one that there is not")
    if not all(map(_could_be_put_off, one.steps)):
        _refuse("steps has one that nobody could put off so")
    for until in (*(pause.until for pause in one.pauses), *(grant.until for grant in one.grants)):
        if until:
            _moment(until)
    for choice in one.self_set:
        _moment(choice.at)
        if not is_readable(choice.key, choice.said):
            _refuse("self_set has what no child sets")
    for grant in one.grants:
        _moment(f"{grant.day}T00:00:00+00:00")


def _could_be_put_off(one: KeptStep) -> bool:
    month, until = read_month(one.month), read_month(one.until)
    if month is None or until is None or one.band not in {band.value for band in Band}:
        return False
    months = 12 * (until.year - month.year) + until.month - month.month
    reason = one.reason.strip() == one.reason and 0 < len(one.reason) <= growing.REASON_LIMIT
    return reason and 1 <= months <= growing.MOST_MONTHS and Band(one.band) < Band.AGE_16_17


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
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
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
