"""The format of a sealed list: host names that are blocked for everyone, as keyed hashes only.

Format and behaviour: docs/providers/sealed-lists.md.

**Format, version 1.** Numbers are big-endian; parts follow each other without gaps:

======== ================ =====================================================================
offset   length           content
======== ================ =====================================================================
0        56               head, ``HEAD``: magic, version, lengths of *issuer* and *scope*, a zero,
                          set id, made and expires (seconds since 1970), check of the key, count *n*
56       as said          issuer, then scope: UTF-8, for people
…        10 * n           entries, ascending, none twice
…        64               Ed25519 signature of the issuer over all before
======== ================ =====================================================================

An entry is the first 80 bits of HMAC-SHA-256(set key, name), with the name in the normal form of
policy/names/hosts.py. It matches the name and all names under it. The key is 32 random bytes, used for this
set and issuer only, and distributed separately. A person with both set and key can try names, 0.4 million
per second on one core: the hashes keep a readable list off the gateway, but do not keep it secret.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import NoReturn

from gateway.core.errors import ListError
from gateway.policy.names.hosts import suffixes

MAGIC = b"QALQSEAL"
VERSION = 1
# magic, version, length of issuer, length of scope, zero, set id, made, expires, check of the key, count
HEAD = struct.Struct(">8sBBBB16sQQ8sI")
KEY_BYTES = 32
ID_BYTES = 16
CHECK_BYTES = 8
ENTRY_BYTES = 10  # 80 bits: among 200,000 entries one name in 10^18 matches by accident
SIGNATURE_BYTES = 64
MAX_TEXT = 80  # bytes of issuer and of scope
MAX_ENTRIES = 200_000  # 2 MB; the largest known list of this kind has some 30,000 sites
MAX_SET = HEAD.size + 2 * MAX_TEXT + ENTRY_BYTES * MAX_ENTRIES + SIGNATURE_BYTES
LONGEST = 7 * 86_400  # seconds from made to expires
MAX_LABELS = 10  # of an entry; bounds the look-ups for a name with a hundred labels
LAST_SECOND = 1 << 33  # the year 2242: every earlier moment is valid for clocks and calendars

_CHECK = b"qalqan sealed set, check of the key"
_INNER, _OUTER = bytes(x ^ 0x36 for x in range(256)), bytes(x ^ 0x5C for x in range(256))
_BLOCK = 64  # bytes of SHA-256


def _refuse(problem: str) -> NoReturn:
    msg = f"the sealed list {problem}; fetch it again from its issuer"
    raise ListError(msg)


class Hasher:
    """Computes HMAC-SHA-256 (RFC 2104) with one key of at most 64 bytes.

    The key is prepared once, which halves the time.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(_BLOCK, b"\0")
        self._inner = sha256(padded.translate(_INNER))
        self._outer = sha256(padded.translate(_OUTER))

    def digest(self, data: bytes) -> bytes:
        """Return the HMAC of ``data``, 32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()

    def entry(self, name: str) -> bytes:
        """Return the entry of a host name in a sealed list: the first ENTRY_BYTES bytes of its HMAC."""
        return self.digest(name.encode("ascii"))[:ENTRY_BYTES]

    def check(self) -> bytes:
        """Return the key's check value, by which a reader detects that a key is not that of a list."""
        return self.digest(_CHECK)[:CHECK_BYTES]


@dataclass(frozen=True, slots=True)
class SetHead:
    """The head of a sealed list: issuer, scope, id, validity, check value of the key, number of entries."""

    issuer: str
    scope: str
    id: bytes
    made: int  # seconds since 1970, as is `expires`
    expires: int
    check: bytes
    count: int


class Entries:
    """The hashed entries in the bytes of a sealed list, as a sequence for bisection, without a copy."""

    __slots__ = ("_data", "_start", "_stop")

    def __init__(self, data: bytes, start: int, stop: int) -> None:
        self._data, self._start, self._stop = data, start, stop

    def __len__(self) -> int:
        return (self._stop - self._start) // ENTRY_BYTES

    def __getitem__(self, at: int) -> bytes:
        start = self._start + at * ENTRY_BYTES
        return self._data[start : start + ENTRY_BYTES]


@dataclass(frozen=True, slots=True)
class ParsedSet:
    """A sealed list in a valid format, without its key. Only the signature proves its origin."""

    head: SetHead
    entries: Entries
    signed: bytes  # everything before the signature
    signature: bytes

    def opened(self, key: bytes) -> SealedSet:
        """Return the sealed list with its key, so that names can be looked up.

        Raises ListError if the key is another list's.
        """
        hasher = Hasher(key)
        if len(key) != KEY_BYTES or hasher.check() != self.head.check:
            _refuse("has another key than the one that is here")
        return SealedSet(self.head, self.entries, hasher)


