"""Parses the DHCPv6 messages of clients (RFC 8415; the client's name of RFC 4704)."""

from __future__ import annotations

from gateway.wire.cursor import Cursor
from gateway.wire.lan.dhcp import MAX_CLIENT_ID, MAX_OPTIONS, Dhcp, plain_text, wire_label

SERVER_PORT = 547

_CLIENT_ID, _ASKED_FOR, _USER_CLASS, _VENDOR_CLASS, _FQDN = 1, 6, 15, 16, 39
# solicit, request, confirm, renew, rebind, release, decline, information-request
_CLIENTS = frozenset((1, 3, 4, 5, 6, 8, 9, 11))


def parse_dhcp6(data: bytes) -> Dhcp | None:
    """Parse a client's message; None for a server's or relay's.

    Of a repeated option the first counts; of names the first valid one, since busybox sends an empty one
    before its own. Raises WireError for a message that is cut.
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
    """Return the first of several texts, each of which follows its length."""
    return plain_text(Cursor(value).counted16()) if value else ""
