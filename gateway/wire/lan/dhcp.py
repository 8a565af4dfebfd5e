"""Parses the DHCP and DHCPv6 messages of clients.

DHCP: RFC 2131 §2, with the options of RFC 2132, RFC 3396 and RFC 4702. DHCPv6: RFC 8415, with the client's
name of RFC 4704.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct

from gateway.core.errors import WireError
from gateway.wire.cursor import Cursor
from gateway.wire.dns.message import MAX_NAME

SERVER_PORT, SERVER_PORT_V6 = 67, 547
MAX_TEXT = 64  # characters of a name or a class: a DNS label has at most 63
MAX_OPTIONS = 64  # numbers of option 55 that are stored; the longest known list has about thirty
MAX_VALUE = 512  # bytes of one option with all its parts (RFC 3396); a DNS name has at most 255
MAX_CLIENT_ID = 64  # bytes: a hardware address has 7, a DUID at most 130, which differ at the start

HOST_NAME, REQUESTED, OVERLOAD, MESSAGE_TYPE, PARAMETERS = 12, 50, 52, 53, 55
MAX_SIZE, VENDOR_CLASS, CLIENT_ID, USER_CLASS, FQDN = 57, 60, 61, 77, 81

_REQUEST = 1  # op: from a client
_ETHERNET = 1
_PAD, _END = 0, 255
_COOKIE = b"\x63\x82\x53\x63"
_OPTIONS_AT = 240
_SNAME, _FILE = slice(44, 108), slice(108, 236)
_IN_FILE, _IN_SNAME = 1, 2
_FQDN_HEAD = 3  # bytes: flags, and two that are deprecated
_FQDN_ENCODED = 0x04  # flag E: the name is in the wire form of DNS
_HEAD = Struct("!BBB")

_CLIENT_ID, _ASKED_FOR, _USER_CLASS, _VENDOR_CLASS, _FQDN = 1, 6, 15, 16, 39  # of DHCPv6
# solicit, request, confirm, renew, rebind, release, decline, information-request
_CLIENTS = frozenset((1, 3, 4, 5, 6, 8, 9, 11))


@dataclass(frozen=True, slots=True)
class Dhcp:
    """One DHCP or DHCPv6 message of a client. All text is untrusted input; a missing field is empty."""

    version: int  # 4 or 6
    message: int  # message type; 0 if it is missing
    hardware: str = ""  # chaddr, lower case with colons; DHCPv6 has none
    host_name: str = ""
    vendor_class: str = ""
    user_class: str = ""
    options: tuple[int, ...] = ()  # the requested options, in the client's order
    client_id: bytes = b""
    requested: bytes = b""  # the requested address, packed
    max_size: int = 0  # bytes of an answer that the client accepts


def parse_dhcp(data: bytes) -> Dhcp | None:
    """Return the content of a client's DHCP message; None for a server's, and without an Ethernet address.

    Raises WireError for a message that is cut, or without the cookie of DHCP (plain BOOTP).
    """
    if len(data) < _OPTIONS_AT:
        msg = f"DHCP message of {len(data)} bytes"
        raise WireError(msg)
    op, hardware_type, length = _HEAD.unpack_from(data)
    if op != _REQUEST or hardware_type != _ETHERNET or length != 6:
        return None
    if data[236:_OPTIONS_AT] != _COOKIE:
        msg = "BOOTP message without the cookie of DHCP"
        raise WireError(msg)
    found = _options(data)
    wanted = found.get(REQUESTED, b"")
    return Dhcp(
        version=4,
        message=_number(found, MESSAGE_TYPE, 1),
        hardware=data[28:34].hex(":"),
        host_name=first_label(found.get(HOST_NAME, b"")) or _fqdn(found.get(FQDN, b"")),
        vendor_class=plain_text(found.get(VENDOR_CLASS, b"")),
        user_class=plain_text(found.get(USER_CLASS, b"")),
        options=tuple(found.get(PARAMETERS, b"")[:MAX_OPTIONS]),
        client_id=found.get(CLIENT_ID, b"")[:MAX_CLIENT_ID],
        requested=wanted if len(wanted) == 4 else b"",
        max_size=_number(found, MAX_SIZE, 2),
    )


def _options(data: bytes) -> Mapping[int, bytes]:
    """Return each option's value by its number, joined from all its parts (RFC 3396 §7).

    Options may continue in the fields ``file`` and ``sname``. Raises WireError for an option that is cut.
    """
    found: dict[int, bytes] = {}
    _walk(data[_OPTIONS_AT:], found)
    overload = _number(found, OVERLOAD, 1)
    if overload & _IN_FILE:
        _walk(data[_FILE], found)
    if overload & _IN_SNAME:
        _walk(data[_SNAME], found)
    return found


def _walk(area: bytes, found: dict[int, bytes]) -> None:
    at = 0
    while at < len(area) and (code := area[at]) != _END:
        at += 1
        if code == _PAD:
            continue
        if at >= len(area) or at + 1 + area[at] > len(area):
            msg = f"DHCP option {code} is cut"
            raise WireError(msg)
        value = area[at + 1 : at + 1 + area[at]]
        at += 1 + len(value)
        found[code] = (found.get(code, b"") + value)[:MAX_VALUE]


def _number(found: Mapping[int, bytes], code: int, size: int) -> int:
    """Return the DHCP option ``code`` of ``size`` bytes as a number; 0 if missing or of another size."""
    value = found.get(code, b"")
    return int.from_bytes(value, "big") if len(value) == size else 0


def _fqdn(value: bytes) -> str:
    """Return the first label of the client's name in option 81 (RFC 4702 §2); empty if it has none."""
    if len(value) <= _FQDN_HEAD:
        return ""
    name = value[_FQDN_HEAD:]
    return wire_label(name) if value[0] & _FQDN_ENCODED else first_label(name)