class SealedSet:
    """A sealed list (hashed host names, blocked for everyone) with its key: looks up host names."""

    __slots__ = ("_entries", "_hasher", "head")

    def __init__(self, head: SetHead, entries: Entries, hasher: Hasher) -> None:
        self.head = head
        self._entries = entries
        self._hasher = hasher

    def holds(self, host: str) -> bool:
        """Return True if ``host`` (normalised) or a parent of it is in the list.

        Names of 2 to MAX_LABELS labels are looked up, others are not. All candidates are tried, so that
        timing does not reveal which one matched.
        """
        found = False
        longer = host.count(".") + 1 - MAX_LABELS  # labels beyond the longest entry
        for name in suffixes(host):
            longer -= 1
            if longer < 0 and "." in name:
                found |= self.has(name)
        return found

    def has(self, name: str) -> bool:
        """Return True if exactly this name is in the list."""
        entries, entry = self._entries, self._hasher.entry(name)
        at = bisect_left(entries, entry)
        return at < len(entries) and entries[at] == entry


@dataclass(frozen=True, slots=True)
class SealedSets:
    """All sealed lists in use: looks up host names in all of them."""

    sets: tuple[SealedSet, ...] = ()

    def holds(self, host: str) -> bool:
        """Return True if any list has ``host`` or a parent of it.

        All lists are searched, so that timing does not reveal which one matched.
        """
        found = False
        for sealed in self.sets:
            found |= sealed.holds(host)
        return found

    def __bool__(self) -> bool:
        return bool(self.sets)

    @property
    def ids(self) -> tuple[bytes, ...]:
        return tuple(sealed.head.id for sealed in self.sets)


def parse_set(data: bytes) -> ParsedSet:
    """Return the sealed list in these bytes. Its signature is not verified, nor its expiry.

    Raises ListError for invalid or incomplete bytes.
    """
    if len(data) > MAX_SET:
        _refuse(f"has more than {MAX_SET} bytes")
    if data[: len(MAGIC)] != MAGIC or len(data) < HEAD.size + SIGNATURE_BYTES:
        _refuse("is none at all")
    _, version, of_issuer, of_scope, zero, set_id, made, expires, check, count = HEAD.unpack_from(data)
    if version != VERSION or zero:
        _refuse("is of another version")
    start = HEAD.size + of_issuer + of_scope
    stop = start + ENTRY_BYTES * count
    if len(data) != stop + SIGNATURE_BYTES:
        _refuse(f"has {len(data)} bytes where {stop + SIGNATURE_BYTES} belong")
    if not 0 < made < expires <= made + LONGEST or expires >= LAST_SECOND:
        _refuse("has no time in which it holds, or one of more than 7 days")
    issuer = _text(data[HEAD.size : HEAD.size + of_issuer])
    scope = _text(data[HEAD.size + of_issuer : start])
    entries = Entries(data, start, stop)
    _check_order(entries)
    head = SetHead(issuer, scope, set_id, made, expires, check, count)
    return ParsedSet(head, entries, data[:stop], data[stop:])


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("has an issuer or a scope that is no text")
    if not 0 < len(data) <= MAX_TEXT or not text.isprintable() or text != text.strip():
        _refuse("has an issuer or a scope that cannot be shown")
    return text


def _check_order(entries: Entries) -> None:
    """Raise ListError if the entries are not in ascending order, or one is there twice."""
    before = b""
    for at in range(len(entries)):
        entry = entries[at]
        if entry <= before:
            _refuse("has entries out of order, or one twice")
        before = entry


def unsigned_set(head: SetHead, names: Iterable[str], key: bytes) -> bytes:
    """Return the bytes of a sealed list up to its signature, with the entries of ``names`` (normalised).

    ``check`` and ``count`` of ``head`` are not used; they are computed.

    Raises:
        ListError: no reader would accept the list. The length of ``key`` (KEY_BYTES) and the number of labels
            of each name (at most MAX_LABELS) are not checked.
    """
    hasher = Hasher(key)
    made = sorted({hasher.entry(name) for name in names})
    if len(made) > MAX_ENTRIES:
        _refuse(f"has more than {MAX_ENTRIES} entries")
    issuer, scope = head.issuer.encode(), head.scope.encode()
    if max(len(issuer), len(scope)) > MAX_TEXT:
        _refuse(f"has an issuer or a scope of more than {MAX_TEXT} bytes")
    times = head.made, head.expires, hasher.check(), len(made)
    packed = HEAD.pack(MAGIC, VERSION, len(issuer), len(scope), 0, head.id, *times)
    data = b"".join((packed, issuer, scope, *made))
    parse_set(data + bytes(SIGNATURE_BYTES))
    return data
