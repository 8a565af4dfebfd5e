"""Reads the settings from `qalqan.yaml`, overridden by UCI on a router (docs/providers/uci.md).

Used by the daemon, the pages and every command. On a router without `qalqan.yaml`, the defaults apply that
the first boot would write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

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
from gateway.policy.yaml.fields import Mapping as Document

if TYPE_CHECKING:
    from gateway.household.router_settings import RouterSettings
    from gateway.household.uci import Package

ROUTER = Path("/etc/config/qalqan")
VARIABLE = "QALQAN_UCI"  # environment variable with another path; empty: none
SYSTEM = "system"  # file in the same folder with the router's time zone
DHCP = "dhcp"  # file in the same folder with the settings of dnsmasq and odhcpd
NOTHING: Mapping[Path, bytes | None] = MappingProxyType({})
LAST_GOOD = "Until then the last good settings apply."  # ends the problem of files that cannot be used
MODE = 0o644  # of the first file: the user of the pages reads it, and it contains no secrets


class HasProblems(Protocol):
    """The interface of settings, or of a household with them: returns a copy with a line about a problem."""

    def with_problem(self, line: str) -> Self: ...


Found = TypeVar("Found", bound=HasProblems)

SettingsContents = Mapping[Path, tuple[bytes, os.stat_result]]
"""Content, mode and owner of each file of the settings."""


def read_config(
    path: Path,
    is_public_suffix: PublicSuffixCheck,
    instead: Mapping[Path, bytes | None] = NOTHING,
    *,
    lenient: bool = False,
) -> Config:
    """Return the settings of `qalqan.yaml`; on a router, UCI options override them.

    Arguments:
        instead: contents to use in place of those of `qalqan.yaml` and the router's file.
        lenient: an invalid setting that filtering does not need gets its default, and a line in ``problems``.

    Raises PolicyError with the file and line.
    """
    return config_from(parse_settings(path, instead), is_public_suffix, instead, lenient=lenient)


def parse_settings(path: Path, instead: Mapping[Path, bytes | None] = NOTHING) -> Document:
    """Return the parsed `qalqan.yaml`. ``instead``: as for `read_config`. Raises PolicyError."""
    return parse_document(content_of(path, instead, read_source), str(path))


def config_from(
    document: Document,
    is_public_suffix: PublicSuffixCheck,
    instead: Mapping[Path, bytes | None] = NOTHING,
    *,
    lenient: bool = False,
) -> Config:
    """Return the settings of a parsed `qalqan.yaml`, as `read_config` does."""
    problems: list[str] | None = [] if lenient else None
    router = read_router(instead)
    if router is None:
        return config_of(document, is_public_suffix, problems)
    config = config_of(router.over(document), is_public_suffix, problems)
    return replace(config, fixed=router.fixed, problems=(*router.problems, *config.problems))


def config_in_use(path: Path, is_public_suffix: PublicSuffixCheck) -> Config:
    """Return the settings as the daemon uses them: the last good ones if the files cannot be used.

    Raises PolicyError if there are no last good ones.
    """
    return with_last_good(
        path, NOTHING, lambda instead: read_config(path, is_public_suffix, instead, lenient=True)
    )


def with_last_good(
    path: Path,
    instead: Mapping[Path, bytes | None],
    read: Callable[[Mapping[Path, bytes | None]], Found],
) -> Found:
    """Return ``read(instead)``, or if that raises PolicyError, the result with the last good settings.

    These are also used if a file of the settings has become empty, or the router's was removed. The problem
    is then in the ``problems`` of the settings. Raises the PolicyError if ``instead`` has its own
    `qalqan.yaml`, or if there are no usable last good settings.
    """
    try:
        _refuse_lost(path, instead)
        return read(instead)
    except PolicyError as error:
        good = {} if path in instead else good_settings(path)
        if not good:
            raise
        try:
            found = read({**good, **instead})
        except PolicyError:
            raise error from None
        return found.with_problem(f"{error}. {LAST_GOOD}")


def _refuse_lost(path: Path, instead: Mapping[Path, bytes | None]) -> None:
    """Raise PolicyError if a file of settings is empty and was not before, as after a power cut.

    Also if the router's file was removed: without its options the filter could leave out a network.
    """
    for file in filter(None, [path, router_file()]):
        copy = good_copy(path, file)
        if file in instead or not copy.exists() or not copy.stat().st_size:
            continue
        if exists(file) and not file.stat().st_size:
            raise PolicyError(str(file), "is empty", "write its settings again")
        if file != path and not exists(file):
            fix = f"write its settings again, or delete {copy} to do without them"
            raise PolicyError(str(file), "was removed", fix)


def good_settings(path: Path) -> Mapping[Path, bytes]:
    """Return the last good contents of `qalqan.yaml` and, on a router, of its UCI file.

    Empty if one of them is not stored.
    """
    router = router_file()
    has_router = router is not None and (exists(router) or good_copy(path, router).exists())
    try:
        files = [path, router] if router is not None and has_router else [path]
        return {file: read_bounded(good_copy(path, file)) for file in files}
    except PolicyError:
        return {}


def settings_contents(path: Path) -> SettingsContents:
    """Return the contents of `qalqan.yaml` and, on a router, of its UCI file; of those that exist.

    Raises OSError, or PolicyError if one cannot be read.
    """
    files = filter(None, [path if exists(path) else None, router_path()])
    return {file: (read_bounded(file), file.stat()) for file in files}


def keep_good_settings(path: Path, contents: SettingsContents) -> None:
    """Store copies of `qalqan.yaml` and, on a router, of its UCI file, as the last good settings.

    ``contents``: those of the files; the caller has checked that they can be used. Raises OSError.
    """
    for file, (data, like) in contents.items():
        copy = good_copy(path, file)
        if not copy.exists() or copy.read_bytes() != data or _access(copy.stat()) != _access(like):
            write_atomically(copy, data, like)


def _access(found: os.stat_result) -> tuple[int, ...]:
    """Return the mode of a file, and its owners if this process may set them."""
    return (found.st_mode, *((found.st_uid, found.st_gid) if os.geteuid() == 0 else ()))


def good_copy(path: Path, file: Path) -> Path:
    """Return the path of the last good copy of ``file``: it is next to `qalqan.yaml`, whose path is ``path``.

    The copies cannot be in the state folder: `qalqan.yaml` says where that is.
    """
    return path.with_name(f".{path.name if file == path else 'uci'}.good")


def read_source(path: Path) -> bytes:
    """Return the content of `qalqan.yaml`. On a router without it, return what the first boot would write.

    Raises PolicyError if there is neither.
    """
    if not exists(path) and (router := read_router()) is not None:
        return router.first_text(_zone())
    return read_bounded(path)


def content_of(
    path: Path, instead: Mapping[Path, bytes | None], read: Callable[[Path], bytes] = read_bounded
) -> bytes:
    """Return the content of a file in ``instead``, which may be empty; without one, what ``read`` returns."""
    content = instead.get(path)
    return read(path) if content is None else content


def is_there(path: Path) -> bool:
    """Return whether the gateway has settings: `qalqan.yaml` at ``path``, or the router's UCI file."""
    return exists(path) or router_path() is not None


