"""SSH: the first line of both sides (RFC 4253 §4.2)."""

from __future__ import annotations

import re

from gateway.policy.values import Proto
from gateway.wire.tunnels.signs import MORE, TunnelMatch

_START = b"SSH-"
_BANNER = re.compile(rb"SSH-(?:2\.0|1\.[0-9]{1,2})-")
_LONGEST = 9  # bytes that identify a banner: SSH-1.99-
_LATER_BANNER = re.compile(rb"\nSSH-(?:2\.0|1\.99)-")


def classify_tcp(data: bytes) -> TunnelMatch:
    """Recognise a banner. One random stream in 2**56 matches."""
    if not data.startswith(_START[: len(data)]):
        return None
    if _BANNER.match(data):
        return Proto.SSH
    return MORE if len(data) < _LONGEST else None


def classify_server(data: bytes) -> TunnelMatch:
    """Recognise a banner, also after the other lines that a server may send first."""
    return Proto.SSH if _LATER_BANNER.search(data) else classify_tcp(data)
