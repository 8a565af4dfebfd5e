"""Titles and groups of the filter test's checks, for the command line and the pages.

The pages import this module: it must not import other modules of this package.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.language import Language

# The ids of the checks by the id of their group, in display order: the order of `CHECKS`.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "names": (
        "dns-gateway", "dns-gateway-tcp", "dns-other", "dns-other-tcp", "dns-letters", "safe-search",
    ),
    "hidden": (
        "dns-port", "dns-port-tcp", "dot", "dot-alpn", "doq", "doh-name", "doh-address",
        "doh-address-quic", "canary", "ddr", "dns-svcb", "dohpath", "ech-key", "ech", "relay-name",
        "relay",
    ),
    "site": (
        "tls", "tls-port", "quic", "quic-port", "quic-version", "http", "http-absolute", "http-letters",
        "http-second", "other-address",
    ),
    "nameless": (
        "no-name", "address-name", "bad-name", "fronting", "fronting-quic", "fronting-http", "bare",
        "bare-udp",
    ),
    "tricks": (
        "split", "bytewise", "backwards", "records", "records-one", "short-lived", "bad-checksum",
        "old-number", "overlap", "urgent", "on-syn", "fragments", "http-split", "quic-pieces",
    ),
    "tunnels": (
        "wireguard", "wireguard-port", "openvpn", "openvpn-tcp", "openvpn-port", "ike", "ike-nat",
        "esp-udp", "esp", "l2tp", "l2tp-ip", "pptp", "gre", "six-in-four", "four-in-six", "teredo",
        "vpn-name", "sstp",
    ),
    "proxies": (
        "ssh", "ssh-port", "socks4", "socks4a", "socks5", "connect", "tor",
    ),
    "router": (
        "router-ssh", "router-http", "router-https", "router-service", "router-ports", "parents-pages",
    ),
    "when": (
        "stranger", "download", "offload",
    ),
    "passes": (
        "help", "help-paused", "wifi-calling", "time", "push", "pages", "trusted-name", "trusted-pages",
    ),
}  # fmt: skip
_GROUP_OF = {check: group for group, checks in GROUPS.items() for check in checks}


def group_of(check: str) -> str:
    """Return the id of the group to which a check of the filter test belongs. ``check``: its id."""
    return _GROUP_OF[check]


def group_titles(language: Language) -> Mapping[str, str]:
    """Return the heading of each group of checks of the filter test, by the group's id, in ``language``."""
    _ = language.gettext
    return {
        "names": _("Names"),
        "hidden": _("Encrypted DNS and hidden names"),
        "site": _("A blocked site"),
        "nameless": _("Connections that name no site"),
        "tricks": _("Tricks"),
        "tunnels": _("Tunnels"),
        "proxies": _("SSH, proxies, Tor"),
        "router": _("The router itself"),
        "when": _("Who and when"),
        "passes": _("What has to pass"),
    }


