"""Whose a hardware address is, from the registries of the IEEE as Debian has them (package ieee-data).

Looked for in the files at each question, so that no table is held: 1.5 ms where no registry has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from mmap import PROT_READ, mmap
from pathlib import Path

from gateway.policy.identity.sightings import Sighting

FOLDER = Path("/usr/share/ieee-data")
MAX_NAME = 64  # characters
AT_ONCE = 8  # addresses that are looked up between two looks, up to 1.5 ms each; the others later

_LARGE = ("oui.csv", "MA-L", 6)  # file, registry, hex digits of the prefix
_SMALLER = (("mam.csv", "MA-M", 7), ("oui36.csv", "MA-S", 9))
_SHARED = "IEEE Registration Authority"  # whose prefixes are cut into smaller ones
_LINE = 1024  # bytes of a line behind the prefix in which the name has ended


class Vendors:
    """Each device's is looked up once, and not too many at once: packets wait meanwhile."""

    def __init__(self, vendor_of: Callable[[str], str]) -> None:
        self._vendor_of = vendor_of
        self._waiting: dict[str, None] = {}
        self._left = AT_ONCE

    def add(self, mac: str) -> None:
        self._waiting[mac] = None

    def forget(self, mac: str) -> None:
        self._waiting.pop(mac, None)

    def told(self, sight: Sighting) -> Sighting:
        """With the vendor, where it was not looked up yet and there is room."""
        mac = sight.traits.mac
        if mac not in self._waiting or not self._left:
            return sight
        self._left -= 1
        self.forget(mac)
        return replace(sight, traits=replace(sight.traits, vendor=self._vendor_of(mac)))

    def due(self) -> list[str]:
        """Those that are next, the longest waiting first. Call it every few seconds."""
        self._left = AT_ONCE
        return [*self._waiting][:AT_ONCE]


def vendor_of(mac: str, folder: Path = FOLDER) -> str:
    """Empty where nobody knows: a random address, a prefix that is not registered, no such files."""
    digits = mac.replace(":", "").upper()
    if int(digits[:2], 16) & 3:
        return ""  # locally administered, or a group
    name = _look(folder, digits, *_LARGE)
    if name and name != _SHARED:
        return name
    return next(filter(None, (_look(folder, digits, *one) for one in _SMALLER)), "")


def _look(folder: Path, digits: str, file: str, registry: str, length: int) -> str:
    wanted = f"\n{registry},{digits[:length]},".encode("ascii")
    try:
        with (
            (folder / file).open("rb") as registered,
            mmap(registered.fileno(), 0, prot=PROT_READ) as mapped,
        ):
            at = mapped.find(wanted)
            line = mapped[at + len(wanted) : at + len(wanted) + _LINE] if at >= 0 else b""
    except (OSError, ValueError):
        return ""  # none, or an empty one
    return _name(line.decode("utf-8", "replace"))


def _name(rest: str) -> str:
    """The first field of what is left of a line of CSV (RFC 4180)."""
    if rest.startswith('"'):
        name = rest[1:].replace('""', "\0").partition('"')[0].replace("\0", '"')
    else:
        name = rest.partition(",")[0]
    name = "".join(letter for letter in name.partition("\n")[0] if letter.isprintable())
    return "" if name == "Private" else name[:MAX_NAME].strip()
