"""Bypass methods, each with a switch in every profile: `ways: {vpn: block, ssh: allow}`.

A method is detected by a flow's protocol or destination, not by its name: names have categories.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from gateway.policy.values import Proto, Reason


class BypassMethod(StrEnum):
    """A bypass method: a way to evade the filter."""

    ENCRYPTED_DNS = "encrypted_dns"
    RELAY = "relay"
    ECH = "ech"
    VPN = "vpn"
    TOR = "tor"
    PROXY = "proxy"
    SSH = "ssh"


class MethodSetting(StrEnum):
    """A profile's setting for a bypass method: block or allow. Without a setting it is allowed."""

    BLOCK = "block"
    ALLOW = "allow"


REASONS: Mapping[BypassMethod, Reason] = {
    BypassMethod.ENCRYPTED_DNS: Reason.ENCRYPTED_DNS,
    BypassMethod.RELAY: Reason.RELAY,
    BypassMethod.ECH: Reason.ECH,
    BypassMethod.VPN: Reason.VPN,
    BypassMethod.TOR: Reason.TOR,
    BypassMethod.PROXY: Reason.PROXY,
    BypassMethod.SSH: Reason.SSH,
}

WAYS: Mapping[Proto, BypassMethod] = {
    Proto.WIREGUARD: BypassMethod.VPN,
    Proto.OPENVPN: BypassMethod.VPN,
    Proto.IPSEC: BypassMethod.VPN,
    Proto.L2TP: BypassMethod.VPN,
    Proto.PPTP: BypassMethod.VPN,
    Proto.IP_IN_IP: BypassMethod.VPN,
    Proto.TEREDO: BypassMethod.VPN,
    Proto.MESH: BypassMethod.VPN,
    Proto.SSH: BypassMethod.SSH,
    Proto.SOCKS: BypassMethod.PROXY,
    Proto.PROXY: BypassMethod.PROXY,
}
"""Protocol of a flow → bypass method."""
