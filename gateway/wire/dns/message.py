"""DNS messages over UDP and TCP (RFC 1035, EDNS of RFC 6891): parses questions and all records, and builds
messages from parts of others.

A name in DNS may contain any byte; ``gateway.wire.names.hostname()`` checks whether it is a host name. When a
message is built, every name is decompressed and compressed again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from struct import Struct
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.names import hostname

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA = 1, 2, 5, 6, 12, 15, 16, 28
SRV, OPT, SVCB, HTTPS, ANY = 33, 41, 64, 65, 255
IN = 1

QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
OPCODE_MASK, RCODE_MASK = 0x7800, 0x000F
STATUS, NOTIFY, UPDATE = 2, 4, 5  # opcodes (RFC 1035 §4.1.1, RFC 1996 §3.12, RFC 2136 §1.3)
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)

MAX_MESSAGE = 65535  # the length prefix over TCP has 16 bits
MAX_RECORDS = 512  # in all sections: no answer to a household's query has more, zone transfers do
MIN_UDP_SIZE = 512  # bytes that a requestor without EDNS accepts (RFC 1035 §4.2.1)

_HEADER = Struct("!HHHHHH")
_QUESTION = Struct("!HH")
_RECORD = Struct("!HHIH")
_LENGTH = Struct("!H")
_new = tuple.__new__

HEADER_SIZE = 12  # no name can begin in the header, so no pointer may point there
MAX_NAME = 255  # octets in wire form, length octets and root included (RFC 1035 §2.3.4)
MAX_POINTERS = 127  # one pointer for each label that fits; longer chains only cost time

# Escapes names like dnspython, so that both produce the same text.
_PLAIN = bytes(sorted(set(range(0x21, 0x7F)) - set(b'"().;\\@$')))

_POINTER_REACH = 0x4000  # a compression pointer has 14 bits

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


class DnsQuestion(NamedTuple):
    """The question of a DNS message: name, type and class; a message has at most one."""

    name: str  # lower case, no last dot, special bytes escaped; "." is the root
    qtype: int
    qclass: int
    raw: bytes  # the name in wire form with its letters as sent (0x20 mixing)
    end: int  # offset in the message after the question

    def host(self) -> str:
        """Return the queried name as a normalised host name. Raises WireError if it is none."""
        return hostname(self.name.encode("ascii"))


class DnsRecord(NamedTuple):
    """A DNS resource record of any section."""

    name: str  # as in DnsQuestion
    rtype: int
    rclass: int
    ttl: int  # seconds; for OPT, the flags of RFC 6891 §6.1.3
    rdata: bytes  # as sent: its names may have pointers into the message
    offset: int  # of rdata in the message
    start: int  # offset of the record's owner name


class Edns(NamedTuple):
    """The content of a DNS message's OPT record (RFC 6891)."""

    udp_size: int  # largest UDP payload, in bytes, that the sender of the message accepts
    rcode_high: int  # upper eight bits of the response code
    version: int
    dnssec_ok: bool
    options: bytes  # code, length and value of each, as sent


