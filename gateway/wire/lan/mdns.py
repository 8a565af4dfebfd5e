"""Parses the answers of multicast DNS in which devices describe themselves (RFC 6762, RFC 6763)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.wire.dns.message import AAAA, PTR, SRV, TXT, A, DnsRecord, parse_message
from gateway.wire.lan.dhcp import MAX_TEXT, plain_text

PORT = 5353
MAX_HOSTS = 16  # names with addresses in one message: a device has one name and some addresses
MAX_SERVICES = 16  # service types in one message; a Mac with every service on has a dozen

# RFC 6335 §5.1 allows 15 characters; _androidtvremote2 has more.
_SERVICE = re.compile(r"(?:.*\.)?(_[a-z0-9-]{1,20})\._(?:tcp|udp)\.local", re.DOTALL)
_HOST = re.compile(r"([a-z0-9_-]{1,63})\.local")
_MODEL_KEYS = ("model", "md", "am", "ty")  # of _device-info, _googlecast, _raop, _ipp


@dataclass(frozen=True, slots=True)
class Mdns:
    """Hosts, services and model in one multicast DNS answer. All text is untrusted input."""

    hosts: tuple[tuple[str, bytes], ...] = ()  # name without .local, and one packed address
    services: frozenset[str] = frozenset()  # such as _airplay
    model: str = ""  # as the device claims, such as AppleTV11,1


def parse_mdns(data: bytes) -> Mdns | None:
    """Return hosts, services and model in one multicast DNS answer; None if it has none, or is a question.

    Records with TTL 0, which withdraw a name, are ignored. Raises WireError for an invalid DNS
    message.
    """
    message = parse_message(data)
    if not message.is_response:
        return None
    hosts: list[tuple[str, bytes]] = []
    services: set[str] = set()
    model = ""
    for record in message.records:
        if not record.ttl:
            continue  # a goodbye (RFC 6762 §10.1)
        if (host := _host(record)) is not None and len(hosts) < MAX_HOSTS:
            hosts.append(host)
        elif (service := _service(record)) and len(services) < MAX_SERVICES:
            services.add(service)
        if record.rtype == TXT:
            model = model or _model(record.rdata)
    return Mdns(tuple(hosts), frozenset(services), model) if hosts or services or model else None


def _host(record: DnsRecord) -> tuple[str, bytes] | None:
    if (record.rtype, len(record.rdata)) not in ((A, 4), (AAAA, 16)):
        return None
    found = _HOST.fullmatch(record.name)
    return None if found is None else (found[1], record.rdata)


def _service(record: DnsRecord) -> str:
    if record.rtype not in (PTR, SRV, TXT):
        return ""
    found = _SERVICE.fullmatch(record.name)
    return "" if found is None or found[1] == "_dns-sd" else found[1]


def _model(rdata: bytes) -> str:
    """Return the device model in a TXT record, or empty text if it has none.

    The record has strings of key=value with a length (RFC 6763 §6).
    """
    at = 0
    while at < len(rdata):
        key, _, value = rdata[at + 1 : at + 1 + rdata[at]].partition(b"=")
        if value and key.lower().decode("latin-1") in _MODEL_KEYS:
            return plain_text(value)[:MAX_TEXT]
        at += 1 + rdata[at]
    return ""
