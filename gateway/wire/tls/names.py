"""Finds the host names in a malformed ClientHello, as the most lenient servers do.

Servers ignore what they do not know or need: the form of an extension, the total length, a name of another
type before the host name. A malformed hello next to a decoy may be the one that the server reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from struct import error as StructError

from gateway.core.errors import WireError
from gateway.wire.names import hostname

_SERVER_NAME = 0
_SESSION = 38  # the offset of the session id's length in a message
_HEADER = Struct("!HH")  # type, length of an extension
_NAME = Struct("!BH")  # type, length of a name


def names_in_hello(message: bytes) -> list[str]:
    """Return each name once, in order. ``message`` is complete and has its four-byte header."""
    names: dict[str, None] = {}
    for raw in _server_names(message):
        try:
            names[hostname(raw)] = None
        except WireError:
            continue
    return list(names)


def _server_names(message: bytes) -> Iterator[bytes]:
    try:
        pos = _SESSION + 1 + message[_SESSION]
        pos += 2 + (message[pos] << 8 | message[pos + 1])  # cipher suites
        pos += 1 + message[pos] + 2  # compression methods, the length of all extensions
        while True:
            kind, size = _HEADER.unpack_from(message, pos)
            pos += _HEADER.size
            if kind == _SERVER_NAME:
                yield from _listed(message[pos : pos + size])
            pos += size
    except (IndexError, StructError):
        return


def _listed(block: bytes) -> Iterator[bytes]:
    """Yield host names (RFC 6066 §3); like some servers, ignore names of other types."""
    pos = 2
    while pos + _NAME.size <= len(block):
        kind, size = _NAME.unpack_from(block, pos)
        pos += _NAME.size
        if kind == 0:
            yield block[pos : pos + size]
        pos += size
