"""Recognises DNS (RFC 1035) on another port than 53: a resolver that the household does not use.

A message counts only if it is whole: one question of a known class, no records that a question cannot have,
and no bytes after it.
"""

from __future__ import annotations

import re

from gateway.core.errors import WireError
from gateway.policy.values import Proto
from gateway.wire.dns.message import AA, OPT, RA, RCODE_MASK, TC, DnsQuestion, Message, parse_message
from gateway.wire.tunnels.signs import MORE, More, TunnelSign

PORT = 53  # queries to it are already judged as DNS
_HEADER = 12
_ONE = b"\0\1"
_FLAGS, _OPCODE = 4, 0x78  # offset in a stream of the flags' first byte, and the opcode bits in it
_CLASSES = frozenset({1, 3, 4, 255})  # RFC 1035 §3.2.4, §3.2.5
_SIGNATURES = frozenset({24, 250})  # SIG(0), TSIG
_ZERO_BIT = 0x0040
_OF_ANSWERS = AA | TC | RA | RCODE_MASK
_MIN_QUESTION = _HEADER + 5  # bytes: a question for the root
_MAX_QUESTION = 1024  # bytes over TCP: 512, and padded EDNS (RFC 8467)
# Anonymized DNSCrypt (protocol specification, "ANONYMIZED-DNSCRYPT"): a magic number, the resolver's address.
_RELAYED = b"\xff" * 8 + b"\0\0"
# Windows queries internet hosts for their NetBIOS names (RFC 1002 §4.2.12), which bypasses nothing.
_NETBIOS = re.compile(r"[a-p]{32}(?:\.|\Z)")
_NETBIOS_TYPES = (32, 33)


def question_udp(payload: bytes, dport: int) -> TunnelSign | None:
    """Return a sign if a datagram is DNS on another port than 53, or relayed DNSCrypt; else None.

    One random message in 2**60 matches. DNSCrypt itself looks random, but its clients first query the
    resolver's certificate, which is a plain question. Relayed DNSCrypt has a magic number.
    """
    if payload.startswith(_RELAYED):
        return TunnelSign(Proto.DNS)
    return _sign(payload) if dport != PORT and payload[4:6] == _ONE else None


def question_tcp(data: bytes) -> TunnelSign | More | None:
    """Return a sign if a stream begins with a DNS message after two bytes of length (RFC 7766 §8); else None.

    Returns MORE if more bytes are needed.
    """
    if data[0] > _MAX_QUESTION >> 8:
        return None
    if len(data) < 2:
        return MORE
    size = int.from_bytes(data[:2], "big")
    if not _MIN_QUESTION <= size <= _MAX_QUESTION or not _ONE.startswith(data[6:8]):
        return None
    if len(data) > _FLAGS and data[_FLAGS] & _OPCODE:
        return None
    if len(data) < 2 + size:
        return MORE
    return _sign(data[2 : 2 + size])


def _sign(data: bytes) -> TunnelSign | None:
    try:
        message = parse_message(data)
    except WireError:
        return None
    question = message.question
    if question is None or message.end != len(data) or not _is_plain(message, question):
        return None
    if question.qtype in _NETBIOS_TYPES and _NETBIOS.match(question.name):
        return None
    try:
        host = question.host()
    except WireError:
        host = None
    return TunnelSign(Proto.DNS, host, question.qtype)


def _is_plain(message: Message, question: DnsQuestion) -> bool:
    if message.opcode or message.flags & _ZERO_BIT or question.qclass not in _CLASSES or not question.qtype:
        return False
    if message.is_response:
        return True
    extra = all(record.rtype == OPT or record.rtype in _SIGNATURES for record in message.additional)
    return not (message.flags & _OF_ANSWERS or message.answers or message.authority) and extra
