"""Recognises DNS inside HTTP requests (RFC 8484, and the JSON form that public resolvers offer)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable

from gateway.policy.values import Proto
from gateway.wire.tunnels.foreign_dns import question
from gateway.wire.tunnels.signs import TunnelSign

# Drafts called dns-message udpwireformat. Public resolvers also accept the media type in the target (`ct=`).
_MEDIA_TYPE = re.compile(rb"application/dns-(?:message|json|udpwireformat)", re.IGNORECASE)
_PATH = re.compile(rb"(?:\s|://[^/\s]*)(?:/\.?)*/dns-query(?=[/?#\s]|\Z)")
_PARAMETER = re.compile(rb"[?&;]dns=([A-Za-z0-9+/_-]+)")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_AS_BASE64 = bytes.maketrans(b"-_", b"+/")
_MAX_TEXT = 1600  # characters of a message in base64: 1,200 bytes, enough for a question


def dns_in_request(line: bytes, types: Iterable[bytes]) -> TunnelSign | None:
    """Return the DNS query that an HTTP request carries, as a TunnelSign; None if it carries none.

    ``line`` is the request line without its version, ``types`` are the values of Content-Type and Accept. The
    host of the query is known only if the target has it. A parameter ``dns`` counts only if it decodes to a
    DNS message, as one random text in 2**69 does.
    """
    target = _unescape(line)
    sign = _in_parameter(target)
    if sign is not None:
        return sign
    found = _PATH.search(target) or _MEDIA_TYPE.search(target) or any(map(_MEDIA_TYPE.search, types))
    return TunnelSign(Proto.DNS) if found else None


def _in_parameter(target: bytes) -> TunnelSign | None:
    """Return the DNS query in the first parameter ``dns`` of a request's target that has one (RFC 8484 §4.1).

    None if there is none.
    """
    for found in _PARAMETER.finditer(target):
        text = found[1][:_MAX_TEXT].translate(_AS_BASE64)
        text = text[: len(text) - (len(text) % 4 == 1)]  # no whole byte is in a single character
        sign = question(binascii.a2b_base64(text + b"=" * (-len(text) % 4)))
        if sign is not None:
            return sign
    return None


def _unescape(line: bytes) -> bytes:
    """Return ``line`` with its percent-encoded bytes decoded (RFC 3986 §2.1)."""
    return _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), line)