def exists(path: Path) -> bool:
    """Return whether the file exists. Raises PolicyError if its folder cannot be read."""

    def found() -> bool:  # Path.exists is False for every error from Python 3.14 on
        with suppress(FileNotFoundError, NotADirectoryError):
            return bool(path.stat())
        return False

    return attempt(path, found)


def router_path() -> Path | None:
    """Return the path of the router's UCI settings; None if there are none, as on a Raspberry Pi."""
    path = router_file()
    return path if path is not None and exists(path) else None


def router_file() -> Path | None:
    """Return where a router's UCI settings for Qalqan would be; None if they are not to be read."""
    named = os.environ.get(VARIABLE)
    if named == "":
        return None
    return ROUTER if named is None else Path(named)


def read_router(instead: Mapping[Path, bytes | None] = NOTHING) -> RouterSettings | None:
    """Return the router's UCI settings for Qalqan; None if there are none.

    ``instead``: a content to use in place of the file's.

    Invalid sections that the filter does not need are ignored. Raises PolicyError if the others are invalid.
    """
    path = router_file()
    if path is None or not (instead.get(path) or exists(path)):
        return None
    from gateway.household.router_settings import usable_settings  # only on a router

    return usable_settings(_package(path, instead), _leases(path))


def _package(path: Path, instead: Mapping[Path, bytes | None] = NOTHING) -> Package:
    from gateway.household.uci import MAX_BYTES, parse_uci

    return parse_uci(content_of(path, instead, partial(read_bounded, most=MAX_BYTES)), str(path))


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

    An existing file is never replaced; without a router's UCI settings nothing is written. Raises PolicyError
    if the settings are invalid or the file cannot be written.
    """
    if exists(path):  # checked first: the last good settings replace a broken UCI file
        return False
    router = read_router()
    if router is None:
        return False
    zone = _zone()
    # An invalid language or proposal stops no first start; the daemon reports it from the written file.
    config_of(router.over(router.first_document(zone)), lambda _: False, [])
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