class Message(NamedTuple):
    """A parsed DNS message. A NamedTuple like its parts, for speed: one is built for every DNS query."""

    id: int
    flags: int  # the header's second word
    questions: tuple[DnsQuestion, ...]  # none or one
    answers: tuple[DnsRecord, ...]
    authority: tuple[DnsRecord, ...]
    additional: tuple[DnsRecord, ...]  # OPT included
    edns: Edns | None
    end: int  # offset after the last record; later bytes are not part of the message

    @property
    def is_response(self) -> bool:
        return self.flags & QR != 0

    @property
    def opcode(self) -> int:
        return (self.flags & OPCODE_MASK) >> 11

    @property
    def truncated(self) -> bool:
        return self.flags & TC != 0

    @property
    def rcode(self) -> int:
        high = self.edns.rcode_high if self.edns else 0
        return high << 4 | self.flags & RCODE_MASK

    @property
    def question(self) -> DnsQuestion | None:
        return self.questions[0] if self.questions else None

    @property
    def records(self) -> tuple[DnsRecord, ...]:
        """The records of the answer, authority and additional sections, in order."""
        return self.answers + self.authority + self.additional

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """The numbers of questions, answers, authority and additional records, as in the header."""
        return len(self.questions), len(self.answers), len(self.authority), len(self.additional)

    @property
    def udp_limit(self) -> int:
        """The largest UDP payload, in bytes, of a response to this message: by its EDNS, at least 512."""
        return max(MIN_UDP_SIZE, self.edns.udp_size) if self.edns else MIN_UDP_SIZE

    def addresses(self) -> list[bytes]:
        """Return the packed addresses of all A and AAAA records in the answer section."""
        return [
            record.rdata
            for record in self.answers
            if record.rclass == IN
            and (
                (record.rtype == A and len(record.rdata) == 4)
                or (record.rtype == AAAA and len(record.rdata) == 16)
            )
        ]


class Head(NamedTuple):
    """The header flags and question of a DNS message: enough to judge most queries."""

    flags: int  # the header's second word
    question: DnsQuestion | None

    @property
    def is_response(self) -> bool:
        return self.flags & QR != 0

    @property
    def opcode(self) -> int:
        return (self.flags & OPCODE_MASK) >> 11


def read_head(data: bytes) -> Head:
    """Return the header flags and question of a DNS message. Its records are not parsed.

    Raises WireError if header or question are cut, and for more than one question (RFC 9619).
    """
    size = len(data)
    if not HEADER_SIZE <= size <= MAX_MESSAGE:
        msg = f"DNS message of {size} bytes"
        raise WireError(msg)
    _, flags, questions, _, _, _ = _HEADER.unpack_from(data)
    if questions > 1:
        msg = f"DNS message with {questions} questions"
        raise WireError(msg)
    return _new(Head, (flags, _read_question(data) if questions else None))


def _read_question(data: bytes) -> DnsQuestion:
    labels, pos = read_labels(data, HEADER_SIZE)
    if pos + 4 > len(data):
        msg = f"DNS message cut at {len(data)} bytes"
        raise WireError(msg)
    qtype, qclass = _QUESTION.unpack_from(data, pos)
    return _new(DnsQuestion, (name_text(labels), qtype, qclass, data[HEADER_SIZE:pos], pos + 4))


def parse_message(data: bytes) -> Message:
    """Parse one whole DNS message (without the length prefix of TCP).

    Raises WireError for a message that is cut or inconsistent, for more than one question (RFC 9619), for
    more than MAX_RECORDS records, and for a misplaced or second OPT record.
    """
    size = len(data)
    if not HEADER_SIZE <= size <= MAX_MESSAGE:
        msg = f"DNS message of {size} bytes"
        raise WireError(msg)
    ident, flags, questions, answers, authority, additional = _HEADER.unpack_from(data)
    records = answers + authority + additional
    if questions > 1 or records > MAX_RECORDS:
        msg = f"DNS message with {questions} questions and {records} records"
        raise WireError(msg)
    question: DnsQuestion | None = None
    pos = HEADER_SIZE
    try:
        if questions:
            question = _read_question(data)
            pos = question.end
        asked = (question,) if question else ()
        if not records:
            return _new(Message, (ident, flags, asked, (), (), (), None, pos))
        found: list[DnsRecord] = []
        for _ in range(records):
            record = _read_record(data, pos, question)
            found.append(record)
            pos = record.offset + len(record.rdata)
    except struct.error:
        msg = f"DNS message cut at {size} bytes"
        raise WireError(msg) from None
    last = answers + authority
    edns = _find_edns(found, last)
    sections = (tuple(found[:answers]), tuple(found[answers:last]), tuple(found[last:]))
    return _new(Message, (ident, flags, asked, *sections, edns, pos))


