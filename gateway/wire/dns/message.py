"""Parses DNS messages (RFC 1035, EDNS of RFC 6891): questions and all records, over UDP and TCP."""

from __future__ import annotations

import struct
from struct import Struct
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.dns.names import HEADER_SIZE, name_text, read_labels
from gateway.wire.names import hostname

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA = 1, 2, 5, 6, 12, 15, 16, 28
SRV, OPT, SVCB, HTTPS, ANY = 33, 41, 64, 65, 255
IN = 1

QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
OPCODE_MASK, RCODE_MASK = 0x7800, 0x000F
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)

MAX_MESSAGE = 65535  # the length prefix over TCP has 16 bits
MAX_RECORDS = 512  # in all sections: no answer to a household's query has more, zone transfers do
MIN_UDP_SIZE = 512  # bytes that a requestor without EDNS accepts (RFC 1035 §4.2.1)

_HEADER = Struct("!HHHHHH")
_QUESTION = Struct("!HH")
_RECORD = Struct("!HHIH")
_new = tuple.__new__


class DnsQuestion(NamedTuple):
    """A question; a message has at most one."""

    name: str  # lower case, no last dot, special bytes escaped; "." is the root
    qtype: int
    qclass: int
    raw: bytes  # the name in wire form with its letters as sent (0x20 mixing)
    end: int  # offset in the message after the question

    def host(self) -> str:
        """Return the name as a host name. Raises WireError if it is none."""
        return hostname(self.name.encode("ascii"))


class DnsRecord(NamedTuple):
    """A resource record of any section."""

    name: str  # as in DnsQuestion
    rtype: int
    rclass: int
    ttl: int  # seconds; for OPT, the flags of RFC 6891 §6.1.3
    rdata: bytes  # as sent: its names may have pointers into the message
    offset: int  # of rdata in the message
    start: int  # offset of the record's owner name


class Edns(NamedTuple):
    """The content of the OPT record (RFC 6891)."""

    udp_size: int  # largest UDP payload, in bytes, that the sender of the message accepts
    rcode_high: int  # upper eight bits of the response code
    version: int
    dnssec_ok: bool
    options: bytes  # code, length and value of each, as sent


class Message(NamedTuple):
    """A whole message. A NamedTuple like its parts, for speed: one is built for every DNS query."""

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
        """The records of all three sections, in order."""
        return self.answers + self.authority + self.additional

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """The numbers of questions and of records of the three sections, as in the header."""
        return len(self.questions), len(self.answers), len(self.authority), len(self.additional)

    @property
    def udp_limit(self) -> int:
        """The largest UDP payload, in bytes, that may answer this message."""
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
    """A message up to its question: enough to judge most queries."""

    flags: int  # the header's second word
    question: DnsQuestion | None

    @property
    def is_response(self) -> bool:
        return self.flags & QR != 0

    @property
    def opcode(self) -> int:
        return (self.flags & OPCODE_MASK) >> 11


def read_head(data: bytes) -> Head:
    """Parse the header and question of a message, not its records.

    Raises WireError if they are cut, and for more than one question (RFC 9619).
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
    """Parse one whole message (without the length prefix of TCP).

    Raises WireError for a message that is cut or inconsistent, for more than one question (RFC 9619), for
    more than MAX_RECORDS records, and for a misplaced OPT record.
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
    """Return the only OPT record; it must be in the additional section (index ``additional`` on), at root."""
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
    """Splits one direction of a TCP connection into messages (RFC 1035 §4.2.2, RFC 7766).

    Stores at most one incomplete message: its prefix and ``max_message`` - 1 bytes.
    """

    __slots__ = ("_max_message", "_pending")

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._max_message = max_message
        self._pending = bytearray()

    @property
    def pending(self) -> int:
        """Bytes of an incomplete message."""
        return len(self._pending)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that ``data`` completes, without their prefixes.

        Raises WireError for an impossible length; the stream is then out of step and must be closed.
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
    """Return a message with its TCP length prefix."""
    if len(message) > MAX_MESSAGE:
        msg = f"DNS message of {len(message)} bytes"
        raise WireError(msg)
    return len(message).to_bytes(2, "big") + message
