"""SVCB and HTTPS records (RFC 9460), and the removal of their ``ech`` parameter (RFC 9848)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.wire.cursor import Cursor
from gateway.wire.dns import AD, HTTPS, SVCB, Message, Record, parse_message
from gateway.wire.dns_encode import Encoder
from gateway.wire.dns_names import HEADER_SIZE, read_labels, wire_name

MANDATORY, ECH = 0, 5  # SvcParamKeys (RFC 9460 14.3.2)
IPV4HINT, IPV6HINT = 4, 6
_TYPES = (SVCB, HTTPS)


@dataclass(frozen=True, slots=True)
class Service:
    """The data of one SVCB or HTTPS record."""

    priority: int  # 0: an alias, else a service
    target: tuple[bytes, ...]  # labels; none at all stands for the owner itself
    params: tuple[tuple[int, bytes], ...]  # key and value, in their order

    def to_wire(self) -> bytes:
        parts = [self.priority.to_bytes(2, "big"), wire_name(self.target)]
        for key, value in self.params:
            parts += (key.to_bytes(2, "big"), len(value).to_bytes(2, "big"), value)
        return b"".join(parts)


def parse_service(data: bytes, record: Record) -> Service:
    """Read a SVCB or HTTPS ``record`` of the message ``data``.

    Keys out of order or repeated are read as they stand: a client that is as lenient must find nothing that
    was not seen here. WireError for what is cut.
    """
    end = record.offset + len(record.rdata)
    priority = Cursor(data, record.offset, end).u16()
    target, pos = read_labels(data, record.offset + 2)
    cursor = Cursor(data, pos, end)
    params = []
    while not cursor.at_end:
        params.append((cursor.u16(), cursor.counted16()))
    return Service(priority, tuple(target), tuple(params))


def hinted(service: Service) -> list[bytes]:
    """Packed addresses of its hints (RFC 9460 7.3); one that is cut is left out."""
    sizes = {IPV4HINT: 4, IPV6HINT: 16}
    found = []
    for key, value in service.params:
        size = sizes.get(key)
        if size is not None:
            found += [value[at : at + size] for at in range(0, len(value) - size + 1, size)]
    return found


def without_ech(service: Service) -> Service:
    """``service`` without the ``ech`` parameter, and without a claim that it be mandatory."""
    params = []
    for key, value in service.params:
        if key == ECH:
            continue
        kept = value
        if key == MANDATORY:
            kept = _without_key(value, ECH)
            if not kept and value:
                continue
        params.append((key, kept))
    return Service(service.priority, service.target, tuple(params))


def _without_key(keys: bytes, unwanted: int) -> bytes:
    cursor = Cursor(keys)
    kept = bytearray()
    while not cursor.at_end:
        key = cursor.u16()
        if key != unwanted:
            kept += key.to_bytes(2, "big")
    return bytes(kept)


def strip_ech(response: bytes) -> bytes | None:
    """``response`` with ``ech`` taken out of every HTTPS and SVCB record; None when there is nothing to do.

    All other records are kept, in their order and with their letters; what a validator said (AD) no longer
    holds. Raises WireError for a message that cannot be read.
    """
    if b"\0\x41" not in response and b"\0\x40" not in response:  # neither type number occurs
        return None
    message = parse_message(response)
    stripped: dict[int, bytes] = {}  # start of the record: its new data
    for record in message.records:
        if record.rtype in _TYPES and record.rdata:
            service = parse_service(response, record)
            kept = without_ech(service)
            if kept != service:
                stripped[record.start] = kept.to_wire()
    return _replace_rdata(response, message, stripped) if stripped else None


def _replace_rdata(data: bytes, message: Message, replaced: dict[int, bytes]) -> bytes:
    encoder = Encoder(message.id, message.flags & ~AD, message.counts)
    for question in message.questions:
        labels, _ = read_labels(data, HEADER_SIZE)
        encoder.question(labels, question.qtype, question.qclass)
    for record in message.records:
        rdata = replaced.get(record.start)
        if rdata is None:
            encoder.copy(data, (record,))
        else:
            owner, _ = read_labels(data, record.start)
            encoder.plain(owner, record.rtype, record.rclass, record.ttl, rdata)
    return encoder.message()
