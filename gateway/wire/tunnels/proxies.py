"""Recognises SOCKS proxies and SSH by their first bytes.

- SOCKS: the client's first message of version 4 and 4a (Lee, "SOCKS: A protocol for TCP proxy across
  firewalls", and Koblas, "SOCKS 4A") and version 5 (RFC 1928 §3 and §4).
- SSH: the first line of both sides (RFC 4253 §4.2).
"""

from __future__ import annotations

import re

from gateway.policy.values import Proto
from gateway.wire.tunnels.signs import MORE, TunnelMatch

_SOCKS_V4, _SOCKS_V5 = 4, 5
_SOCKS_MAX_TEXT = 255  # bytes of a user or host name
_SOCKS_USER = re.compile(rb"[\x21-\x7e]{0,255}\x00", re.DOTALL)
_SOCKS_TEXT = re.compile(rb"[\x21-\x7e]*\Z")
_SOCKS_METHODS = frozenset(range(10))  # the assigned ones; a client offers one to four
_SOCKS_MAX_METHODS = 8
# Version, command, reserved, address type: a request that does not wait for the server's choice of method.
_SOCKS_REQUEST = (frozenset({_SOCKS_V5}), frozenset({1, 2, 3}), frozenset({0}), frozenset({1, 3, 4}))
_SOCKS_PASSWORD = b"\x01"  # the version of RFC 1929; its message may follow immediately


def socks_tcp(data: bytes) -> TunnelMatch:
    """Return SOCKS if a stream begins with a SOCKS client's first message, MORE if it may; else None.

    ``data`` is not empty. One random stream in 2**20 matches if its first segment has 3 bytes, in 2**23 if it
    has 9, and fewer otherwise: the message must end with the segment or be followed by the next message.
    """
    if data[0] == _SOCKS_V5:
        return _socks_version5(data)
    return _socks_version4(data) if data[0] == _SOCKS_V4 else None


def _socks_version5(data: bytes) -> TunnelMatch:
    if len(data) < 2:
        return MORE
    count = data[1]
    if not 1 <= count <= _SOCKS_MAX_METHODS:
        return None
    methods, rest = data[2 : 2 + count], data[2 + count :]
    if not _SOCKS_METHODS.issuperset(methods) or len(set(methods)) != len(methods):
        return None
    if len(methods) < count:
        return MORE
    if not rest or rest[:1] == _SOCKS_PASSWORD:
        return Proto.SOCKS
    if all(byte in known for byte, known in zip(rest, _SOCKS_REQUEST, strict=False)):
        return Proto.SOCKS if len(rest) >= len(_SOCKS_REQUEST) else MORE
    return None


def _socks_version4(data: bytes) -> TunnelMatch:
    if len(data) < 8:
        return MORE if data[1:2] in (b"", b"\1", b"\2") else None
    address = data[4:8]
    if data[1] not in (1, 2) or data[2:4] == b"\0\0" or address == bytes(4):
        return None
    user = _SOCKS_USER.match(data, 8)
    if user is None:
        return _open_end(data[8:])
    rest = data[user.end() :]
    if address[:3] != bytes(3):
        return None if rest else Proto.SOCKS
    host = _SOCKS_USER.match(rest)
    if host is None:
        return _open_end(rest)
    return Proto.SOCKS if host.end() == len(rest) > 1 else None


def _open_end(text: bytes) -> TunnelMatch:
    """Return MORE if ``text`` may be the start of a SOCKS user or host name; else None.

    The end of the name has not arrived.
    """
    return MORE if len(text) <= _SOCKS_MAX_TEXT and _SOCKS_TEXT.match(text) else None


_SSH_START = b"SSH-"
_SSH_BANNER = re.compile(rb"SSH-(?:2\.0|1\.[0-9]{1,2})-")
_SSH_LONGEST = 9  # bytes that identify a banner: SSH-1.99-
_LATER_SSH_BANNER = re.compile(rb"\nSSH-(?:2\.0|1\.99)-")


def ssh_tcp(data: bytes) -> TunnelMatch:
    """Return SSH if a stream begins with an SSH banner, MORE if it may; else None.

    One random stream in 2**56 matches.
    """
    if not data.startswith(_SSH_START[: len(data)]):
        return None
    if _SSH_BANNER.match(data):
        return Proto.SSH
    return MORE if len(data) < _SSH_LONGEST else None


def ssh_server(data: bytes) -> TunnelMatch:
    """Return SSH if a server's stream begins with an SSH banner, MORE if it may; else None.

    Unlike in `ssh_tcp`, other lines may precede the banner.
    """
    return Proto.SSH if _LATER_SSH_BANNER.search(data) else ssh_tcp(data)
