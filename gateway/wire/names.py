"""Validates and normalises host names, before any decision uses them."""

from __future__ import annotations

import re

from gateway.core.errors import WireError

MAX_HOSTNAME = 253  # characters of a name in text form without its last dot (RFC 1035 2.3.4, RFC 1123 2.1)

# RFC 1123 forbids underscores, and hyphens at either end of a label. Such names are in use and resolve.
_HOSTNAME = re.compile(rb"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
# Browsers read a name whose last label is a number as an IPv4 address: 127.1, 0x7f.1, 2130706433
# (WHATWG URL, "ends in a number").
_NUMBER_LAST = re.compile(rb"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.DOTALL)
_IPV6_PART = re.compile(r"[0-9a-fA-F]{1,4}")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")


def hostname(raw: bytes) -> str:
    """Return the normalised form of a host name: lower case, A-labels, without one trailing dot.

    ``raw``: ASCII bytes. Raises WireError for anything else: an empty name, over 253 characters, a label that
    is empty, over 63 characters or has characters other than ``a-z 0-9 - _``, an IPv6 address, and a name
    that browsers read as an IPv4 address (`is_address`). U-labels are not valid on the wire: convert them
    to A-labels (``xn--``) before.
    """
    name = raw.lower()
    if name.endswith(b"."):
        name = name[:-1]
    if len(name) > MAX_HOSTNAME:
        msg = f"host name of {len(name)} characters, at most {MAX_HOSTNAME}"
        raise WireError(msg)
    if _HOSTNAME.fullmatch(name) is None:
        msg = f"no host name: {raw[:80]!r}"
        raise WireError(msg)
    if (name[-1] <= 0x39 or b"0x" in name) and _NUMBER_LAST.fullmatch(name) is not None:
        msg = f"an address, not a host name: {raw[:80]!r}"
        raise WireError(msg)
    return name.decode("ascii")


def is_address(text: str) -> bool:
    """Return whether browsers read ``text`` as an IP address.

    As IPv4, these are all names whose last label is a number, such as 127.1 or 0x7f.1, also invalid ones.
    IPv6 may have brackets and a zone.
    """
    if text.startswith("[") and text.endswith("]"):
        return _is_ipv6(text[1:-1])
    if ":" in text:
        return _is_ipv6(text)
    return _is_ipv4_by_browsers(text)


def _is_ipv4_by_browsers(text: str) -> bool:
    """Return whether the WHATWG host parser would treat ``text`` as an IPv4 address, well-formed or not."""
    name = text.lower().encode("ascii", "replace").removesuffix(b".")
    return _NUMBER_LAST.fullmatch(name) is not None


def _is_ipv6(text: str) -> bool:
    """Return whether ``text`` is IPv6 in the form of RFC 4291 §2.2, with an optional zone (RFC 4007 §11)."""
    address = text.split("%", 1)[0]
    head, gap, tail = address.partition("::")
    if "::" in tail:
        return False
    groups = [group for half in (head, tail) if half for group in half.split(":")]
    count = len(groups)
    if groups and "." in groups[-1]:
        if _IPV4.fullmatch(groups.pop()) is None:
            return False
        count += 1
    if not all(_IPV6_PART.fullmatch(group) for group in groups):
        return False
    return count <= 7 if gap else count == 8
