"""Time zones of the system's database by region, with names and offsets.

Zones outside of these regions, such as Etc/GMT, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError, available_timezones

from webui.language.i18n import gettext as _

REGIONS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
UTC = "UTC"


@dataclass(frozen=True, slots=True)
class Zone:
    name: str  # as in the file: Asia/Almaty
    place: str  # Almaty
    offset: str  # UTC+5, at the time of the query; empty: the zone cannot be read


@cache
def _by_region() -> dict[str, tuple[str, ...]]:
    """Return the names of time zones by region, sorted. The system's database is read once."""
    # The standard library also looks for the package tzdata, and loads half a megabyte of modules for it.
    names = {name for folder in TZPATH for name in _names_in(Path(folder))} or available_timezones()
    found: dict[str, list[str]] = {region: [] for region in REGIONS}
    for name in sorted(names):
        region, slash, _place = name.partition("/")
        if slash and region in found:
            found[region].append(name)
    return {region: tuple(names) for region, names in found.items()}


def _names_in(folder: Path) -> Iterator[str]:
    for region in REGIONS:
        for path in (folder / region).rglob("*"):
            if path.is_file():
                yield path.relative_to(folder).as_posix()


def regions() -> dict[str, str]:
    """Return the names of the world's regions by id, sorted by name, in the reader's language."""
    names = {
        "Africa": _("Africa"), "America": _("America"), "Antarctica": _("Antarctica"), "Asia": _("Asia"),
        "Atlantic": _("Atlantic"), "Australia": _("Australia"), "Europe": _("Europe"),
        "Indian": _("Indian Ocean"), "Pacific": _("Pacific"),
    }  # fmt: skip
    return dict(sorted(names.items(), key=lambda item: item[1].casefold()))


def region_of(zone: str) -> str:
    region = zone.partition("/")[0]
    return region if region in REGIONS else "Asia"


def is_known(name: str) -> bool:
    return name == UTC or name in _by_region().get(name.partition("/")[0], ())


def zones(region: str, now: datetime) -> tuple[Zone, ...]:
    return tuple(zone(name, now) for name in _by_region()[region])


def zone(name: str, now: datetime) -> Zone:
    place = name.partition("/")[2].replace("/", ", ").replace("_", " ") or name
    return Zone(name, place, _offset(name, now))


def local(moment: datetime, name: str) -> datetime:
    """Return ``moment`` in the time zone ``name``; unchanged if the system does not know the zone.

    Unlike a time of the daemon, which has a fixed offset, it follows clock changes if days are added.
    """
    try:
        return moment.astimezone(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return moment


def _offset(name: str, now: datetime) -> str:
    try:
        away = now.astimezone(ZoneInfo(name)).utcoffset() or timedelta()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""
    minutes = round(away / timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")
