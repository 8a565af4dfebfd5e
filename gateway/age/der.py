"""Reads the extensions of an X.509 certificate, and ignores errors in those that are not needed.

`cryptography` parses all extensions or none. The issuer alternative name is malformed in the examples of the
EU profile, where it is wrapped twice, and in an ISO example. It is not needed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.age.refusals import AgeProofError, ProofRefusal

BASIC_CONSTRAINTS, KEY_USAGE, PURPOSES = "2.5.29.19", "2.5.29.15", "2.5.29.37"
DIGITAL_SIGNATURE, KEY_CERT_SIGN = 0, 5  # bits of the key usage
# Critical or not, these do not affect the checks: names, key identifiers, revocation lists.
_HARMLESS: Final = frozenset(("2.5.29.14", "2.5.29.17", "2.5.29.18", "2.5.29.31", "2.5.29.35"))
_BITS, _OID, _SEQUENCE, _EXTENSIONS = 0x03, 0x06, 0x30, 0xA3
MOST_EXTENSIONS = 32  # a signer's certificate has seven


@dataclass(frozen=True, slots=True)
class CertificateExtensions:
    """Those extensions of an X.509 certificate that the checks of age proofs need."""

    ca: bool = False
    path_length: int | None = None  # of a CA: how many CAs may be below it; None: any number
    usage: frozenset[int] | None = None  # bits of the key usage; None: the extension is absent
    purposes: frozenset[str] = frozenset()  # OIDs of the extended key usage; empty: absent
    strange: bool = False  # has an unknown critical extension


def read_extensions(tbs: bytes) -> CertificateExtensions:
    """Return the extensions of a certificate. Raises AgeProofError if they are malformed.

    ``tbs``: the certificate's signed part (TBSCertificate, DER).
    """
    held = [content for tag, content in _items(_one(tbs, _SEQUENCE)) if tag == _EXTENSIONS]
    if len(held) > 1:
        raise _bad()
    found: dict[str, bytes] = {}
    strange = False
    for extension in _all(_one(held[0], _SEQUENCE), _SEQUENCE, MOST_EXTENSIONS) if held else ():
        name, critical, value = _extension(extension)
        if name in found:
            raise _bad()
        found[name] = value
        strange |= critical and name not in _HARMLESS | {BASIC_CONSTRAINTS, KEY_USAGE, PURPOSES}
    ca, path_length = _constraints(found.get(BASIC_CONSTRAINTS))
    usage = found.get(KEY_USAGE)
    purposes = found.get(PURPOSES)
    return CertificateExtensions(
        ca,
        path_length,
        None if usage is None else _bits(_one(usage, _BITS)),
        frozenset(map(_dotted, _all(_one(purposes, _SEQUENCE), _OID, MOST_EXTENSIONS) if purposes else ())),
        strange,
    )


def _extension(data: bytes) -> tuple[str, bool, bytes]:
    match list(_items(data)):
        case [(0x06, name), (0x04, value)]:
            return _dotted(name), False, value
        case [(0x06, name), (0x01, flag), (0x04, value)]:
            return _dotted(name), _flag(flag), value
    raise _bad()


def _constraints(value: bytes | None) -> tuple[bool, int | None]:
    if value is None:
        return False, None
    match list(_items(_one(value, _SEQUENCE))):
        case []:
            return False, None
        case [(0x01, flag)]:
            return _flag(flag), None
        case [(0x01, flag), (0x02, number)] if len(number) == 1 and number[0] < 0x80:
            return _flag(flag), number[0]
    raise _bad()


def _flag(content: bytes) -> bool:
    if content not in (b"\x00", b"\xff"):
        raise _bad()
    return content == b"\xff"


def _bits(content: bytes) -> frozenset[int]:
    """Return the numbers of the bits set in a DER bit string; bit 0 is the highest of the first byte.

    Raises AgeProofError for none or more than two bytes of bits.
    """
    if not 2 <= len(content) <= 3 or content[0] > 7:
        raise _bad()
    number = int.from_bytes(content[1:], "big")
    size = 8 * (len(content) - 1)
    return frozenset(bit for bit in range(size) if number >> (size - 1 - bit) & 1)


def _dotted(content: bytes) -> str:
    """Return a DER object identifier in dotted form. Raises AgeProofError."""
    if not 1 <= len(content) <= 32 or content[-1] & 0x80:
        raise _bad()
    numbers, number = [], 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of consecutive DER elements. Raises AgeProofError for malformed ones."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise _bad()
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[at : at + count], "big")
            at += count
            if not 1 <= count <= 2:  # a certificate is shorter than 64 KiB
                raise _bad()
        if at + size > len(data):
            raise _bad()
        yield tag, data[at : at + size]
        at += size


def _all(data: bytes, tag: int, most: int) -> list[bytes]:
    found = list(_items(data))
    if len(found) > most or any(item[0] != tag for item in found):
        raise _bad()
    return [content for _, content in found]


def _one(data: bytes, tag: int) -> bytes:
    found = _all(data, tag, 1)
    if not found:
        raise _bad()
    return found[0]


def _bad() -> AgeProofError:
    return AgeProofError(ProofRefusal.BAD_CERTIFICATE, "its extensions cannot be read")
