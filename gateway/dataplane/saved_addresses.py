"""Keeps the addresses and names of DNS answers over a restart of the daemon.

Devices cache DNS answers. Without them a new daemon would reset connections to addresses that it has not
seen in an answer: all new ones of profiles with `strict`. The file is in the runtime folder, which is
memory, and is valid until the next boot. It is written at a clean stop and deleted by the next start.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded, write_atomically
from gateway.path.addresses import AddressBook, NameBook, ServiceBook

FILE = "addresses.json"
MAX_BYTES = 4 << 20  # both books at their limits take 1 MB

_log = logging.getLogger(__name__)


class SavedAddresses:
    """Writes the address and name books of stored slots at a clean stop, and reads them at the next start."""

    def __init__(
        self,
        runtime: Path,
        boot_id: str,
        slots: Callable[[], Mapping[str, int]],
        addresses: AddressBook,
        names: NameBook,
        services: ServiceBook,
    ) -> None:
        """``slots`` returns the slot of each device key; ``boot_id``: times of another boot are not valid."""
        self._file = runtime / FILE
        self._boot_id = boot_id
        self._slots = slots
        self._addresses, self._names, self._services = addresses, names, services
        self._restored = False

    def restore(self) -> None:
        """Read the file into the books, and delete it. An unusable file is ignored.

        Call it after the slots are assigned: only the names of watched slots are stored.
        """
        self._restored = True
        try:
            data = read_bounded(self._file, MAX_BYTES)
            self._file.unlink()
        except (OSError, PolicyError):
            return  # there is none
        try:
            self._read(json.loads(data))
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            _log.warning("%s is damaged (%s). Cached addresses of devices are not known.", self._file, error)

    def _read(self, saved: dict[str, Any]) -> None:
        if saved["boot"] != self._boot_id:
            return
        numbers = self._slots()
        for key, stored in dict(saved["slots"]).items():
            slot = numbers.get(key)
            if slot is None:
                continue
            now = self._services.clock()
            addresses = [(_packed(text), float(until)) for text, until in stored["addresses"]]
            self._addresses.restore(slot, addresses, now)
            for host, text, until, vouched in stored["names"]:
                address = [_packed(text)]
                self._names.learn(slot, str(host), address, until - now, now, vouched=bool(vouched))
                self._services.learn(slot, str(host), address, until - now)
            for host, targets in stored["targets"]:
                self._names.add_targets(slot, str(host), map(str, targets))

    def close(self) -> None:
        """Write the file. An error is logged: the next daemon then learns the addresses again."""
        if not self._restored:
            return  # the start failed, and the books are empty
        now = self._services.clock()
        slots = {
            key: {
                "addresses": [(address.hex(), until) for address, until in self._addresses.valid(slot, now)],
                "names": [
                    (host, address.hex(), until, vouched)
                    for host, address, until, vouched in self._names.valid(slot, now)
                ],
                "targets": list(self._names.targets(slot).items()),
            }
            for key, slot in self._slots().items()
            if self._names.watches(slot)
        }
        text = json.dumps({"boot": self._boot_id, "slots": slots}, separators=(",", ":"))
        try:
            write_atomically(self._file, text.encode())
        except OSError as error:
            _log.warning("%s cannot be written: %s.", self._file, error)


def _packed(text: str) -> bytes:
    """Return the packed IPv4 or IPv6 address in hexadecimal digits. Raises ValueError."""
    address = bytes.fromhex(text)
    if len(address) not in (4, 16):
        msg = f"{len(address)} bytes are no address"
        raise ValueError(msg)
    return address
