"""Parses SVCB and HTTPS records (RFC 9460), and removes the parameters that help to bypass a filter.

These are ``ech`` (RFC 9848), ``dohpath`` and the protocols of encrypted DNS (RFC 9461).
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.cursor import Cursor
from gateway.wire.dns.message import (
    AD,
    HEADER_SIZE,
    HTTPS,
    SVCB,
    DnsRecord,
    Encoder,
    Message,
    parse_message,
    read_labels,
    wire_name,
)

MANDATORY, ALPN, NO_DEFAULT_ALPN, ECH, DOHPATH = 0, 1, 2, 5, 7  # SvcParamKeys (RFC 9460 §14.3.2, RFC 9461 §5)
DNS_PROTOCOLS = frozenset({b"dot", b"doq"})  # RFC 7858, RFC 9250; named in RFC 9461 §4.1
IPV4HINT, IPV6HINT = 4, 6
_TYPES = (SVCB, HTTPS)


class Unwanted(NamedTuple):
    """Which parameters of SVCB and HTTPS records to remove from answers (True: remove).

    A child's rules may allow either of them.
    """

    resolvers: bool = True  # ``dohpath``, and the protocols of encrypted DNS
    ech: bool = True


ALL = Unwanted()


@dataclass(frozen=True, slots=True)
class ServiceBinding:
    """The parsed data of one SVCB or HTTPS record."""

    priority: int  # 0 for an alias
    target: tuple[bytes, ...]  # labels; empty: the record's owner, or in an alias no service
    params: tuple[tuple[int, bytes], ...]  # key and value, in order

    def to_wire(self) -> bytes:
        parts = [self.priority.to_bytes(2, "big"), wire_name(self.target)]
        for key, value in self.params:
            parts += (key.to_bytes(2, "big"), len(value).to_bytes(2, "big"), value)
        return b"".join(parts)


def parse_service(data: bytes, record: DnsRecord) -> ServiceBinding:
    """Parse a SVCB or HTTPS ``record`` of the DNS message ``data``.

    Keys out of order or repeated are kept: a client that accepts them must find nothing that was not checked
    here. Raises WireError for a record that is cut.
    """
    end = record.offset + len(record.rdata)
    priority = Cursor(data, record.offset, end).u16()
    target, pos = read_labels(data, record.offset + 2)
    cursor = Cursor(data, pos, end)
    params = []
    while not cursor.at_end:
        params.append((cursor.u16(), cursor.counted16()))
    return ServiceBinding(priority, tuple(target), tuple(params))


def address_hints(service: ServiceBinding) -> list[bytes]:
    """Return the packed IP addresses in a record's address hints (RFC 9460 §7.3).

    One that is cut is left out.
    """
    sizes = {IPV4HINT: 4, IPV6HINT: 16}
    found = []
    for key, value in service.params:
        size = sizes.get(key)
        if size is not None:
            found += [value[at : at + size] for at in range(0, len(value) - size + 1, size)]
    return found


def without_bypass(service: ServiceBinding, unwanted: Unwanted = ALL) -> ServiceBinding:
    """Return the record ``service`` without the ``unwanted`` parameters, which help to bypass a filter.

    By default these are ``ech``, ``dohpath``, the protocols of encrypted DNS in ``alpn``, and their keys in
    ``mandatory``. If no protocol is left, ``alpn`` is removed too, and with it ``no-default-alpn``, which is
    not valid alone (RFC 9460 §7.1.1). Raises WireError if ``mandatory`` is cut.
    """
    gone = {key for key, is_gone in ((ECH, unwanted.ech), (DOHPATH, unwanted.resolvers)) if is_gone}
    alpn = [_without_protocols(value) for key, value in service.params if key == ALPN]
    if unwanted.resolvers and alpn and not any(alpn):
        gone |= {ALPN, NO_DEFAULT_ALPN}
    params = []
    for key, value in service.params:
        if key in gone:
            continue
        kept = value
        if key == ALPN and unwanted.resolvers:
            kept = _without_protocols(value)
        elif key == MANDATORY:
            kept = _without_keys(value, gone)
        if kept or not value:
            params.append((key, kept))
    return ServiceBinding(service.priority, service.target, tuple(params))


def _without_keys(keys: bytes, unwanted: Container[int]) -> bytes:
    cursor = Cursor(keys)
    kept = bytearray()
    while not cursor.at_end:
        key = cursor.u16()
        if key not in unwanted:
            kept += key.to_bytes(2, "big")
    return bytes(kept)


def _without_protocols(ids: bytes) -> bytes:
    """Return an ALPN list without the protocols of encrypted DNS.

    Empty if the list is cut, which no client accepts.
    """
    cursor = Cursor(ids)
    kept = bytearray()
    try:
        while not cursor.at_end:
            protocol = cursor.counted8()
            if protocol not in DNS_PROTOCOLS:
                kept += bytes((len(protocol),)) + protocol
    except WireError:
        return b""
    return bytes(kept)


def strip_bypass(response: bytes, unwanted: Unwanted = ALL) -> bytes | None:
    """Return DNS message ``response`` without the bypass parameters of its HTTPS and SVCB records.

    `without_bypass` describes these. Returns None if nothing changes. All other records stay, with order and
    case; AD is cleared, since the validation no longer applies. Raises WireError for an invalid message.
    """
    if not any(unwanted) or (b"\0\x41" not in response and b"\0\x40" not in response):
        return None  # neither type number is in the message
    message = parse_message(response)
    stripped: dict[int, bytes] = {}  # start of the record: its new data
    for record in message.records:
        if record.rtype in _TYPES and record.rdata:
            service = parse_service(response, record)
            kept = without_bypass(service, unwanted)
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
