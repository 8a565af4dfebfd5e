"""The category table: host → categories. Each look-up reads from a file or a buffer.

A table of two million names takes 6.1 bytes per name in the file and 0.3 MB of memory for its index. A
look-up of a host with three labels takes 5 to 7 µs.

**Format, version 1.** Numbers are in the byte order of the machine that built the file; a file from a machine
of the other order is refused (a look-up must not swap bytes; the signed data feed has tables of both orders).
Sections follow each other without gaps:

======== ===================== ==================================================================
offset   length                content
======== ===================== ==================================================================
0        64                    head, ``HEAD``: magic, version, byte order mark, count *n*, bucket
                               bits *b*, salt, length of the JSON block, seal: the digest of
                               the rest of the head and of the digest of all that follows
64       4 * (2**b + 1)        u32 index: where each bucket starts; the last one is *n*
…        4 * n                 u32 remainders, ascending within a bucket
…        2 * n                 u16 set numbers, in the order of the remainders
…        length of the block   JSON, UTF-8: ``{"sets": [["adult"], ["adult", "dating"], …],
                               "built": "2026-11-24T06:00:00Z", "sources": [{…}, …]}``, and
                               ``"release": {"version": 2026112900, "tier": "medium"}`` in a
                               table of the signed data feed
======== ===================== ==================================================================

A name's key is the first ``b + 32`` bits of ``blake2s(salt + name, digest_size=8)``, big-endian: *b* bits
choose the bucket, 32 are the remainder. The salt is random for each build, so that no attacker can craft a
name that collides. With 16 to 32 names per bucket, one in 10^8 look-ups of unlisted names finds a wrong
entry.

An address, or a prefix as in policy/names/networks.py, is an entry by its text, as ``ipaddress`` prints it.

There are more than 16 categories, so the 16 bits of a name cannot be a bit field. They are the number of a
*set* of categories. ``built`` is the time of the build (ISO 8601), ``sources`` a list of objects with the
builder's description of its sources.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from sys import byteorder
from typing import Any, NoReturn

from gateway.core.errors import ListError

MAGIC = b"QALQANCT"
VERSION = 1
BYTE_ORDER_MARK = 0x01020304
# magic, version, byte order mark, count, bucket bits, salt, length of the JSON block, seal; native order
HEAD = struct.Struct("=8sIIIB3x16sI4x16s")
SALT_BYTES = 16
KEY_BYTES = 8  # of the digest; the first b + 32 bits are used
SEAL_BYTES = 16
MIN_BUCKET_BITS, MAX_BUCKET_BITS = 4, 20
NAMES_A_BUCKET = 32  # at most, 16 at least in large tables: an eighth to a quarter byte of index per name
MAX_NAMES = 1 << 25  # 200 MB; more than the union of all public lists
MAX_SETS = 1 << 16
MAX_JSON = 1 << 20  # 65,536 sets never occur; real lists give about 200

Buffer = bytes | bytearray | memoryview
Read = Callable[[int, int], bytes]
"""``read(length, offset)``, as os.pread; returns fewer bytes than ``length`` at the end of the file."""
LOST = "the category table was damaged while it was in use; build it again: qalqan lists build"
NO_CATEGORIES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TableRelease:
    """Identifies a table of the signed data feed: the version of its data set, and its tier of lists.

    A tier is a set of published lists, chosen by the machine's memory.
    """

    version: int
    tier: str


@dataclass(frozen=True, slots=True)
class TableInfo:
    """The description of a category table: when and from what it was built, its names and its size."""

    built: str  # ISO 8601
    count: int  # names in it
    size: int  # bytes of the file
    sources: tuple[Mapping[str, Any], ...]
    release: TableRelease | None = None  # None: built on this machine


def bucket_bits(count: int) -> int:
    """Return the number of key bits that choose the bucket in a table of ``count`` names (4 to 20)."""
    bits = (max(count, 1) // NAMES_A_BUCKET).bit_length()
    return min(max(bits, MIN_BUCKET_BITS), MAX_BUCKET_BITS)


def key_of(name: bytes, salt: bytes, bits: int) -> int:
    """Return the key of a normalised name (ASCII): a number of ``bits + 32`` bits.

    ``key >> 32`` is the bucket; the lower 32 bits are the remainder that the table stores.
    """
    digest = blake2s(salt + name, digest_size=KEY_BYTES).digest()
    return int.from_bytes(digest, "big") >> (32 - bits)


class TableTruncated(ListError):
    """Raised if the file has become shorter than its table since it was opened."""


class DomainTable:
    """Looks up the categories of hosts and addresses in a category table in ``buffer``.

    A subclass may read it piece by piece. The seal (a digest of all bytes) is not checked, since that would
    read the whole file: `verify` does it when a table is built, and `StoredTable.verify_steps` after a start.

    Raises:
        ListError: the buffer is not a complete table of this version.
    """

    __slots__ = ("_bits", "_index", "_numbers_at", "_read", "_remainders_at", "_salt", "_sets", "info")

    def __init__(self, buffer: Buffer) -> None:
        self._take(buffer)

    def _take(self, buffer: Buffer) -> None:
        """Use the table in ``buffer`` from now on. Raises ListError if it is damaged."""
        view = memoryview(buffer).cast("B").toreadonly()
        self._open(lambda length, offset: bytes(view[offset : offset + length]), len(view))

    def _open(self, read: Read, size: int) -> None:
        """Use the table that ``read`` returns, ``size`` bytes long, from now on.

        Raises ListError if it is damaged; the previous table then stays in use.
        """
        head = _TableHead.read(read(HEAD.size, 0))
        index_end = HEAD.size + 4 * ((1 << head.bits) + 1)
        remainders_end = index_end + 4 * head.count
        numbers_end = remainders_end + 2 * head.count
        if size != numbers_end + head.json_length:
            _refuse(f"has {size} bytes where {numbers_end + head.json_length} belong")
        index = read(index_end - HEAD.size, HEAD.size)
        about = _json_block(read(head.json_length, numbers_end))
        sets, info = _sets(about), _info(about, head.count, size)
        self._index = _index(index, head)
        self._read = read
        self._remainders_at = index_end
        self._numbers_at = remainders_end
        self._salt = head.salt
        self._bits = head.bits
        self._sets = sets
        self.info = info

    def categories(self, host: str) -> frozenset[str]:
        """Return the category ids of ``host`` (normalised) and of its parent names with two or more labels.

        ``host`` may be an IPv6 address too. Raises TableTruncated.
        """
        found = NO_CATEGORIES
        name, dot = host, host.find(".")
        if dot < 0 and ":" in host:
            return self.entry(host)
        while dot >= 0:
            number = self._number(name)
            if number >= 0:
                found_here = self._sets[number]
                found = found | found_here if found else found_here
            name = name[dot + 1 :]
            dot = name.find(".")
        return found

    def entry(self, text: str) -> frozenset[str]:
        """Return the category ids of exactly ``text``, an address or a prefix. Raises TableTruncated."""
        number = self._number(text)
        return self._sets[number] if number >= 0 else NO_CATEGORIES

    def matches(self, host: str) -> tuple[tuple[str, frozenset[str]], ...]:
        """Return ``host`` and its parent names that are in the table, longest first, with their categories.

        Names of one label are left out. Raises TableTruncated.
        """
        found = []
        name = host
        while "." in name:
            number = self._number(name)
            if number >= 0:
                found.append((name, self._sets[number]))
            name = name[name.index(".") + 1 :]
        return tuple(found)

    def _number(self, name: str) -> int:
        """Return the number of the category set of exactly ``name``; -1 if it is not listed.

        Raises TableTruncated if the file has become shorter.
        """
        digest = blake2s(self._salt + name.encode(), digest_size=KEY_BYTES).digest()
        key = int.from_bytes(digest, "big") >> (32 - self._bits)
        bucket, index = key >> 32, self._index
        start = index[bucket]
        length = 4 * (index[bucket + 1] - start)
        remainders = self._read(length, self._remainders_at + 4 * start)
        if len(remainders) != length:
            raise TableTruncated(LOST)
        wanted = (key & 0xFFFFFFFF).to_bytes(4, byteorder)
        at = remainders.find(wanted)
        while at & 3 and at >= 0:  # a match across the boundary of two remainders
            at = remainders.find(wanted, at + 1)
        if at < 0:
            return -1
        number = self._read(2, self._numbers_at + 2 * start + at // 2)
        if len(number) != 2:
            raise TableTruncated(LOST)
        found = int.from_bytes(number, byteorder)
        # A damaged number must not stop the daemon; the check of the seal finds the damage.
        return found if found < len(self._sets) else -1

    @property
    def known_categories(self) -> frozenset[str]:
        """The ids of all categories in this table."""
        return NO_CATEGORIES.union(*self._sets)

    def __len__(self) -> int:
        return self.info.count

    def close(self) -> None:
        """Release the buffer or the file. Later look-ups raise ValueError."""
        self._read = _closed


def _closed(_length: int, _offset: int) -> bytes:
    msg = "the table is closed"
    raise ValueError(msg)


def _index(data: bytes, head: _TableHead) -> memoryview:
    """Return the numbers in a table's index: where each bucket starts.

    Raises ListError if they are damaged.
    """
    if len(data) != 4 * ((1 << head.bits) + 1):
        _refuse("ends within its index")
    index = memoryview(data).cast("I")
    before = 0
    for start in index:
        if start < before:
            _refuse("has an index that runs backwards")
        before = start
    if index[0] != 0 or before != head.count:
        _refuse("has an index that does not cover its names")
    return index


def verify(buffer: Buffer, body: Iterable[Buffer] | None = None) -> TableInfo:
    """Check a whole table including its seal (35 ms for 16 MB), and return its description.

    ``body``: the data after the head, in pieces, for a mapped file that must not be read into memory at once.
    Raises ListError if it is damaged.
    """
    table = DomainTable(buffer)
    view = memoryview(buffer).cast("B")
    check_seal(bytes(view[: HEAD.size]), digest_of([view[HEAD.size :]] if body is None else body))
    return table.info


def check_seal(head: bytes, digest: bytes) -> None:
    """Check that a table's seal matches the rest of its ``head`` and the ``digest`` of the data after it.

    Raises ListError if it does not.
    """
    if _TableHead.read(head).seal != _seal(head[: HEAD.size - SEAL_BYTES], digest):
        _refuse("does not match its seal")


def digest_of(chunks: Iterable[Buffer]) -> bytes:
    """Return the BLAKE2s digest of a table's data after the head, given in pieces."""
    digest = blake2s(digest_size=SEAL_BYTES)
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def pack_head(
    *, count: int, bits: int, salt: bytes, json_length: int, digest: bytes, form: struct.Struct = HEAD
) -> bytes:
    """Return the bytes of a table's head, with the seal.

    ``count``: names in the table. ``bits``: those of a key that choose the bucket. ``json_length``: bytes.
    ``digest``: of the data after the head, from `digest_of`. ``form``: `HEAD`, or the same fields in the
    other byte order.
    """
    head = form.pack(MAGIC, VERSION, BYTE_ORDER_MARK, count, bits, salt, json_length, bytes(SEAL_BYTES))
    unsealed = head[: HEAD.size - SEAL_BYTES]
    return unsealed + _seal(unsealed, digest)


