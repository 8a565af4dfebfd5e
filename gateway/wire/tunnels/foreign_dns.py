"""Recognises DNS (RFC 1035) on another port than 53: a resolver that the household does not use.

Servers ignore most of a query: flags, opcode, class, records and bytes behind the question. A question for
the name of a host therefore counts whatever else the message has. A question for another name (the root, one
label, odd bytes) counts only in a plain and whole message: a known class, no records that a question cannot
have, and no bytes after it.
"""

from __future__ import annotations

import re

from gateway.core.errors import WireError
from gateway.policy.values import Proto
from gateway.wire.dns.message import (
    AA,
    HEADER_SIZE,
    OPT,
    RA,
    RCODE_MASK,
    TC,
    DnsQuestion,
    Message,
    parse_message,
    read_head,
)
from gateway.wire.tunnels.signs import LONGEST, MORE, More, TunnelSign

PORT = 53  # queries to it are already judged as DNS
_ONE = b"\0\1"
_CLASSES = frozenset({1, 3, 4, 254, 255})  # RFC 1035 §3.2.4, §3.2.5; NONE: RFC 2136 §1.3
_FLAGS, _OPCODE = 4, 0x78  # offset in a stream of the flags' first byte, and the opcode bits in it
_MAX_OPCODE = 6 << 3  # the last that has a meaning (RFC 8490 §5.4); a server resolves nothing for others
_SIGNATURES = frozenset({24, 250})  # SIG(0), TSIG
_OF_ANSWERS = AA | TC | RA | RCODE_MASK
_MIN_QUESTION = HEADER_SIZE + 5  # bytes: a question for the root
# Bytes over TCP: enough for padded EDNS (RFC 8467). The answer to a longer question counts instead.
_MAX_QUESTION = LONGEST - 2
# At least two labels, and the last has letters only or is an A-label. Not `.local`: multicast DNS (RFC 6762)
# has the same form, and no resolver knows such names.
_OF_HOST = re.compile(r"(?:[a-z0-9_-]+\.)+(?!local\Z)(?:[a-z]{2,}|xn--[a-z0-9-]+)")
# Anonymized DNSCrypt (protocol specification, "ANONYMIZED-DNSCRYPT"): a magic number, the resolver's address.
_RELAYED = b"\xff" * 8 + b"\0\0"
# Windows queries internet hosts for their NetBIOS names (RFC 1002 §4.2.12), which bypasses nothing.
_NETBIOS = re.compile(r"[a-p]{32}(?:\.|\Z)")
_NETBIOS_TYPES = (32, 33)


def question_udp(payload: bytes, dport: int) -> TunnelSign | None:
    """Return a TunnelSign if a datagram is DNS on another port than 53, or relayed DNSCrypt; else None.

    One random message in 2**69 matches: 40 bits are of the header's counts, 29 of the name. DNSCrypt itself
    looks random, but its clients first query the resolver's certificate, which is a plain question. Relayed
    DNSCrypt has a magic number.
    """
    if payload.startswith(_RELAYED):
        return TunnelSign(Proto.DNS)
    return question(payload) if dport != PORT else None


def question_tcp(data: bytes) -> TunnelSign | More | None:
    """Return a TunnelSign if a TCP stream begins with a DNS message after its length; else None.

    The length has two bytes (RFC 7766 §8). Returns MORE if more bytes are needed. ``data`` is not empty.
    """
    if data[0] > _MAX_QUESTION >> 8:
        return None
    if len(data) < 2:
        return MORE
    size = int.from_bytes(data[:2], "big")
    if not _MIN_QUESTION <= size <= _MAX_QUESTION or not _ONE.startswith(data[6:8]):
        return None
    if len(data) > _FLAGS and data[_FLAGS] & _OPCODE > _MAX_OPCODE:
        return None
    if _has_many_records(data[2:]):
        return None
    if len(data) < 2 + size:
        return MORE
    return question(data[2 : 2 + size])


def question(data: bytes) -> TunnelSign | None:
    """Return a TunnelSign if ``data`` is a DNS query or response with one question; else None.

    It has the host name and type of the question. The module describes which messages count. NetBIOS queries
    of Windows return None.
    """
    if data[4:6] != _ONE or _has_many_records(data):
        return None
    try:
        asked = read_head(data).question
        if asked is None or not (_OF_HOST.fullmatch(asked.name) or _is_plain(parse_message(data), data)):
            return None
    except WireError:
        return None
    if asked.qtype in _NETBIOS_TYPES and _NETBIOS.match(asked.name):
        return None
    return TunnelSign(Proto.DNS, _host(asked), asked.qtype)


def _has_many_records(message: bytes) -> bool:
    """Return whether a DNS message announces over 255 records of a section: no server accepts that."""
    return any(message[6:HEADER_SIZE:2])


def _host(asked: DnsQuestion) -> str | None:
    try:
        return asked.host()
    except WireError:
        return None


def _is_plain(message: Message, data: bytes) -> bool:
    asked = message.question
    if asked is None or message.end != len(data) or message.opcode:
        return False
    if asked.qclass not in _CLASSES or not asked.qtype:
        return False
    if message.is_response:
        return True
    extra = all(record.rtype == OPT or record.rtype in _SIGNATURES for record in message.additional)
    return not (message.flags & _OF_ANSWERS or message.answers or message.authority) and extra
