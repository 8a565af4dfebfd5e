"""The category table: host → categories, read from a file or a buffer with each look-up.

A table of two million names takes 6.2 bytes a name in the file, 0.5 MB of memory for its index, and 5 to 7 µs
for a host of three labels.

**Format, version 1.** Numbers are in the byte order of the machine that built the file; a file from a machine
of the other order is refused (tables are built where they are used, and a look-up must not swap bytes).
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
                               "built": "2026-11-24T06:00:00Z", "sources": [{…}, …]}``
======== ===================== ==================================================================

A name's key is the first ``b + 32`` bits of ``blake2s(salt + name, digest_size=8)``, big-endian: *b* bits
choose the bucket, 32 are the remainder. The salt is random for each build, so that nobody can craft a name
that collides. With 16 to 32 names a bucket, a name that is in no list is taken for one that is once in 10^8
look-ups.

An address, or a prefix of policy/nets.py, is an entry by its text, as ``ipaddress`` prints it.

There are more than 16 categories, so a name's 16 bits do not hold its categories; they are the number of a
*set* of categories that occurs. ``built`` is the time of the build (ISO 8601), ``sources`` what the builder
wants to say of its sources, a list of objects.
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
KEY_BYTES = 8  # of digest; the first b + 32 bits are used
SEAL_BYTES = 16
MIN_BUCKET_BITS, MAX_BUCKET_BITS = 4, 20
NAMES_A_BUCKET = 32  # at most, 16 at least: a quarter of a byte of index a name, 5 steps of bisection
MAX_NAMES = 1 << 25  # 200 MB; more than the union of all public lists
MAX_SETS = 1 << 16
MAX_JSON = 1 << 20  # 65 thousand sets never occur; real lists give some 200

Buffer = bytes | bytearray | memoryview
Read = Callable[[int, int], bytes]
"""``read(length, offset)``, as os.pread: fewer bytes than ``length`` where the file ends before."""
LOST = "the category table was damaged while it was in use; build it again: qalqan lists build"
NO_CATEGORIES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What a table says of itself."""

    built: str  # ISO 8601
    count: int  # names in it
    size: int  # bytes of the file
    sources: tuple[Mapping[str, Any], ...]