def _seal(unsealed_head: bytes, digest: bytes) -> bytes:
    """Return the seal: the digest of the rest of the head and of the digest of the data after it."""
    return blake2s(unsealed_head + digest, digest_size=SEAL_BYTES).digest()


def pack_json(
    sets: Sequence[Collection[str]],
    built: str,
    sources: Sequence[Mapping[str, Any]] = (),
    release: TableRelease | None = None,
) -> bytes:
    """Return the bytes of a table's JSON block. The number of a category set is its index in ``sets``."""
    about: dict[str, object] = {
        "sets": [sorted(categories) for categories in sets],
        "built": built,
        "sources": list(sources),
    }
    if release is not None:
        about["release"] = {"version": release.version, "tier": release.tier}
    return json.dumps(about, separators=(",", ":"), ensure_ascii=False).encode()


def pack_table(names: Mapping[str, Collection[str]], *, salt: bytes, built: str) -> bytes:
    """Return the bytes of a whole table from normalised name → categories.

    ``salt``: random bytes; ``built``: the time of the build (ISO 8601). It is for thousands of
    names, not millions.
    """
    bits = bucket_bits(len(names))
    sets = sorted({frozenset(categories) for categories in names.values()}, key=sorted)
    number_of = {categories: number for number, categories in enumerate(sets)}
    rows = sorted((key_of(name.encode(), salt, bits), number_of[frozenset(names[name])]) for name in names)
    keys = [key for key, _ in rows]
    starts = [bisect_left(keys, bucket << 32) for bucket in range((1 << bits) + 1)]
    about = pack_json(sets, built)
    body = b"".join(
        (
            struct.pack(f"={len(starts)}I", *starts),
            struct.pack(f"={len(rows)}I", *(key & 0xFFFFFFFF for key in keys)),
            struct.pack(f"={len(rows)}H", *(number for _, number in rows)),
            about,
        )
    )
    head = pack_head(count=len(rows), bits=bits, salt=salt, json_length=len(about), digest=digest_of([body]))
    return head + body


