"""The last good version of each profile's file, kept in the state directory: it serves where a file is broken
while the daemon starts. Without it a slip of the pen and a power cut would open a child's device.
"""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path

from gateway.core.errors import GatewayError
from gateway.core.files import write_atomically
from gateway.household.loading import Product, load_profile, profile_files
from gateway.policy.profile.household import Household, keep_last_good
from gateway.policy.profile.profile import DaysOf

FOLDER = "good-profiles"
DAYS = ".days"  # beside a profile: the free days of its calendars

_log = logging.getLogger(__name__)


def recall(read: Household, product: Product) -> Household:
    """``read``, with the kept version of each profile whose file is broken. The problems stay."""
    kept = {}
    for name in read.problems:
        try:
            file = _folder(read) / name
            profile = load_profile(file, product, _kept_days(file))
        except GatewayError:
            continue  # none was kept, or today's product does not know its words any more
        kept[profile.id] = profile
    return keep_last_good(read, read.with_profiles(kept)) if kept else read


def keep(read: Household) -> None:
    """Copy the files that are in force as they stand; forget those of files that are gone."""
    folder = _folder(read)
    try:
        files = {file.name: file for file in profile_files(Path(read.config.profiles))}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for copy in folder.iterdir():
            if copy.name.removesuffix(DAYS) not in files:
                copy.unlink()
        for name, file in files.items():
            if name not in read.problems and file.stem in read.profiles:
                _copy(file.read_bytes(), folder / name)
                _keep_days(read.profiles[file.stem].free_days, folder / f"{name}{DAYS}")
    except (OSError, GatewayError) as error:
        _log.warning("good versions of profiles cannot be kept: %s", error)


def _copy(data: bytes, copy: Path) -> None:
    """Nothing is written where nothing changed, for the sake of flash."""
    if copy.exists() and copy.read_bytes() == data:
        return
    write_atomically(copy, data)


def _keep_days(days: frozenset[date], copy: Path) -> None:
    if days:
        _copy("\n".join(sorted(map(str, days))).encode(), copy)
    else:
        copy.unlink(missing_ok=True)


def _kept_days(file: Path) -> DaysOf:
    """What the calendars of a kept file had: they may be gone, or broken themselves."""

    def days_of(calendar: str) -> frozenset[date]:  # noqa: ARG001
        try:
            text = file.with_name(f"{file.name}{DAYS}").read_text("ascii")
            return frozenset(date.fromisoformat(one) for one in text.split())
        except (OSError, ValueError):
            return frozenset()

    return days_of


def _folder(read: Household) -> Path:
    return Path(read.config.state) / FOLDER
