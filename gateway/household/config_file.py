"""Reads the settings from `qalqan.yaml`, overridden by UCI on a router (docs/providers/uci.md).

Used by the daemon, the pages and every command. On a router without `qalqan.yaml`, the defaults apply that
the first boot would write.
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
VARIABLE = "QALQAN_UCI"  # environment variable with another path; empty: none
SYSTEM = "system"  # file in the same folder with the router's time zone
DHCP = "dhcp"  # file in the same folder with the settings of dnsmasq and odhcpd
MODE = 0o644  # of the first file: the user of the pages reads it, and it contains no secrets


def read_config(path: Path, is_public_suffix: PublicSuffixCheck, source: bytes | None = None) -> Config:
    """Return the settings of `qalqan.yaml`; on a router, UCI options override them.

    ``source``: content to use in place of the file's. Raises PolicyError with the file and line.
    """
    router = read_router()
    text = read_source(path) if source is None else source
    document = parse_document(text, str(path))
    if router is None:
        return config_of(document, is_public_suffix)
    config = config_of(router.over(document), is_public_suffix)
    return replace(config, fixed=router.fixed, problems=router.problems)


def read_source(path: Path) -> bytes:
    """Return the content of `qalqan.yaml`. On a router without it, return what the first boot would write.

    Raises PolicyError if there is neither.
    """
    if not exists(path) and (router := read_router()) is not None:
        return router.first_text(_zone())
    return read_bounded(path)


def is_there(path: Path) -> bool:
    """Return whether the gateway has settings: `qalqan.yaml` at ``path``, or the router's UCI file."""
    return exists(path) or router_path() is not None


def exists(path: Path) -> bool:
    """Return whether the file exists. Raises PolicyError if its folder cannot be read."""
    return attempt(path, path.exists)


def router_path() -> Path | None:
    """Return the path of the router's UCI settings; None if there are none, as on a Raspberry Pi."""
    named = os.environ.get(VARIABLE)
    if named == "":
        return None
    path = ROUTER if named is None else Path(named)
    return path if exists(path) else None


def read_router() -> RouterSettings | None:
    """Return the router's UCI settings for Qalqan; None if there are none.

    Invalid sections that the filter does not need are ignored. Raises PolicyError if the others are invalid.
    """
    path = router_path()
    if path is None:
        return None
    from gateway.household.router_settings import usable_settings  # only on a router

    return usable_settings(_package(path), _leases(path))


def _package(path: Path) -> Package:
    from gateway.household.uci import MAX_BYTES, parse_uci

    return parse_uci(read_bounded(path, MAX_BYTES), str(path))


def _leases(path: Path) -> tuple[str, ...]:
    """Return the paths of the DHCP lease files, from the settings next to ``path``.

    Empty if none is set, or if the user of the pages may not read the settings.
    """
    from gateway.household.router_settings import lease_files

    try:
        return lease_files(_package(path.with_name(DHCP)))
    except PolicyError:
        return ()


def _zone() -> str:
    """Return the system's time zone; empty if it is not set or cannot be read."""
    path = router_path()
    if path is None:
        return ""
    from gateway.household.router_settings import system_zone

    try:
        return system_zone(_package(path.with_name(SYSTEM)))
    except PolicyError:
        return ""  # the file belongs to another program; use the default


def first_boot(path: Path) -> bool:
    """Write the first `qalqan.yaml` from the router's defaults; return whether it was written.

    An existing file is never replaced. Raises PolicyError with nothing written.
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
        os.link(fresh, path)  # fails if the file exists
        sync_folder(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        fix = "make room, or fix the permissions of its folder"
        raise PolicyError(str(path), f"cannot be written ({write_error_text(error)})", fix) from error
    finally:
        fresh.unlink(missing_ok=True)
    return True