@dataclass(frozen=True, slots=True)
class _TableHead:
    count: int
    bits: int
    salt: bytes
    json_length: int
    seal: bytes

    @classmethod
    def read(cls, data: bytes) -> _TableHead:
        """Return the head at the start of a table.

        Raises ListError if it is damaged or of another version.
        """
        if len(data) < HEAD.size:
            _refuse(f"has only {len(data)} bytes")
        magic, version, order, count, bits, salt, json_length, seal = HEAD.unpack(data)
        if magic != MAGIC:
            _refuse("does not start as a category table does")
        if order != BYTE_ORDER_MARK:
            _refuse("was built on a machine of another byte order")
        if version != VERSION:
            _refuse(f"has the format version {version}, not {VERSION}")
        if count > MAX_NAMES or json_length > MAX_JSON or not MIN_BUCKET_BITS <= bits <= MAX_BUCKET_BITS:
            _refuse("has a damaged head")
        return cls(count, bits, salt, json_length, seal)


def _json_block(data: bytes) -> dict[str, Any]:
    try:
        about = json.loads(data)
    except (ValueError, RecursionError):
        _refuse("has a damaged description")
    if not isinstance(about, dict):
        _refuse("has a damaged description")
    return about


def _sets(about: Mapping[str, Any]) -> tuple[frozenset[str], ...]:
    sets = about.get("sets")
    if not isinstance(sets, list) or len(sets) > MAX_SETS:
        _refuse("does not say what its set numbers mean")
    for categories in sets:
        if not isinstance(categories, list) or not all(isinstance(category, str) for category in categories):
            _refuse("does not say what its set numbers mean")
    return tuple(frozenset(categories) for categories in sets)


def _info(about: Mapping[str, Any], count: int, size: int) -> TableInfo:
    built, sources = about.get("built"), about.get("sources")
    if not isinstance(built, str) or not isinstance(sources, list):
        _refuse("does not say when it was built and from what")
    if not all(isinstance(source, dict) for source in sources):
        _refuse("does not say when it was built and from what")
    return TableInfo(built, count, size, tuple(sources), _release(about))


def _release(about: Mapping[str, Any]) -> TableRelease | None:
    release = about.get("release")
    if release is None:
        return None
    version, tier = (release.get("version"), release.get("tier")) if isinstance(release, dict) else (0, 0)
    if not isinstance(version, int) or not isinstance(tier, str):
        _refuse("does not say which table of the feed it is")
    return TableRelease(version, tier)


def _refuse(problem: str) -> NoReturn:
    msg = f"the category table {problem}; build it again: qalqan lists build"
    raise ListError(msg) from None
