"""Keeps the DNS answers that devices may have cached over a restart of the daemon, also over `kill -9`.

Without them a new daemon would block connections to addresses that it has not seen in an answer. The file
has digests instead of names and addresses, and is in the runtime folder, which is memory. Times are seconds
since boot: changes of the clock do not matter, and the file of another boot is not valid.
"""

from __future__ import annotations

import logging
import secrets
import struct
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded, write_atomically, write_error_text
from gateway.core.loop import Loop, Timer
from gateway.core.turns import Steps, finish, in_turns
from gateway.dataplane.internet import AnswerBook
from gateway.path.addresses import MAX_LIFETIME, NameBook, ServiceBook
from gateway.path.earlier_answers import KEY_BYTES, MAX_PAIRS, DeviceDigests, EarlierAnswers, Pairs

FILE = "addresses"
FORMER_FILE = "addresses.json"  # of versions that wrote names in plain text
EVERY = 60.0  # seconds between two writes; answers of the last minute are lost by `kill -9`
STEP = 128  # pairs for each turn of the loop: 0.3 ms here, 10 ms on the slowest routers
MAGIC = b"QDNS0001"  # with another layout or other digests, another number

_HEAD = struct.Struct(f"<8s16s{KEY_BYTES}s")  # magic, digest of the boot id, key of the digests
_PAIR = array("Q").itemsize + array("I").itemsize
MAX_BYTES = _HEAD.size + MAX_PAIRS * _PAIR

_log = logging.getLogger(__name__)


class SavedAddresses:
    """Reads the DNS answers that the earlier daemon stored, and writes them with this daemon's own.

    The file has only digests of names and addresses.
    """

    def __init__(
        self,
        loop: Loop,
        runtime: Path,
        boot_id: str,
        slots: Callable[[], Mapping[str, int]],
        earlier: EarlierAnswers,
        books: tuple[AnswerBook, NameBook, ServiceBook],
    ) -> None:
        """``slots`` returns the slot of each device key; ``boot_id``: times of another boot are not valid."""
        self._loop = loop
        self._file = runtime / FILE
        self._boot = blake2b(boot_id.encode(), digest_size=16).digest()
        self._slots = slots
        self._earlier = earlier
        self._addresses, self._names, self._services = books
        self._written = 0  # the number of answers at the last write
        self._timer: Timer | None = None
        self._failed = False

    def restore(self) -> None:
        """Load the DNS answers of the earlier daemon, and save new ones every EVERY seconds from now on.

        An unusable file is ignored. Call it after the slots (numbers of devices) are assigned: only
        answers to devices whose names are watched are stored.
        """
        with suppress(OSError):  # for example, a read-only folder
            self._file.with_name(FORMER_FILE).unlink()
        key, pairs = self._read() or (secrets.token_bytes(KEY_BYTES), Pairs())
        now = self._loop.now()
        self._earlier.load(key, pairs.valid(now, now + MAX_LIFETIME), self._slots())
        self._timer = self._loop.call_later(EVERY, self._look)

    def _read(self) -> tuple[bytes, Pairs] | None:
        """Return the key of the digests, and the pairs of digest and expiry, from the file.

        None if there is no usable file of this boot.
        """
        if not self._file.exists():
            return None
        try:
            data = read_bounded(self._file, MAX_BYTES)
        except PolicyError as error:
            _log.warning("%s Cached addresses of devices are not known.", error)
            return None
        number, rest = divmod(len(data) - _HEAD.size, _PAIR)
        if rest or not 0 <= number <= MAX_PAIRS or not data.startswith(MAGIC):
            _log.warning("%s is damaged. Cached addresses of devices are not known.", self._file)
            return None
        _, boot, key = _HEAD.unpack_from(data)
        if boot != self._boot:
            return None
        pairs, middle = Pairs(), _HEAD.size + number * array("Q").itemsize
        pairs.digests.frombytes(data[_HEAD.size : middle])
        pairs.until.frombytes(data[middle:])
        return key, pairs

    def _look(self) -> None:
        """Write the file if there were answers since the last time, and look again later."""
        if self._addresses.answers != self._written:
            in_turns(self._loop, self._steps())
        self._timer = self._loop.call_later(EVERY, self._look)

    def _steps(self) -> Steps[None]:
        """Return steps (a generator) that collect all DNS answers that have not expired, and write them.

        Only those of slots (filtered devices) whose names are watched. Above MAX_PAIRS, those of
        earlier daemons are left out first.
        """
        self._written = self._addresses.answers
        pairs = self._earlier.pairs.copy()
        for key, slot in list(self._slots().items()):
            if not self._names.watches(slot):
                continue
            device = DeviceDigests(self._earlier.key, key)
            for number, (label, address, until, vouched) in enumerate(self._answers(slot), 1):
                pairs.add(device.of(label, address), until, vouched=vouched)
                if number % STEP == 0:
                    yield
            yield
        pairs.limit()
        self._write(pairs)

    def _answers(self, slot: int) -> Iterator[tuple[str, bytes, float, bool]]:
        """Yield the DNS answers to a device (slot) that have not expired.

        Each has its label (a name, a service, or empty), address (empty for a query), expiry, and whether it
        came from a trusted resolver.
        """
        now = self._loop.now()
        for service, address, until in self._services.valid(slot, now):
            yield service, address, until, False
        for address, until in self._addresses.valid(slot, now):
            yield "", address, until, False
        yield from self._names.valid(slot, now)

    def _write(self, pairs: Pairs) -> None:
        """Write the file. An error is logged once: after a kill, devices have to query names again."""
        head = _HEAD.pack(MAGIC, self._boot, self._earlier.key)
        try:
            write_atomically(self._file, head + pairs.digests.tobytes() + pairs.until.tobytes())
        except OSError as error:
            if not self._failed:
                _log.warning("%s cannot be written (%s).", self._file, write_error_text(error))
            self._failed = True
        else:
            self._failed = False

    def close(self) -> None:
        """Write the file, if `restore` was called before."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            finish(self._steps())
