"""The captive-portal API of the pages (RFC 8908) and how DHCP announces it (RFC 8910). Pure.

Devices ask the API only at an address with a certificate that they trust.
"""

from __future__ import annotations

PATH = "/captive"
OPTION_4, OPTION_6 = 114, 103  # RFC 8910 §2.1, §2.2


def api_address(name: str) -> str:
    """Return the URL of the captive-portal API on the host ``name``, the trusted name of the pages."""
    return f"https://{name}{PATH}"


def dnsmasq_options(name: str) -> tuple[str, ...]:
    """Return the lines of dnsmasq's configuration that announce the captive-portal API by DHCP.

    dnsmasq sends them to devices that ask for these options. It cannot announce the API in router
    advertisements. ``name``: the trusted name of the pages.
    """
    address = api_address(name)
    return (f"dhcp-option={OPTION_4},{address}", f"dhcp-option=option6:{OPTION_6},{address}")


def uci_commands(name: str) -> tuple[str, ...]:
    """Return the shell commands that announce the captive-portal API on OpenWrt.

    dnsmasq announces it by DHCP, odhcpd by router advertisements and DHCPv6. ``name``: the trusted name of
    the pages.
    """
    address = api_address(name)
    return (
        f"uci add_list dhcp.lan.dhcp_option='{OPTION_4},{address}'",
        f"uci set dhcp.lan.captive_portal_uri='{address}'",
        "uci commit dhcp",
        "service dnsmasq restart",
        "service odhcpd restart",
    )
