"""Signatures of services: patterns for the first bytes that a client sends on a connection without a name.

A pattern has fixed and free half bytes at one offset, so a check costs one comparison of two numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

NO_SERVICES: tuple[str, ...] = ()

PROTOCOLS = ("tcp", "udp")
MAX_OFFSET = 255  # bytes before the pattern
MAX_PATTERN = 64  # bytes of the pattern
MIN_FIXED_BITS = 24  # random bytes match a signature with this many fixed bits once in 16 million
MAX_DATAGRAM = 65507  # bytes of payload (RFC 768)
LONGEST_SIGNATURE = MAX_OFFSET + MAX_PATTERN  # bytes from the start that are always enough

_BYTE = re.compile(r"[0-9a-f.]{2}", re.ASCII)
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_FREE = "."
_KEYS = ("proto", "at", "bytes", "length", "ports")


class Signature(NamedTuple):
    """A pattern for a client's first bytes: fixed bits at an offset, and lengths and ports if limited."""

    proto: str  # tcp or udp
    start: int  # offset of the first byte
    end: int  # offset after the last byte
    mask: int  # the fixed bits, as a number of end - start bytes
    value: int  # their values
    lengths: tuple[int, int] | None = None  # smallest and largest datagram, in bytes; udp only
    ports: tuple[tuple[int, int], ...] = ()  # first and last destination port; () for any port

    def matches(self, payload: bytes, port: int) -> bool:
        """Return True if a client's first bytes to a server's ``port`` match; ``proto`` is not compared."""
        if len(payload) < self.end:
            return False
        if int.from_bytes(payload[self.start : self.end], "big") & self.mask != self.value:
            return False
        if self.lengths is not None and not self.lengths[0] <= len(payload) <= self.lengths[1]:
            return False
        return not self.ports or any(first <= port <= last for first, last in self.ports)


class SignatureIndex:
    """Finds the services with signatures that match the first bytes of a client.

    ``entries``: service ids with their signatures.
    """

    __slots__ = ("_signatures",)

    def __init__(self, entries: Iterable[tuple[str, Iterable[Signature]]]) -> None:
        found: dict[str, list[tuple[Signature, str]]] = {proto: [] for proto in PROTOCOLS}
        for service, signatures in entries:
            for signature in signatures:
                found[signature.proto].append((signature, service))
        self._signatures = {proto: tuple(known) for proto, known in found.items()}

    def find(self, proto: str, payload: bytes, port: int) -> tuple[str, ...]:
        """Return the ids of the services with a matching signature; usually none or one.

        Arguments:
            proto: tcp or udp.
            payload: the start of a TCP stream, or one datagram.
            port: the server's.
        """
        known = self._signatures.get(proto)
        if not known:
            return NO_SERVICES
        found = [service for signature, service in known if signature.matches(payload, port)]
        return tuple(dict.fromkeys(found)) if found else NO_SERVICES


def read_signature(node: Node) -> Signature:
    """Return the signature in a YAML node of the catalogue.

    Raises PolicyError if it is invalid, or has fewer than MIN_FIXED_BITS fixed bits.
    """
    part = fields.Fields(fields.mapping(node), _KEYS)
    proto = fields.choice(part.need("proto"), PROTOCOLS)
    start = part.read("at", lambda item: fields.integer(item, 0, MAX_OFFSET), 0)
    pattern = part.need("bytes")
    mask, value, size = _read_pattern(pattern)
    if mask.bit_count() < MIN_FIXED_BITS:
        pattern.place.refuse(
            f"fixes {mask.bit_count()} bits, so other connections match too",
            f"fix at least {MIN_FIXED_BITS} bits",
        )
    length = part.node("length")
    if length is not None and proto != "udp":
        length.place.refuse("is for datagrams, and a TCP stream has none", "take it out")
    lengths = None if length is None else _read_length(length, start + size)
    return Signature(proto, start, start + size, mask, value, lengths, part.read("ports", read_ports, ()))


def _read_pattern(node: Node) -> tuple[int, int, int]:
    """Return mask, value and size in bytes of a pattern such as ``57 41 0. ..``; a dot is 4 free bits.

    Raises PolicyError for other text.
    """
    words = fields.text(node).lower().split()
    if len(words) > MAX_PATTERN or not all(map(_BYTE.fullmatch, words)):
        node.place.refuse(
            f"{shown(' '.join(words))} is no pattern of at most {MAX_PATTERN} bytes",
            'write bytes like "57 41 0. ..", with a dot for each free half byte',
        )
    digits = "".join(words)
    mask = "".join("0" if digit == _FREE else "f" for digit in digits)
    return int(mask, 16), int(digits.replace(_FREE, "0"), 16), len(words)


def _read_length(node: Node, least: int) -> tuple[int, int]:
    word = fields.text(node)
    first, last = _range(word)
    if not least <= first <= last <= MAX_DATAGRAM:
        node.place.refuse(
            f"{shown(word)} is no length from {least} to {MAX_DATAGRAM} bytes", 'write it like 74 or "20-64"'
        )
    return first, last


def read_ports(node: Node) -> tuple[tuple[int, int], ...]:
    """Return the first and last port of each entry in a list node such as ``[443, "3478-3481"]``.

    Raises PolicyError for an invalid port or range.
    """
    return tuple(_read_port_range(item) for item in fields.items(node))


def _read_port_range(node: Node) -> tuple[int, int]:
    word = fields.text(node)
    first, last = _range(word)
    if not 1 <= first <= last <= 65535:
        node.place.refuse(f"{shown(word)} is no port or range", 'write it like 443 or "3478-3481"')
    return first, last


def _range(word: str) -> tuple[int, int]:
    """Return both numbers of a range such as ``20-64``, a single number twice, or (0, 0) for other texts."""
    match = _RANGE.fullmatch(word)
    return (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
