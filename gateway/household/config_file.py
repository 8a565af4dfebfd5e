"""The home's settings from disk: `qalqan.yaml`, and over it what the router's own settings decide (UCI).
Every command, the daemon and the pages read them here. docs/providers/uci.md.

On a router whose `qalqan.yaml` is not there yet, what the first boot would write holds.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.core.errors import PolicyError
from gateway.core.files import (
    attempt,
    make_folder,
    read_bounded,
    sync_folder,
    write_atomically,
    write_error_text,
)
from gateway.policy.config.config import Config, config_of
from gateway.policy.names.hosts import PublicSuffixCheck
from gateway.policy.yaml.documents import parse_document

if TYPE_CHECKING:
    from gateway.household.router_settings import RouterSettings
    from gateway.household.uci import Package

ROUTER = Path("/etc/config/qalqan")
VARIABLE = "QALQAN_UCI"  # another path in its place; empty: none
SYSTEM = "system"  # beside it: the router's clock and zone
DHCP = "dhcp"  # beside it: dnsmasq and odhcpd
MODE = 0o644  # of a first file: the pages' user reads it, and no secret is in it


def read_config(path: Path, is_public_suffix: PublicSuffixCheck, source: bytes | None = None) -> Config:
    """``source``: what would stand in the file. Raises PolicyError, with file and line of either one."""
    router = read_router()
    text = read_source(path) if source is None else source
    document = parse_document(text, str(path))
    if router is None:
        return config_of(document, is_public_suffix)
    return replace(config_of(router.over(document), is_public_suffix), fixed=router.fixed)


def read_source(path: Path) -> bytes:
    """`qalqan.yaml`, or what the first boot would write. Raises PolicyError where neither is there."""
    if not exists(path) and (router := read_router()) is not None:
        return router.first_text(_zone())
    return read_bounded(path)


def is_there(path: Path) -> bool:
    """Whether anything says how this home is."""
    return exists(path) or router_path() is not None


def exists(path: Path) -> bool:
    """Raises PolicyError where that is hidden: what cannot be seen is no first boot."""
    return attempt(path, path.exists)


def router_path() -> Path | None:
    """Where the router's own settings are; None where there are none, as on a Raspberry Pi."""
    named = os.environ.get(VARIABLE)
    if named == "":
        return None
    path = ROUTER if named is None else Path(named)
    return path if exists(path) else None


def read_router() -> RouterSettings | None:
    """Raises PolicyError."""
    path = router_path()
    if path is None:
        return None
    from gateway.household.router_settings import router_settings  # on a router alone

    return router_settings(_package(path), _leases(path))


def _package(path: Path) -> Package:
    from gateway.household.uci import MAX_BYTES, parse_uci

    return parse_uci(read_bounded(path, MAX_BYTES), str(path))


def _leases(path: Path) -> tuple[str, ...]:
    """None where that is not told or cannot be read, as by the user of the pages."""
    from gateway.household.router_settings import lease_files

    try:
        return lease_files(_package(path.with_name(DHCP)))
    except PolicyError:
        return ()


def _zone() -> str:
    """The system's, where that is told and can be read."""
    path = router_path()
    if path is None:
        return ""
    from gateway.household.router_settings import system_zone

    try:
        return system_zone(_package(path.with_name(SYSTEM)))
    except PolicyError:
        return ""  # another program's file: nothing of ours depends on it


def first_boot(path: Path) -> bool:
    """Writes the first `qalqan.yaml` from the router's defaults; whether it did. Never over one that is
    there. Raises PolicyError, with nothing written.
    """
    router = read_router()
    if router is None or exists(path):
        return False
    zone = _zone()
    config_of(router.over(router.first_document(zone)), lambda _: False)
    make_folder(path.parent)
    fresh = path.with_name(f".{path.name}.first")
    try:
        write_atomically(fresh, router.first_text(zone))
        fresh.chmod(MODE)
        os.link(fresh, path)  # never replaces
        sync_folder(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        mend = "make room, or mend the permissions of its folder"
        raise PolicyError(str(path), f"cannot be written ({write_error_text(error)})", mend) from error
    finally:
        fresh.unlink(missing_ok=True)
    return True
