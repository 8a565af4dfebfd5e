"""The category table: host → categories, in one read-only buffer that the caller has mapped.

A table of two million names costs no private memory, 6.2 bytes a name in the file, and 3 µs a look-up.

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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any, NoReturn

from gateway.errors import ListError

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


class DomainTable:
    """Reader of a table in ``buffer``, which must stay as it is (a file that is replaced by rename does).

    Raises ListError for a buffer that is not a whole table of this version. The seal is not checked here,
    since that would page in the whole file: `verify` does it where a table is built or received.
    """

    __slots__ = ("_bits", "_index", "_numbers", "_remainders", "_salt", "_sets", "_view", "info")

    def __init__(self, buffer: Buffer) -> None:
        view = memoryview(buffer).cast("B").toreadonly()
        head = _Head.read(view)
        index_end = HEAD.size + 4 * ((1 << head.bits) + 1)
        remainders_end = index_end + 4 * head.count
        numbers_end = remainders_end + 2 * head.count
        if len(view) != numbers_end + head.json_length:
            _refuse(f"has {len(view)} bytes where {numbers_end + head.json_length} belong")
        about = _json_block(bytes(view[numbers_end:]))
        self._view = view
        self._index = view[HEAD.size : index_end].cast("I")
        self._remainders = view[index_end:remainders_end].cast("I")
        self._numbers = view[remainders_end:numbers_end].cast("H")
        self._salt = head.salt
        self._bits = head.bits
        self._sets = _sets(about)
        self._check_index(head.count)
        self.info = _info(about, head.count, len(view))

    def _check_index(self, count: int) -> None:
        """Every bucket lies within the table, whatever the file says: no look-up can leave the buffer."""
        before = 0
        for start in self._index:
            if start < before:
                _refuse("has an index that runs backwards")
            before = start
        if self._index[0] != 0 or before != count:
            _refuse("has an index that does not cover its names")

    def categories(self, host: str) -> frozenset[str]:
        """Ids of the categories of ``host`` (normalised) and of all its parents of two labels and more."""
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
        """Ids of the categories of exactly ``text``: an address or a prefix."""
        number = self._number(text)
        return self._sets[number] if number >= 0 else NO_CATEGORIES

    def matches(self, host: str) -> tuple[tuple[str, frozenset[str]], ...]:
        """Which suffixes of ``host`` are in the table, longest first, and as what."""
        found = []
        name = host
        while "." in name:
            number = self._number(name)
            if number >= 0:
                found.append((name, self._sets[number]))
            name = name[name.index(".") + 1 :]
        return tuple(found)

    def _number(self, name: str) -> int:
        """The set number of exactly ``name``, -1 where the table has none."""
        digest = blake2s(self._salt + name.encode(), digest_size=KEY_BYTES).digest()
        key = int.from_bytes(digest, "big") >> (32 - self._bits)
        bucket, remainder = key >> 32, key & 0xFFFFFFFF
        index = self._index
        end = index[bucket + 1]
        at = bisect_left(self._remainders, remainder, index[bucket], end)
        if at == end or self._remainders[at] != remainder:
            return -1
        number = self._numbers[at]
        # A damaged number must not end the daemon; verify() is what finds the damage.
        return number if number < len(self._sets) else -1

    @property
    def known_categories(self) -> frozenset[str]:
        """Every category that a name of this table is in."""
        return NO_CATEGORIES.union(*self._sets)

    def __len__(self) -> int:
        return len(self._numbers)

    def close(self) -> None:
        """Lets go of the buffer, so that the caller can unmap it. The table cannot be used afterwards."""
        for view in (self._index, self._remainders, self._numbers, self._view):
            view.release()


def verify(buffer: Buffer, body: Iterable[Buffer] | None = None) -> TableInfo:
    """Checks all of a table, its seal included (35 ms for 16 MB). Raises ListError.

    ``body``: what follows the head, in pieces, for a mapped file of which not every page shall be brought in.
    """
    table = DomainTable(buffer)
    view = memoryview(buffer).cast("B")
    head = _Head.read(view)
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
    def read(cls, view: memoryview) -> _Head:
        if len(view) < HEAD.size:
            _refuse(f"has only {len(view)} bytes")
        magic, version, order, count, bits, salt, json_length, seal = HEAD.unpack_from(view)
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
