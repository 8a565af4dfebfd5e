"""`qalqan check --archive`: refuses what a provider's server may not change in a home.

OpenWISP's agent unpacks an archive of UCI files and other files as root. The options with ``server`` in
`router_settings` belong to the provider. Rules, devices, storage and the switches of the filter belong to the
family, so an archive that touches them is refused as a whole. See docs/providers/openwisp.md.

The agent runs this check only with two hooks in its settings. `qalqan check` warns if they are missing.
"""

from __future__ import annotations

import os
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.check.findings import Finding, ok, warning
from gateway.cli.settings import config_in_use
from gateway.core.errors import PolicyError
from gateway.household.router_settings import SECTIONS, UTC, router_settings, settable_by_server
from gateway.household.uci import Package, parse_uci
from gateway.policy.config.brand import LOGOS
from gateway.policy.config.config import config_of
from gateway.policy.config.feed import DEFAULT_ROOT

MAX_FILES = 512
MAX_BYTES = 4 << 20  # unpacked; a template set has 10 kB
UCI = "/etc/config/"
OWN = UCI + "qalqan"
FAMILY = "/etc/qalqan"
WORD = "qalqan"
# A path or a command of ours in another package: /etc/qalqan/profiles, but not https://qalqan.isp.example.
NAMES_OURS = re.compile(r"(?<![\w.-])qalqan(?![\w.-])")
NAMES = (("system", "hostname"),)  # options whose value is only a name, and may contain ours
OF_FAMILY = "belongs to the family; remove it from the template"
OURS = "names qalqan; set its options in /etc/config/qalqan"
# Options that name a file of the provider, and how such a file ends. One in /etc/qalqan itself may be sent.
FILE_OPTIONS = {"brand": ("logo", LOGOS), "feed": ("root", (".json",))}
# Options of the agent, with the only value that keeps this check in place.
AGENT = {
    "pre_reload_hook": "/usr/lib/qalqan/openwisp-pre-reload",
    "test_script": "/usr/lib/qalqan/openwisp-test",
    "test_config": "1",
    "merge_config": "1",
}
HOOKS = ("pre_reload_hook", "test_script")


AGENT_SETTINGS = Path(UCI + "openwisp")
_SET_HOOKS = "; ".join(f"uci set openwisp.http.{option}={AGENT[option]}" for option in HOOKS)


class Refusal(NamedTuple):
    """One thing in a provider's archive that it must not contain, and why."""

    what: str  # package.section.option, or the path of a file
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def agent_findings() -> Iterator[Finding]:
    """Yield a finding: whether OpenWISP's agent has the hooks that check what the server sends.

    Nothing without the agent, or if its settings cannot be read. Only root can read them.
    """
    try:
        package = parse_uci(AGENT_SETTINGS.read_bytes(), str(AGENT_SETTINGS))
    except (OSError, PolicyError):  # not installed, not readable, or the agent's own mistake
        return
    section = package.named("http")
    if section is None:
        return
    missing = [
        option
        for option in HOOKS
        if (found := section.options.get(option)) is None or found.text != AGENT[option]
    ]
    if missing:
        text = f"{AGENT_SETTINGS}: without {' and '.join(missing)}, a server can change what is the family's"
        yield warning("openwisp", text, f"{_SET_HOOKS}; uci commit openwisp", code="provider_unchecked")
    else:
        yield ok("openwisp", "a configuration from the server is checked")


def archive_refusals(archive: Path, config: Path) -> list[Refusal]:
    """Return what an archive contains and must not; an empty list if the archive may be unpacked.

    ``config``: the path of qalqan.yaml, which names the family's folders. Raises PolicyError if the archive
    cannot be read.
    """
    return list(refusals_of(read_archive(archive), family_folders(config)))


