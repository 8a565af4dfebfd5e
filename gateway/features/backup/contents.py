"""Collects the content of a backup from the rule files and the store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from gateway import __version__
from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.household.calendars import MAX_BYTES
from gateway.household.context import HomeContext
from gateway.household.grant_owners import BY_GUARDIANS
from gateway.household.loading import profile_files
from gateway.household.visibility import Visibility
from gateway.lists.own_lists import lists_file
from gateway.policy.profile import edits
from gateway.policy.profile.backups import (
    CALENDAR,
    PROFILE,
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
from gateway.policy.profile.growing import StepState
from gateway.policy.profile.log_levels import NAMES_LEVEL
from gateway.policy.profile.plain import Document, document
from gateway.policy.yaml.documents import parse_document
from gateway.store.store import Store
from gateway.store.tables.grants import Given


def collect(home: HomeContext, store: Store, visibility: Visibility, by: str) -> tuple[Backup, list[str]]:
    """Return a backup made by ``by``, and the names of the files that it cannot contain.

    Extra time that a child took itself is left out where guardians may not see when.

    Raises:
        PolicyError: A file cannot be read.
    """
    rules, now = home.rules, home.local_now()
    profiles = {path.name: path for path in profile_files(Path(rules.household.config.profiles))}
    calendars, left_out = _calendars(rules.household.config.profiles)
    left_out += [name for name in profiles if not PROFILE.fullmatch(name)]
    own_lists = lists_file(rules.path)

    def may_be_shown(given: Given) -> bool:
        return given.kind in BY_GUARDIANS or visibility.level(given.who) >= NAMES_LEVEL

    backup = Backup(
        made=now.replace(microsecond=0),
        by=by,
        gateway=os.uname().nodename[:64],
        version=__version__,
        home=family_settings(document(parse_document(read_bounded(rules.path), str(rules.path)))),
        lists=_text(own_lists) if own_lists.exists() else None,
        profiles={name: _text(path) for name, path in profiles.items() if name not in left_out},
        calendars=calendars,
        **kept_rows(store, now, store.today(now).isoformat(), may_be_shown),  # type: ignore[arg-type]
    )
    return backup, left_out


def family_settings(settings: Document) -> Document:
    """Return the part of `qalqan.yaml` that is the family's. The rest depends on the machine."""
    return {key: value for key, value in settings.items() if key in edits.FAMILY_KEYS}


def kept_rows(
    store: Store, now: datetime, today: str, told: Callable[[Given], bool] = lambda _: True
) -> Mapping[str, tuple[object, ...]]:
    """``told``: whether what was given is in it."""
    state = store.state(now)
    return {
        "people": tuple(
            KeptPerson(one.name, one.role.value, one.secret, one.minutes, one.recovery, one.came)
            for one in store.people.guardians().values()
        ),
        "devices": tuple(_devices(store)),
        "pins": tuple(KeptPin(one.who, one.salt, one.hash) for one in store.pins.all()),
        "self_set": tuple(choices(store)),
        "bands": tuple(KeptBand(who, band.value) for who, band in store.held_bands().items()),
        "steps": tuple(
            KeptStep(one.profile, one.band.value, one.month, one.until, one.reason, one.put_off_by)
            for one in store.growing.all().values()
            if one.state is StepState.OPEN and one.until
        ),
        "pauses": tuple(KeptPause(one.who, _iso(one.until)) for one in state.pauses),
        "grants": tuple(
            KeptGrant(
                *(one.who, one.day.isoformat(), one.gate, one.minutes),
                *(_iso(one.until), one.service or "", one.by),
            )
            for one in state.given
            if told(one) and (one.until is not None or one.day.isoformat() == today)
        ),
    }


def choices(store: Store) -> Iterator[KeptChoice]:
    """What children set for themselves."""
    for who, found in store.self_set.all().items():
        yield from (KeptChoice(who, one.key, one.said, _iso(one.at)) for one in found)


def _devices(store: Store) -> Iterator[KeptDevice]:
    """Those of which a guardian said something. A visit ends by itself and is left out."""
    labels, known = store.notes.labels(), store.devices.all()
    for mac in sorted({*labels, *known}):
        device = known.get(mac)
        place = device.place if device is not None and device.until is None else ""
        if place or mac in labels:
            yield KeptDevice(mac, labels.get(mac, ""), place)


def _calendars(folder: str) -> tuple[dict[str, str], list[str]]:
    """Those beside the profiles, where their paths begin; and those that are no text."""
    found: dict[str, str] = {}
    left_out = []
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() != ".ics" or not path.is_file():
            continue
        data = read_bounded(path, MAX_BYTES)
        try:
            if not CALENDAR.fullmatch(path.name) or len(data) > MAX_BYTES:
                raise ValueError
            found[path.name] = data.decode()
        except ValueError:
            left_out.append(path.name)
    return found, left_out


def _text(path: Path) -> str:
    try:
        return read_bounded(path).decode()
    except UnicodeDecodeError:
        raise PolicyError(str(path), "is no text in UTF-8", "write it anew as such") from None


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")
