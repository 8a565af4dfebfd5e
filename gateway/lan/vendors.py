"""Looks up the vendor of a MAC address in the IEEE registries that Debian ships (package ieee-data).

Each lookup searches the files, so that no table occupies memory: 1.5 ms if no registry has the address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from mmap import PROT_READ, mmap
from pathlib import Path

from gateway.policy.identity.sightings import Sighting

FOLDER = Path("/usr/share/ieee-data")
MAX_NAME = 64  # characters
AT_ONCE = 8  # lookups between two calls of due(), up to 1.5 ms each; the others wait

_LARGE = ("oui.csv", "MA-L", 6)  # file, registry, hex digits of the prefix
_SMALLER = (("mam.csv", "MA-M", 7), ("oui36.csv", "MA-S", 9))
_SHARED = "IEEE Registration Authority"  # its prefixes are divided into smaller ones
_LINE = 1024  # bytes of a line after the prefix; the name ends within them


class Vendors:
    """Looks up the vendor of each new device's MAC address once, a few at a time, since a lookup blocks.

    `add` queues an address; `with_vendor` makes its lookup.
    """

    def __init__(self, vendor_of: Callable[[str], str]) -> None:
        self._vendor_of = vendor_of
        self._waiting: dict[str, None] = {}
        self._left = AT_ONCE

    def add(self, mac: str) -> None:
        self._waiting[mac] = None

    def forget(self, mac: str) -> None:
        self._waiting.pop(mac, None)

    def with_vendor(self, sight: Sighting) -> Sighting:
        """Return ``sight`` (what was seen of a device) with the vendor of its MAC address.

        Only if its lookup is pending and the limit of lookups allows it now; otherwise return
        ``sight`` itself.
        """
        mac = sight.traits.mac
        if mac not in self._waiting or not self._left:
            return sight
        self._left -= 1
        self.forget(mac)
        return replace(sight, traits=replace(sight.traits, vendor=self._vendor_of(mac)))

    def due(self) -> list[str]:
        """Return the MAC addresses whose vendor to look up next: at most AT_ONCE, longest waiting first.

        They stay in the queue until `with_vendor` looks them up. It may do AT_ONCE lookups after
        each call. Call it every few seconds.
        """
        self._left = AT_ONCE
        return [*self._waiting][:AT_ONCE]


def vendor_of(mac: str, folder: Path = FOLDER) -> str:
    """Return the vendor's name for a MAC address, from the IEEE registries in ``folder``.

    Empty if the address is random, a group address or not registered, if its registration is private, or if
    files are missing.
    """
    digits = mac.replace(":", "").upper()
    if int(digits[:2], 16) & 3:
        return ""  # a locally administered or group address
    name = _look(folder, digits, *_LARGE)
    if name and name != _SHARED:
        return name
    return next(filter(None, (_look(folder, digits, *registry) for registry in _SMALLER)), "")


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
        return ""  # the file is missing or empty
    return _name(line.decode("utf-8", "replace"))


def _name(rest: str) -> str:
    """Return the first field in ``rest``, the rest of a CSV line (RFC 4180), as a vendor's name.

    Only printable characters, at most MAX_NAME. Empty for ``Private``.
    """
    if rest.startswith('"'):
        name = rest[1:].replace('""', "\0").partition('"')[0].replace("\0", '"')
    else:
        name = rest.partition(",")[0]
    name = "".join(letter for letter in name.partition("\n")[0] if letter.isprintable())
    return "" if name == "Private" else name[:MAX_NAME].strip()