def _read_record(data: bytes, start: int, question: DnsQuestion | None) -> DnsRecord:
    # Nearly every owner is a pointer to the question's name, or the root of OPT.
    if question and data.startswith(b"\xc0\x0c", start):
        name, pos = question.name, start + 2
    else:
        labels, pos = read_labels(data, start)
        name = name_text(labels)
    rtype, rclass, ttl, length = _RECORD.unpack_from(data, pos)
    pos += 10
    if pos + length > len(data):
        msg = f"DNS record data of {length} bytes at offset {pos}, {len(data) - pos} left"
        raise WireError(msg)
    return _new(DnsRecord, (name, rtype, rclass, ttl, data[pos : pos + length], pos, start))


def _find_edns(records: list[DnsRecord], additional: int) -> Edns | None:
    """Return the content of the only OPT record; None if there is none.

    Raises WireError if there is a second one, or if it is misplaced: it must be in the additional section
    (index ``additional`` on), and its owner must be the root.
    """
    edns: Edns | None = None
    for index, record in enumerate(records):
        if record.rtype != OPT:
            continue
        owner_size = record.offset - record.start - _RECORD.size
        if edns is not None or index < additional or record.name != "." or owner_size != 1:
            msg = "OPT record out of its place"
            raise WireError(msg)
        ttl = record.ttl
        edns = Edns(record.rclass, ttl >> 24, ttl >> 16 & 0xFF, ttl & 0x8000 != 0, record.rdata)
    return edns


class TcpStream:
    """Splits one direction of a DNS connection over TCP into messages (RFC 1035 §4.2.2, RFC 7766).

    Stores at most one incomplete message: its prefix and ``max_message`` - 1 bytes.
    """

    __slots__ = ("_max_message", "_pending")

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._max_message = max_message
        self._pending = bytearray()

    @property
    def pending(self) -> int:
        """The number of stored bytes of a message that is incomplete so far."""
        return len(self._pending)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the DNS messages that ``data`` completes, without their length prefixes.

        Raises WireError for a length below 12 or above ``max_message``: the stream is then out of
        step and must be closed. Messages that the same ``data`` completed are lost.
        """
        buffer = self._pending
        buffer += data
        messages = []
        start = 0
        while len(buffer) - start >= 2:
            length = buffer[start] << 8 | buffer[start + 1]
            if not HEADER_SIZE <= length <= self._max_message:
                msg = f"DNS over TCP announces a message of {length} bytes"
                raise WireError(msg)
            end = start + 2 + length
            if end > len(buffer):
                break
            messages.append(bytes(buffer[start + 2 : end]))
            start = end
        del buffer[:start]
        return messages


def tcp_frame(message: bytes) -> bytes:
    """Return a DNS message after its two-byte length, as sent over TCP.

    Raises WireError if it is too long.
    """
    if len(message) > MAX_MESSAGE:
        msg = f"DNS message of {len(message)} bytes"
        raise WireError(msg)
    return len(message).to_bytes(2, "big") + message


def read_labels(data: bytes, pos: int) -> tuple[list[bytes], int]:
    """Return the labels of the domain name at ``pos``, case as sent, and the offset after it.

    The root is no labels. Compression pointers are followed. The first pointer must point to before the name,
    and each further one to before the target of the previous one, so that a name ends. Raises WireError for
    an invalid name, a name that is cut, and one of more than 255 octets.
    """
    labels: list[bytes] = []
    size = 1
    after = 0
    lowest = pos
    pointers = 0
    try:
        # A slice past the end is silently short, but then the next length octet is past the end too.
        while length := data[pos]:
            if length < 0x40:
                following = pos + 1 + length
                labels.append(data[pos + 1 : following])
                pos = following
                size += 1 + length
                if size > MAX_NAME:
                    msg = f"domain name of more than {MAX_NAME} octets at offset {lowest}"
                    raise WireError(msg)
            elif length >= 0xC0:
                target = (length & 0x3F) << 8 | data[pos + 1]
                pointers += 1
                if not HEADER_SIZE <= target < lowest or pointers > MAX_POINTERS:
                    msg = f"compression pointer {pointers} of a name, at offset {pos}, leads to {target}"
                    raise WireError(msg)
                after = after or pos + 2
                pos = lowest = target
            else:
                msg = f"label type {length >> 6} at offset {pos}"
                raise WireError(msg)
    except IndexError:
        msg = f"domain name cut at offset {len(data)}"
        raise WireError(msg) from None
    return labels, after or pos + 1


def name_text(labels: Sequence[bytes]) -> str:
    """Return a domain name's labels as text: lower case, no last dot, zone file escapes (RFC 1035 §5.1).

    The root is ".".
    """
    name = b".".join(labels).lower()
    if len(name.translate(None, _PLAIN)) < max(1, len(labels)):  # only the dots between labels are left
        return name.decode("ascii") or "."
    return ".".join("".join(map(_escape, label.lower())) for label in labels)


def _escape(octet: int) -> str:
    if octet in _PLAIN:
        return chr(octet)
    return f"\\{chr(octet)}" if 0x20 < octet < 0x7F else f"\\{octet:03d}"


def wire_name(labels: Sequence[bytes]) -> bytes:
    """Return a domain name's labels as bytes in uncompressed wire form."""
    return b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"


