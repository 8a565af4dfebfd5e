"""Builds DNS messages from parts of other messages: every name is decompressed and compressed again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct

from gateway.core.errors import WireError
from gateway.wire.dns.message import CNAME, HTTPS, IN, MAX_MESSAGE, MX, NS, PTR, SOA, SRV, SVCB, DnsRecord
from gateway.wire.dns.names import read_labels

_POINTER_REACH = 0x4000  # a compression pointer has 14 bits

_HEADER = Struct("!HHHHHH")
_QUESTION = Struct("!HH")
_RECORD = Struct("!HHIH")
_LENGTH = Struct("!H")

# Bytes before the names in the record data, and the number of names; the rest contains none.
_LAYOUTS = {
    NS: (0, 1),
    3: (0, 1),  # MD
    4: (0, 1),  # MF
    CNAME: (0, 1),
    SOA: (0, 2),
    7: (0, 1),  # MB
    8: (0, 1),  # MG
    9: (0, 1),  # MR
    PTR: (0, 1),
    14: (0, 2),  # MINFO
    MX: (2, 1),
    17: (0, 2),  # RP
    18: (2, 1),  # AFSDB
    21: (2, 1),  # RT
    24: (18, 1),  # SIG
    26: (2, 2),  # PX
    30: (0, 1),  # NXT
    SRV: (6, 1),
    36: (2, 1),  # KX
    39: (0, 1),  # DNAME
    46: (18, 1),  # RRSIG
    47: (0, 1),  # NSEC
    SVCB: (2, 1),
    HTTPS: (2, 1),
}
_NAPTR = 35  # its name follows three strings of variable length (RFC 3403)
# Only names in the types of RFC 1035 may be compressed (RFC 3597 §4).
_COMPRESSED = frozenset((NS, 3, 4, CNAME, SOA, 7, 8, 9, PTR, 14, MX))


class Encoder:
    """Builds one message, starting with its header. Compression is case-sensitive, so case is preserved."""

    __slots__ = ("_offsets", "out")

    def __init__(self, ident: int, flags: int, counts: tuple[int, int, int, int]) -> None:
        """``counts`` are the numbers of questions, answers, authority and additional records."""
        self.out = bytearray(_HEADER.pack(ident, flags, *counts))
        self._offsets: dict[tuple[bytes, ...], int] = {}  # offset of each name suffix written so far

    def name(self, labels: Sequence[bytes], *, compress: bool = True) -> None:
        """Append a name, compressed if possible."""
        out = self.out
        for index in range(len(labels)):
            tail = tuple(labels[index:])
            offset = self._offsets.get(tail)
            if offset is None:
                if len(out) < _POINTER_REACH:
                    self._offsets[tail] = len(out)
            elif compress:
                out += _LENGTH.pack(0xC000 | offset)
                return
            label = labels[index]
            out.append(len(label))
            out += label
        out.append(0)

    def question(self, labels: Sequence[bytes], qtype: int, qclass: int) -> None:
        self.name(labels)
        self.out += _QUESTION.pack(qtype, qclass)

    def cname(self, labels: Sequence[bytes], ttl: int, target: Sequence[bytes]) -> None:
        place = self._begin(labels, CNAME, IN, ttl)
        self.name(target)
        self._finish(place)

    def plain(self, labels: Sequence[bytes], rtype: int, rclass: int, ttl: int, rdata: bytes) -> None:
        """Append a record without names in its data."""
        place = self._begin(labels, rtype, rclass, ttl)
        self.out += rdata
        self._finish(place)

    def copy(self, data: bytes, records: Iterable[DnsRecord]) -> None:
        """Append records of the message ``data``. Raises WireError for data that does not fit its type."""
        for record in records:
            labels, _ = read_labels(data, record.start)
            place = self._begin(labels, record.rtype, record.rclass, record.ttl)
            self._copy_rdata(data, record)
            self._finish(place)

    def message(self) -> bytes:
        """Return the message. Raises WireError if it is over 65,535 bytes."""
        if len(self.out) > MAX_MESSAGE:
            msg = f"DNS message of {len(self.out)} bytes"
            raise WireError(msg)
        return bytes(self.out)

    def _begin(self, labels: Sequence[bytes], rtype: int, rclass: int, ttl: int) -> int:
        self.name(labels)
        self.out += _RECORD.pack(rtype, rclass, ttl, 0)
        return len(self.out)

    def _finish(self, place: int) -> None:
        length = len(self.out) - place
        if length > MAX_MESSAGE:
            msg = f"DNS record data of {length} bytes"
            raise WireError(msg)
        _LENGTH.pack_into(self.out, place - 2, length)

    def _copy_rdata(self, data: bytes, record: DnsRecord) -> None:
        rtype, rdata = record.rtype, record.rdata
        if not rdata:  # in a dynamic update (RFC 2136), a record without data names a set
            return
        prefix, names = _LAYOUTS.get(rtype, (0, 0))
        if rtype == _NAPTR:
            prefix, names = _naptr_prefix(rdata), 1
        if not names:
            self.out += rdata
            return
        end = record.offset + len(rdata)
        pos = record.offset + prefix
        self.out += rdata[:prefix]
        for _ in range(names):
            if pos >= end:
                msg = f"data of DNS record type {rtype} cut at offset {end}"
                raise WireError(msg)
            labels, pos = read_labels(data, pos)
            self.name(labels, compress=rtype in _COMPRESSED)
        if pos > end:
            msg = f"a name runs out of the data of DNS record type {rtype} at offset {end}"
            raise WireError(msg)
        self.out += data[pos:end]


def _naptr_prefix(rdata: bytes) -> int:
    """Return the size before the name of a NAPTR record: order, preference and three counted strings."""
    pos = 4
    for _ in range(3):
        if pos >= len(rdata):
            msg = "NAPTR record cut"
            raise WireError(msg)
        pos += 1 + rdata[pos]
    return pos
