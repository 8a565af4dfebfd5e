"""Write whose a device is, and what a guardian allows for always, into the family's files.

A file that a hand wrote is kept beside it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import PolicyError
from gateway.household import profile_files
from gateway.policy.documents import Mapping, Node, Scalar, parse_document
from gateway.policy.household import Household
from gateway.policy.profile import Profile

HEADER = "# Written by the pages or the qalqan command; comments are not kept. An earlier version is in {}.\n"
BACKUP = ".before"


def assign_device(
    household: Household, mac: str, owner: Profile | None, *, instead_of: str | None = None
) -> None:
    """Put ``mac`` into the file of ``owner`` alone, there in the place of ``instead_of`` if it is told; None:
    take it out of every file.

    Raises PolicyError, with all files as they were, where one of them cannot be used, ``owner`` has none, or
    the device is shared; and where one cannot be written.
    """
    shared = household.config.shared.get(mac)
    if shared is not None:
        people = ", ".join(shared)
        mend = "take it out of 'shared' in qalqan.yaml first"
        raise PolicyError(mac, f"the device is shared by {people}", mend)
    folder = Path(household.config.profiles)
    if owner is not None and _file(folder, owner.id) is None:
        raise PolicyError(owner.id, "is built in and has no file", "name a person's profile")
    changes = []
    for profile in household.profiles.values():
        file = _file(folder, profile.id)
        if file is None:
            continue
        devices = [one for one in profile.devices if one != mac]
        if owner is not None and profile.id == owner.id:
            devices = [mac if one == instead_of else one for one in devices]
            devices += [] if mac in devices else [mac]
        if tuple(devices) != profile.devices:
            broken = household.problems.get(file.name)
            if broken is not None:
                raise broken
            changes.append((file, devices))
    for file, devices in changes:
        _write(file, "devices", devices)


def allow_entry(household: Household, profile: Profile, entry: str) -> None:
    """Add a name or `service:x` to what ``profile`` allows. Raises PolicyError, with the file as it was."""
    file = _file(Path(household.config.profiles), profile.id)
    if file is None:
        raise PolicyError(profile.id, "is built in and has no file", "name a person's profile")
    broken = household.problems.get(file.name)
    if broken is not None:
        raise broken
    before = parse_document(_read(file), str(file)).entries.get("allow")
    if isinstance(before, Mapping):
        mend = f"write 'allow: [{entry}]' by hand"
        where = f"{file}: allow"
        raise PolicyError(where, "clears what the band allows", mend)
    entries = _plain(before) if before is not None else None
    if entry not in (entries or ()):
        _write(file, "allow", [*(entries or ()), entry])


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PolicyError(
            str(file), f"cannot be read ({error.strerror})", "look at disk and rights"
        ) from error


def _file(folder: Path, profile_id: str) -> Path | None:
    return next((path for path in profile_files(folder) if path.stem == profile_id), None)


def _plain(node: Node) -> Any:
    """As `yaml.safe_dump` writes it so that it reads the same: YAML's own reader makes false of ``off``."""
    if isinstance(node, Scalar):
        return None if node.is_null else node.text
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, value in node.entries.items()}
    return [_plain(item) for item in node.items]


def _write(file: Path, key: str, value: list[str]) -> None:
    backup = file.with_suffix(file.suffix + BACKUP)
    temporary = file.with_name(f".{file.name}.new")
    try:
        before = file.read_bytes()
        document = {**_plain(parse_document(before, str(file))), key: value}
        text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
        if not before.startswith(HEADER.format(backup.name).encode()):
            backup.write_bytes(before)
        with temporary.open("w", encoding="utf-8") as out:
            out.write(HEADER.format(backup.name) + text)
            out.flush()
            os.fsync(out.fileno())
        temporary.chmod(file.stat().st_mode & 0o777)
        temporary.replace(file)
    except OSError as error:
        raise PolicyError(
            str(file), f"cannot be written ({error.strerror})", "look at disk and rights"
        ) from error
    finally:
        if temporary.is_file():
            temporary.unlink()