def split_wire_name(wire: bytes) -> list[bytes]:
    """Return the labels of an uncompressed domain name in wire form. Raises WireError if it is invalid."""
    labels, _ = read_labels(bytes(HEADER_SIZE) + wire, HEADER_SIZE)
    return labels


def host_labels(host: str) -> list[bytes]:
    """Return the labels of a host name in text form, as bytes. Raises WireError if it is no host name."""
    return hostname(host.encode("utf-8")).encode("ascii").split(b".")


class Encoder:
    """Builds one DNS message, header first, and compresses names. It preserves their case.

    Names that differ only in case are not compressed as equal.
    """

    __slots__ = ("_offsets", "out")

    def __init__(self, ident: int, flags: int, counts: tuple[int, int, int, int]) -> None:
        """Write the header of a message with the id ``ident``.

        ``counts``: numbers of questions, answers, authority and additional records that will follow.
        """
        self.out = bytearray(_HEADER.pack(ident, flags, *counts))
        self._offsets: dict[tuple[bytes, ...], int] = {}  # offset of each name suffix written so far

    def name(self, labels: Sequence[bytes], *, compress: bool = True) -> None:
        """Append a domain name, as a pointer to an equal earlier one as far as possible.

        With ``compress`` False it is written in full.
        """
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
        """Append a record whose data ``rdata`` contain no domain names. ``labels``: its owner's name.

        Raises WireError if ``rdata`` is over 65,535 bytes.
        """
        place = self._begin(labels, rtype, rclass, ttl)
        self.out += rdata
        self._finish(place)

    def copy(self, data: bytes, records: Iterable[DnsRecord]) -> None:
        """Append ``records`` of another message, whose bytes are ``data``; compress their names again.

        Raises WireError if a record's data do not fit its type.
        """
        for record in records:
            labels, _ = read_labels(data, record.start)
            place = self._begin(labels, record.rtype, record.rclass, record.ttl)
            self._copy_rdata(data, record)
            self._finish(place)

    def message(self) -> bytes:
        """Return the whole built message as bytes. Raises WireError if it is over 65,535 bytes."""
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
    """Return the number of bytes before the name in a NAPTR record's data. Raises WireError if it is cut.

    These are order, preference and three counted strings.
    """
    pos = 4
    for _ in range(3):
        if pos >= len(rdata):
            msg = "NAPTR record cut"
            raise WireError(msg)
        pos += 1 + rdata[pos]
    return pos
