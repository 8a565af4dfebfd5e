"""Collects the content of a backup from the rule files and the store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from gateway import __version__
from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.household.calendars import MAX_BYTES
from gateway.household.context import HomeContext
from gateway.household.loading import profile_files
from gateway.household.members import BY_GUARDIANS
from gateway.household.visibility import Visibility
from gateway.lists.own_lists import lists_file
from gateway.policy.config.config import FAMILY_KEYS
from gateway.policy.profile.age_transitions import TransitionState
from gateway.policy.profile.backup_format import (
    CALENDAR,
    MAX_CALENDARS,
    MAX_PROFILES,
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
    storable,
)
from gateway.policy.profile.rules import NAMES_LEVEL
from gateway.policy.yaml.documents import Document, document, parse_document
from gateway.store.store import Store
from gateway.store.tables.grants import GrantRow
from gateway.store.tables.held_bands import HELD_LIMIT


def collect(home: HomeContext, store: Store, visibility: Visibility, by: str) -> tuple[Backup, list[str]]:
    """Return a backup made by ``by``, and the names of the files that it cannot contain.

    It has the family's settings, lists, rule files and calendars, and the store's rows
    (`kept_rows`), such as accounts and devices. Extra time that a child took without a guardian is
    left out if guardians may not see when.

    Raises:
        PolicyError: A file cannot be read.
    """
    rules, now = home.rules, home.local_now()
    folder = Path(rules.household.config.profiles)
    own_lists = lists_file(rules.path)

    def may_be_shown(given: GrantRow) -> bool:
        return given.kind in BY_GUARDIANS or visibility.level(given.who) >= NAMES_LEVEL

    backup = Backup(
        made=now.replace(microsecond=0),
        by=by,
        gateway=os.uname().nodename[:64],
        version=__version__,
        home=family_settings(document(parse_document(read_bounded(rules.path), str(rules.path)))),
        lists=_text(own_lists) if own_lists.exists() else None,
        profiles={path.name: _text(path) for path in stored_profiles(folder)},
        calendars=_calendars(folder),
        **kept_rows(store, now, store.today(now).isoformat(), may_be_shown),  # type: ignore[arg-type]
    )
    return backup, files_left_out(folder)


def stored_profiles(folder: Path) -> list[Path]:
    """Return the files of profiles in ``folder`` that a backup can contain. A restore deletes no others.

    Raises PolicyError if the folder cannot be read.
    """
    files = {path.name: path for path in profile_files(folder)}
    return [files[name] for name in storable(files, PROFILE, MAX_PROFILES)]


def files_left_out(folder: Path) -> list[str]:
    """Return the names of the profiles and calendars in ``folder`` that a backup cannot contain.

    Raises PolicyError if the folder or a calendar cannot be read.
    """
    stored = {*(path.name for path in stored_profiles(folder)), *_calendars(folder)}
    files = (*profile_files(folder), *_calendar_files(folder))
    return [path.name for path in files if path.name not in stored]


def family_settings(settings: Document) -> Document:
    """Return the keys of `qalqan.yaml` that belong to the family. The others depend on the machine."""
    return {key: value for key, value in settings.items() if key in FAMILY_KEYS}


def kept_rows(
    store: Store, now: datetime, today: str, disclosed: Callable[[GrantRow], bool] = lambda _: True
) -> Mapping[str, tuple[object, ...]]:
    """Return the database rows that a backup contains, by the name of the backup's field.

    Accounts are without second factors, passkeys and sessions, and no row is about activity.
    ``today``: the household's day, ISO 8601; minutes that were added to time limits of earlier days
    are left out. ``disclosed``: returns whether a grant of extra time is included.
    """
    state = store.state(now)
    return {
        "people": tuple(
            KeptPerson(
                account.name,
                account.role.value,
                account.secret,
                account.minutes,
                account.recovery,
                account.came,
            )
            for account in store.people.accounts().values()
        ),
        "devices": tuple(_devices(store)),
        "pins": tuple(KeptPin(pin.who, pin.salt, pin.hash) for pin in store.pins.all()),
        "self_set": tuple(choices(store)),
        "bands": tuple(_bands(store)),
        "steps": tuple(
            KeptStep(step.profile, step.band.value, step.month, step.until, step.reason, step.put_off_by)
            for step in store.growing.all().values()
            if step.state is TransitionState.OPEN and step.until
        ),
        "pauses": tuple(KeptPause(pause.who, _iso(pause.until)) for pause in state.pauses),
        "grants": tuple(
            KeptGrant(
                *(given.who, given.day.isoformat(), given.gate, given.minutes),
                *(_iso(given.until), given.service or "", given.by),
            )
            for given in state.given
            if disclosed(given) and (given.until is not None or given.day.isoformat() == today)
        ),
    }


def _bands(store: Store) -> Iterator[KeptBand]:
    """Yield the highest age groups of at most HELD_LIMIT profiles, those that were used last."""
    for who, band in list(store.held_bands.all().items())[-HELD_LIMIT:]:
        yield KeptBand(who, band.value)


def choices(store: Store) -> Iterator[KeptChoice]:
    """Yield the bedtimes and limits that children set for themselves, as rows of a backup."""
    for who, found in store.self_set.all().items():
        yield from (KeptChoice(who, choice.key, choice.said, _iso(choice.at)) for choice in found)


def _devices(store: Store) -> Iterator[KeptDevice]:
    """Yield the devices with a guardian's name or a stored place, such as guest, as rows of a backup.

    A temporary place, such as adult guest, counts as none.
    """
    labels, known = store.notes.labels(), store.devices.all()
    for mac in sorted({*labels, *known}):
        device = known.get(mac)
        place = device.place if device is not None and device.until is None else ""
        if place or mac in labels:
            yield KeptDevice(mac, labels.get(mac, ""), place)


def _calendar_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".ics" and path.is_file()]


def _calendars(folder: Path) -> dict[str, str]:
    """Return the calendars in the folder of the profiles that a backup can contain, by file name."""
    found: dict[str, str] = {}
    for name in storable((path.name for path in _calendar_files(folder)), CALENDAR, MAX_CALENDARS):
        data = read_bounded(folder / name, MAX_BYTES)
        if len(data) <= MAX_BYTES:
            with suppress(UnicodeDecodeError):
                found[name] = data.decode()
    return found


def _text(path: Path) -> str:
    try:
        return read_bounded(path).decode()
    except UnicodeDecodeError:
        raise PolicyError(str(path), "is not UTF-8 text", "save the file as UTF-8") from None


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")