def wire_label(name: bytes) -> str:
    """Return the first label of a DNS name in wire form, which may lack its end, as text; "" if it is cut."""
    length = name[0] if name else 0
    if not 0 < length < 0x40 or 1 + length > min(len(name), MAX_NAME):
        return ""
    return plain_text(name[1 : 1 + length])


def first_label(raw: bytes) -> str:
    """Return the printable text before the first dot of a host name: some devices send their whole domain."""
    return plain_text(raw).partition(".")[0]


def plain_text(raw: bytes) -> str:
    """Return UTF-8 bytes as text of at most MAX_TEXT printable characters; others are removed.

    Blanks at both ends are removed too. Invalid bytes become U+FFFD.
    """
    text = raw[: 4 * MAX_TEXT].decode("utf-8", "replace")
    return "".join(letter for letter in text if letter.isprintable())[:MAX_TEXT].strip()


def parse_dhcp6(data: bytes) -> Dhcp | None:
    """Return the content of a client's DHCPv6 message; None for a server's or relay's.

    Of a repeated option the first counts; of several host names the first valid one, since busybox sends an
    empty one before its own. Raises WireError for a message that is cut.
    """
    cursor = Cursor(data)
    message = cursor.u8()
    if message not in _CLIENTS:
        return None
    cursor.skip(3)  # transaction id
    found: dict[int, bytes] = {}
    name = ""
    while not cursor.at_end:
        code, value = cursor.u16(), cursor.counted16()
        found.setdefault(code, value)
        name = name or (wire_label(value[1:]) if code == _FQDN else "")
    asked = found.get(_ASKED_FOR, b"")[: 2 * MAX_OPTIONS]
    return Dhcp(
        version=6,
        message=message,
        host_name=name,
        vendor_class=_first(found.get(_VENDOR_CLASS, b"")[4:]),  # after the enterprise number
        user_class=_first(found.get(_USER_CLASS, b"")),
        options=tuple(int.from_bytes(asked[at : at + 2], "big") for at in range(0, len(asked) - 1, 2)),
        client_id=found.get(_CLIENT_ID, b"")[:MAX_CLIENT_ID],
    )


def _first(value: bytes) -> str:
    """Return the first of several texts, each after its length in two bytes.

    Raises WireError if it is cut.
    """
    return plain_text(Cursor(value).counted16()) if value else ""
