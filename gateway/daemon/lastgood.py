"""The last good version of each profile's file, kept in the state directory: it serves where a file is broken
while the daemon starts. Without it a slip of the pen and a power cut would open a child's device.
"""

from __future__ import annotations

import logging
from pathlib import Path

from gateway.errors import GatewayError
from gateway.files import write_whole
from gateway.household import Product, load_profile, profile_files
from gateway.policy.household import Household, keep_last_good

FOLDER = "good-profiles"

_log = logging.getLogger(__name__)


def recall(read: Household, product: Product) -> Household:
    """``read``, with the kept version of each profile whose file is broken. The problems stay."""
    kept = {}
    for name in read.problems:
        try:
            profile = load_profile(_folder(read) / name, product)
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
            if copy.name not in files:
                copy.unlink()
        for name, file in files.items():
            if name not in read.problems:
                _copy(file.read_bytes(), folder / name)
    except (OSError, GatewayError) as error:
        _log.warning("good versions of profiles cannot be kept: %s", error)


def _copy(data: bytes, copy: Path) -> None:
    """Nothing is written where nothing changed, for the sake of flash."""
    if copy.exists() and copy.read_bytes() == data:
        return
    write_whole(copy, data)


def _folder(read: Household) -> Path:
    return Path(read.config.state) / FOLDER