def bucket_bits(count: int) -> int:
    """How many bits of the key choose the bucket in a table of ``count`` names."""
    bits = (max(count, 1) // NAMES_A_BUCKET).bit_length()
    return min(max(bits, MIN_BUCKET_BITS), MAX_BUCKET_BITS)


def key_of(name: bytes, salt: bytes, bits: int) -> int:
    """The key of a normalised name (ASCII): ``bits + 32`` bits; ``key >> 32`` is the bucket."""
    digest = blake2s(salt + name, digest_size=KEY_BYTES).digest()
    return int.from_bytes(digest, "big") >> (32 - bits)


class TableLost(ListError):
    """The file of a table ends before the table does: it was cut after it had been opened."""


class DomainTable:
    """Reader of a table in ``buffer``. A subclass may read it piece by piece.

    Raises ListError for what is not a whole table of this version. The seal is not checked, since that
    would read the whole file: `verify` does it where a table is built.
    """

    __slots__ = ("_bits", "_index", "_numbers_at", "_read", "_remainders_at", "_salt", "_sets", "info")

    def __init__(self, buffer: Buffer) -> None:
        self._take(buffer)

    def _take(self, buffer: Buffer) -> None:
        """Use the table in ``buffer``."""
        view = memoryview(buffer).cast("B").toreadonly()
        self._open(lambda length, offset: bytes(view[offset : offset + length]), len(view))

    def _open(self, read: Read, size: int) -> None:
        """Use the table that ``read`` gives. After a ListError the table that was open stays."""
        head = _Head.read(read(HEAD.size, 0))
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
        """Return the categories of ``host`` (normalised) and of its parents of two labels and more."""
        found = NO_CATEGORIES
        name, dot = host, host.find(".")
        if dot < 0 and ":" in host:
            return self.entry(host)
        while dot >= 0:
            number = self._number(name)
            if number >= 0:
                one = self._sets[number]
                found = found | one if found else one
            name = name[dot + 1 :]
            dot = name.find(".")
        return found

    def entry(self, text: str) -> frozenset[str]:
        """Return the categories of exactly ``text``: an address or a prefix."""
        number = self._number(text)
        return self._sets[number] if number >= 0 else NO_CATEGORIES

    def matches(self, host: str) -> tuple[tuple[str, frozenset[str]], ...]:
        """Return the suffixes of ``host`` that are in the table, longest first, with their categories."""
        found = []
        name = host
        while "." in name:
            number = self._number(name)
            if number >= 0:
                found.append((name, self._sets[number]))
            name = name[name.index(".") + 1 :]
        return tuple(found)

    def _number(self, name: str) -> int:
        """Return the set number of exactly ``name``, or -1. Raises TableLost."""
        digest = blake2s(self._salt + name.encode(), digest_size=KEY_BYTES).digest()
        key = int.from_bytes(digest, "big") >> (32 - self._bits)
        bucket, index = key >> 32, self._index
        start = index[bucket]
        length = 4 * (index[bucket + 1] - start)
        remainders = self._read(length, self._remainders_at + 4 * start)
        if len(remainders) != length:
            raise TableLost(LOST)
        wanted = (key & 0xFFFFFFFF).to_bytes(4, byteorder)
        at = remainders.find(wanted)
        while at & 3 and at >= 0:  # the end of one remainder and the beginning of the next
            at = remainders.find(wanted, at + 1)
        if at < 0:
            return -1
        number = self._read(2, self._numbers_at + 2 * start + at // 2)
        if len(number) != 2:
            raise TableLost(LOST)
        found = int.from_bytes(number, byteorder)
        # A damaged number must not end the daemon; verify() is what finds the damage.
        return found if found < len(self._sets) else -1

    @property
    def known_categories(self) -> frozenset[str]:
        """All categories that names of this table are in."""
        return NO_CATEGORIES.union(*self._sets)

    def __len__(self) -> int:
        return self.info.count

    def close(self) -> None:
        """Release the buffer or the file. The table cannot be used afterwards."""
        self._read = _closed


def _closed(_length: int, _offset: int) -> bytes:
    msg = "the table is closed"
    raise ValueError(msg)


def _index(data: bytes, head: _Head) -> memoryview:
    """Return where each bucket starts. Every bucket is within the table, whatever the file says."""
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
    """Check all of a table, its seal included (35 ms for 16 MB). Raises ListError.

    ``body``: what follows the head, in pieces, for a mapped file that is not to be read into memory whole.
    """
    table = DomainTable(buffer)
    view = memoryview(buffer).cast("B")
    head = _Head.read(bytes(view[: HEAD.size]))
    digest = digest_of([view[HEAD.size :]] if body is None else body)
    if head.seal != _seal(bytes(view[: HEAD.size - SEAL_BYTES]), digest):
        _refuse("does not match its seal")
    return table.info


def digest_of(chunks: Iterable[Buffer]) -> bytes:
    """The digest of all that follows the head, given in pieces."""
    digest = blake2s(digest_size=SEAL_BYTES)
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def pack_head(*, count: int, bits: int, salt: bytes, json_length: int, digest: bytes) -> bytes:
    """``digest``: of all that follows the head, by `digest_of`."""
    head = HEAD.pack(MAGIC, VERSION, BYTE_ORDER_MARK, count, bits, salt, json_length, bytes(SEAL_BYTES))
    unsealed = head[: HEAD.size - SEAL_BYTES]
    return unsealed + _seal(unsealed, digest)


def _seal(unsealed_head: bytes, digest: bytes) -> bytes:
    return blake2s(unsealed_head + digest, digest_size=SEAL_BYTES).digest()


def pack_json(
    sets: Sequence[Collection[str]], built: str, sources: Sequence[Mapping[str, Any]] = ()
) -> bytes:
    """The JSON block; the number of a set is its place in ``sets``."""
    about = {"sets": [sorted(one) for one in sets], "built": built, "sources": list(sources)}
    return json.dumps(about, separators=(",", ":"), ensure_ascii=False).encode()


def pack_table(names: Mapping[str, Collection[str]], *, salt: bytes, built: str) -> bytes:
    """A whole table in memory from normalised name → categories: for thousands of names, not for millions."""
    bits = bucket_bits(len(names))
    sets = sorted({frozenset(one) for one in names.values()}, key=sorted)
    number_of = {one: number for number, one in enumerate(sets)}
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
class _Head:
    count: int
    bits: int
    salt: bytes
    json_length: int
    seal: bytes

    @classmethod
    def read(cls, data: bytes) -> _Head:
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
    for one in sets:
        if not isinstance(one, list) or not all(isinstance(category, str) for category in one):
            _refuse("does not say what its set numbers mean")
    return tuple(frozenset(one) for one in sets)


def _info(about: Mapping[str, Any], count: int, size: int) -> TableInfo:
    built, sources = about.get("built"), about.get("sources")
    if not isinstance(built, str) or not isinstance(sources, list):
        _refuse("does not say when it was built and from what")
    if not all(isinstance(source, dict) for source in sources):
        _refuse("does not say when it was built and from what")
    return TableInfo(built, count, size, tuple(sources))


def _refuse(problem: str) -> NoReturn:
    msg = f"the category table {problem}; build it again: qalqan lists build"
    raise ListError(msg) from None