def read_archive(path: Path) -> Mapping[str, bytes | None]:
    """Return the content of an archive's files, by their paths on the router; None for links and devices.

    Folders are left out. Raises PolicyError if the archive is damaged, or larger than MAX_FILES or MAX_BYTES.
    """
    files: dict[str, bytes | None] = {}
    size = 0
    try:
        with tarfile.open(path, "r:gz") as archive:
            for number, member in enumerate(archive):
                size += member.size
                if number >= MAX_FILES or size > MAX_BYTES:
                    fix = f"send at most {MAX_FILES} files and folders and {MAX_BYTES >> 20} MB"
                    raise PolicyError(str(path), "is too large", fix)
                if member.size < 0 or "\0" in member.name:
                    raise PolicyError(str(path), "has a wrong size or path in it", "send files only")
                if not member.isdir():
                    source = archive.extractfile(member) if member.isreg() else None
                    name = posixpath.normpath("/" + member.name.lstrip("/"))
                    files[name] = source.read() if source else None
    except PolicyError:
        raise
    except (OSError, EOFError, ValueError, RecursionError, zlib.error, tarfile.TarError) as error:
        raise PolicyError(str(path), f"cannot be read ({error})", "download it again") from error
    return files


def family_folders(config: Path) -> tuple[str, ...]:
    """Return the folders that belong to the family, which may be on an additional disk.

    ``config``: the path of qalqan.yaml; if it is unusable, only the usual folder is returned.
    """
    try:
        found = config_in_use(config)
    except PolicyError:  # on the provider's desk there is no gateway
        return (FAMILY,)
    return FAMILY, found.state, found.profiles


def refusals_of(files: Mapping[str, bytes | None], folders: Iterable[str]) -> Iterator[Refusal]:
    own = Package(OWN, ())
    for path, content in files.items():
        if path.startswith(UCI) and content is not None:
            try:
                package = parse_uci(content, path)
                if path == OWN:
                    own = package
                yield from _uci_refusals(package)
            except PolicyError as error:
                yield Refusal(error.where, f"{error.problem}; {error.fix}")
    theirs = set(_provider_files(own))
    family = tuple(f"{place.rstrip('/')}/" for folder in folders for place in _places(folder))
    for path, content in files.items():
        if content is None:
            yield Refusal(path, "is not a regular file; send none")
        elif path not in theirs and not path.startswith(UCI):
            yield from _file_refusals(path, content, family)


def _provider_files(package: Package) -> Iterator[str]:
    """Yield the paths in the family's folder that the provider may write: logo and root key of the feed."""
    for name, (option, ends) in FILE_OPTIONS.items():
        section = package.named(name)
        found = section.options.get(option) if section else None
        path = found.text if found else DEFAULT_ROOT if name == "feed" else ""
        if posixpath.dirname(path) == FAMILY and path.lower().endswith(ends):
            yield path


def _file_refusals(path: str, content: bytes, family: tuple[str, ...]) -> Iterator[Refusal]:
    places = _places(path)
    if any(place.startswith(family) for place in places):
        yield Refusal(path, OF_FAMILY)
    elif any(WORD in place for place in places) or WORD.encode() in content:
        yield Refusal(path, OURS)


def _places(path: str) -> set[str]:
    """Return the path, and its target on this gateway: the agent follows links such as /proc/self/root."""
    return {path, os.path.realpath(path)}


def _uci_refusals(package: Package) -> Iterator[Refusal]:
    if package.file == OWN:
        yield from _own_refusals(package)
        return
    name = package.file.removeprefix(UCI)
    for section in package.sections:
        for key, option in section.options.items():
            if why := _why_refused(name, key, [value.text for value in option.values]):
                yield Refusal(f"{name}.{section.name or f'@{section.type}[0]'}.{key}", why)


def _why_refused(package: str, option: str, values: Sequence[str]) -> str:
    """Return why an archive may not set this option of another UCI package; empty if it may."""
    if package == "openwisp" and option in AGENT:
        kept = AGENT[option]
        return "" if values == [kept] else f"must stay {kept!r}, which protects the family's settings"
    if (package, option) == ("system", "log_ip"):
        return "sends the log away, with the code of the label"
    named = (package, option) not in NAMES and any(map(NAMES_OURS.search, values))
    return OURS if named else ""


def _own_refusals(package: Package) -> Iterator[Refusal]:
    refused = False
    for section in package.sections:
        for key in section.options:
            if key in SECTIONS.get(section.name, {}) and not settable_by_server(section.name, key):
                refused = True
                yield Refusal(f"qalqan.{section.name}.{key}", OF_FAMILY)
    if not refused:  # whether the gateway can use the values
        settings = router_settings(package)
        config = config_of(settings.over(settings.first_document(UTC)), lambda _: False)
        for problem in config.brand.problems:  # the pages would ignore it; the provider should know
            what, _, why = problem.partition(": ")
            yield Refusal(what, why)