def check_titles(language: Language) -> Mapping[str, str]:
    """Return the title of each check of the filter test, by its id, in ``language``."""
    _ = language.gettext
    # Translators: what was tried, in a list: each is followed by "blocked", "allowed" or the like.
    return {
        "dns-gateway": _("A blocked site, asked of the gateway"),
        "dns-gateway-tcp": _("A blocked site, asked of the gateway over TCP"),
        "dns-other": _("A blocked site, asked of another DNS server"),
        "dns-other-tcp": _("A blocked site, asked of another DNS server over TCP"),
        "dns-letters": _("A blocked site, asked in odd letters"),
        "safe-search": _("The usual address of a search engine"),
        "dns-port": _("A resolver on another port"),
        "dns-port-tcp": _("A resolver on another port over TCP"),
        "dot": _("DNS over TLS"),
        "dot-alpn": _("DNS over TLS on the port of the web"),
        "doq": _("DNS over QUIC"),
        "doh-name": _("DNS over HTTPS by a known name"),
        "doh-address": _("A known resolver under an innocent name"),
        "doh-address-quic": _("A known resolver under an innocent name over QUIC"),
        "canary": _("Firefox’s question whether it may encrypt DNS"),
        "ddr": _("The resolver’s own encrypted ways"),
        "dns-svcb": _("The encrypted ways of another resolver"),
        "dohpath": _("DNS over HTTPS offered in an answer"),
        "ech-key": _("A key for hidden names in an answer"),
        "ech": _("A connection that hides its site"),
        "relay-name": _("iCloud Private Relay, its name"),
        "relay": _("iCloud Private Relay, its connection"),
        "tls": _("Over TLS, at an innocent address"),
        "tls-port": _("Over TLS on another port"),
        "quic": _("Over QUIC"),
        "quic-port": _("Over QUIC on another port"),
        "quic-version": _("Over an unknown QUIC version"),
        "http": _("Over plain HTTP"),
        "http-absolute": _("HTTP with the whole address in the request"),
        "http-letters": _("HTTP in odd letters, spaces and dots"),
        "http-second": _("HTTP, the second request behind an allowed one"),
        "other-address": _("From another address of the device"),
        "no-name": _("TLS without a name"),
        "address-name": _("TLS with an address in the name’s place"),
        "bad-name": _("TLS with an impossible name"),
        "fronting": _("An allowed name at an address that is not its own"),
        "fronting-quic": _("An allowed name at an address that is not its own, over QUIC"),
        "fronting-http": _("An allowed name at an address that is not its own, over HTTP"),
        "bare": _("An address by hand, in no known protocol"),
        "bare-udp": _("An address by hand, over UDP"),
        "split": _("The name cut in two pieces"),
        "bytewise": _("The name one byte at a time"),
        "backwards": _("Pieces in the wrong order"),
        "records": _("TLS in records of ten bytes"),
        "records-one": _("TLS in records of one byte"),
        "short-lived": _("A fake name ahead that dies on the way"),
        "bad-checksum": _("A fake name ahead with a wrong checksum"),
        "old-number": _("A fake name ahead with an old number"),
        "overlap": _("A fake name in the real one’s place"),
        "urgent": _("An urgent byte inside the name"),
        "on-syn": _("The name with the first packet of all"),
        "fragments": _("The name in IP fragments"),
        "http-split": _("HTTP, cut inside the name"),
        "quic-pieces": _("QUIC, shuffled over two packets"),
        "wireguard": _("WireGuard"),
        "wireguard-port": _("WireGuard on the port of the web"),
        "openvpn": _("OpenVPN"),
        "openvpn-tcp": _("OpenVPN over TCP"),
        "openvpn-port": _("OpenVPN on the port of the web"),
        "ike": _("IPsec, its key exchange"),
        "ike-nat": _("IPsec, its key exchange behind a NAT"),
        "esp-udp": _("IPsec, its packets in UDP"),
        "esp": _("IPsec, its packets"),
        "l2tp": _("L2TP"),
        "l2tp-ip": _("L2TP without UDP"),
        "pptp": _("PPTP, its control connection"),
        "gre": _("PPTP, its packets"),
        "six-in-four": _("IPv6 in IPv4"),
        "four-in-six": _("IPv4 in IPv6"),
        "teredo": _("Teredo"),
        "vpn-name": _("A VPN service by its name"),
        "sstp": _("A tunnel inside TLS to a server of one’s own"),
        "ssh": _("SSH"),
        "ssh-port": _("SSH on the port of the web"),
        "socks4": _("A SOCKS 4 proxy"),
        "socks4a": _("A SOCKS 4a proxy"),
        "socks5": _("A SOCKS 5 proxy on another port"),
        "connect": _("An HTTP proxy"),
        "tor": _("A relay of Tor"),
        "router-ssh": _("SSH of the router"),
        "router-http": _("The router’s own pages, HTTP"),
        "router-https": _("The router’s own pages, HTTPS"),
        "router-service": _("A new service of the router"),
        "router-ports": _("Other services of the router"),
        "parents-pages": _("The parents’ pages without signing in"),
        "stranger": _("A new device"),
        "download": _("A download that runs when a pause begins"),
        "offload": _("Connections that the router’s fast path carries past the rules"),
        "help": _("A help line’s page"),
        "help-paused": _("A help line’s page while everything is paused"),
        "wifi-calling": _("Calls over Wi-Fi"),
        "time": _("The time of day"),
        "push": _("Messages that wake a phone"),
        "pages": _("The page that says why"),
        "trusted-name": _("The name that browsers trust"),
        "trusted-pages": _("These pages at the name that browsers trust"),
    }
