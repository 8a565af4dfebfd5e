"""Bypass methods, each with a switch in every profile: `ways: {vpn: block, ssh: allow}`.

A method is detected by a flow's protocol or destination, not by its name: names have categories.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from gateway.policy.values import Proto, Reason


class Way(StrEnum):
    ENCRYPTED_DNS = "encrypted_dns"
    RELAY = "relay"
    ECH = "ech"
    VPN = "vpn"
    TOR = "tor"
    PROXY = "proxy"
    SSH = "ssh"


class Switch(StrEnum):
    """A profile's setting for a bypass method. A method without a setting is allowed."""

    BLOCK = "block"
    ALLOW = "allow"


REASONS: Mapping[Way, Reason] = {
    Way.ENCRYPTED_DNS: Reason.ENCRYPTED_DNS,
    Way.RELAY: Reason.RELAY,
    Way.ECH: Reason.ECH,
    Way.VPN: Reason.VPN,
    Way.TOR: Reason.TOR,
    Way.PROXY: Reason.PROXY,
    Way.SSH: Reason.SSH,
}

WAYS: Mapping[Proto, Way] = {
    Proto.WIREGUARD: Way.VPN,
    Proto.OPENVPN: Way.VPN,
    Proto.IPSEC: Way.VPN,
    Proto.L2TP: Way.VPN,
    Proto.PPTP: Way.VPN,
    Proto.IP_IN_IP: Way.VPN,
    Proto.TEREDO: Way.VPN,
    Proto.MESH: Way.VPN,
    Proto.SSH: Way.SSH,
    Proto.SOCKS: Way.PROXY,
    Proto.PROXY: Way.PROXY,
}
"""Protocol of a flow → bypass method."""
