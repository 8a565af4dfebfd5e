"""Extracts the hosts from a request's target and Host fields, in every way that a server may read them."""

from __future__ import annotations

import re

from gateway.core.errors import WireError
from gateway.wire.names import hostname, is_address

BLANK = bytes(range(0x21))  # controls and space: servers differ in which of them they strip

# Each matches at the start of a word. One pass over the line, however many words it has.
_ABSOLUTE = re.compile(rb"(?<!\S)[a-z][a-z0-9+.-]*://([^/?#\\\s]*)", re.IGNORECASE)
_CONNECT = re.compile(rb"CONNECT(?=\s+([^\s/*]\S*))")
_CONNECT_FIRST = re.compile(rb"CONNECT\s+(\S+)")
_PORT = re.compile(rb":[0-9]*\Z")


def authorities(line: bytes) -> list[bytes]:
    """Return the authorities in ``line``, a ``method target`` as sent: of any two adjacent words.

    If a target contains blanks, the request may begin inside it for a server that has read the part before.
    """
    found = [match[1] for match in _ABSOLUTE.finditer(line)]
    if b"CONNECT" in line:
        first = _CONNECT_FIRST.match(line)
        connects = ([first[1]] if first is not None else []) + [match[1] for match in _CONNECT.finditer(line)]
        found += [authority for authority in connects if _ABSOLUTE.match(authority) is None]
    return found


def hosts_of(asked: list[bytes]) -> tuple[list[str], bool]:
    """Return the distinct names of authorities, and whether one of these is no host at all."""
    if not asked:
        return [], False
    names: dict[str, None] = {}
    bad = False
    for authority in dict.fromkeys(asked):
        name, wrong = _host(authority.strip(BLANK))
        bad |= wrong
        if name is not None:
            names[name] = None
    return list(names), bad


def _host(authority: bytes) -> tuple[str | None, bool]:
    """Return the name in ``[user@]host[:port]``, None for an address; and whether it is no host at all."""
    host = _PORT.sub(b"", authority.rpartition(b"@")[2])
    if not host:
        return None, False
    try:
        return hostname(host), False
    except WireError:
        return None, not is_address(host.decode("latin-1"))
