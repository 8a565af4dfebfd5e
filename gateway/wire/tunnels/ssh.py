"""SSH: the line with which both sides begin (RFC 4253 4.2)."""

from __future__ import annotations

import re

from gateway.policy.values import Proto
from gateway.wire.tunnels.signs import MORE, Told

_START = b"SSH-"
_BANNER = re.compile(rb"SSH-(?:2\.0|1\.[0-9]{1,2})-")
_LONGEST = 9  # bytes that a banner is known by: SSH-1.99-
_LATER_BANNER = re.compile(rb"\nSSH-(?:2\.0|1\.99)-")


def classify_tcp(data: bytes) -> Told:
    """One stream of random bytes in 2**56."""
    if not data.startswith(_START[: len(data)]):
        return None
    if _BANNER.match(data):
        return Proto.SSH
    return MORE if len(data) < _LONGEST else None


def classify_server(data: bytes) -> Told:
    """A server may send other lines before its banner."""
    return Proto.SSH if _LATER_BANNER.search(data) else classify_tcp(data)
