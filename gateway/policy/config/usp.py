"""The connection to the router's USP agent: `usp:` in qalqan.yaml → UspLink."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

BROKER_SOCKET = "/var/run/usp/broker_controller_path"  # the path that TR-369 recommends, appendix VII
_KEYS = ("vendor", "socket")
_OUI = re.compile(r"[0-9A-F]{6}", re.ASCII)
_DOMAIN = re.compile(r"(?=.{4,100}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class UspLink:
    """The settings of the connection to the router's USP agent: the vendor in names, and the socket."""

    vendor: str  # a domain, or an OUI
    socket: str = BROKER_SOCKET


def read_usp(node: Node) -> UspLink:
    """Return the settings of the connection to the USP agent in a YAML node.

    Raises PolicyError if they are invalid.
    """
    part = fields.Fields(fields.mapping(node), _KEYS)
    return UspLink(_vendor(part.need("vendor")), part.read("socket", fields.full_path, BROKER_SOCKET))


def vendor_prefix(vendor: str) -> str | None:
    """Return the prefix of vendor-specific USP names, such as ``X_ISP-EXAMPLE_`` (TR-106, section 3.3).

    ``vendor`` is a domain in lower case, or an OUI of six hexadecimal digits in upper case; None for others.
    """
    if _OUI.fullmatch(vendor):
        return f"X_{vendor}_"
    return f"X_{vendor.upper().replace('.', '-')}_" if _DOMAIN.fullmatch(vendor) else None


def _vendor(node: Node) -> str:
    vendor = fields.text(node)
    if vendor_prefix(vendor) is None:
        fix = "write a domain such as isp.example, or an OUI such as 00256D, that belongs to you"
        node.place.refuse(f"{shown(vendor)} is neither a domain nor an OUI", fix)
    return vendor
