"""Checks of DNS: a site's name, other resolvers, encrypted resolvers, and what points devices to them."""

from __future__ import annotations

from gateway.audit.checks import Check, Want
from gateway.wire.dns.message import HTTPS, SVCB

_NAMES, _HIDDEN = "Names", "Encrypted DNS and hidden names"
_DNS = {"probe": "dns", "port": 53, "qtype": "@type"}
_RELAY = "mask.icloud.com"
_CANARY = "use-application-dns.net"
_BLOCK = "ways: {encrypted_dns: block}"


def _asks(to: str, name: str = "@refused", **job: object) -> dict[str, object]:
    return {**_DNS, "to": to, "name": name, **job}


def _hello(port: int, to: str = "@far", name: str = "@allowed", **job: object) -> dict[str, object]:
    return {"probe": "hello", "to": to, "port": port, "name": name, **job}


def _name(ident: str, title: str, job: dict[str, object], want: Want = Want.ADDRESS) -> Check:
    return Check(ident, title, _NAMES, job, "", want=want, needs="dns")


def _way(ident: str, title: str, job: dict[str, object], want: Want = Want.REACHED) -> Check:
    needs = "dns" if job["probe"] == "dns" else "tls"
    return Check(ident, title, _HIDDEN, job, _BLOCK, "way:encrypted_dns", want, needs)


CHECKS = (
    _name("dns-gateway", "a refused site, asked of the gateway", _asks("@gateway")),
    _name("dns-gateway-tcp", "the same over TCP", _asks("@gateway", tcp=True)),
    _name("dns-other", "a refused site, asked of another resolver", _asks("@resolver")),
    _name("dns-other-tcp", "the same over TCP", _asks("@resolver", tcp=True)),
    _name("dns-letters", "the same in odd letters", _asks("@resolver", "@odd")),
    Check(
        "safe-search",
        "a search engine's ordinary address",
        _NAMES,
        _asks("@resolver", "www.google.com"),
        "safe_search: strict",
        "safe_search",
        Want.UNSAFE,
        "dns",
    ),
    _way("dns-port", "a resolver on another port", _asks("@resolver", "@allowed", port=5300), Want.ADDRESS),
    _way(
        "dns-port-tcp", "the same over TCP", _asks("@resolver", "@allowed", port=5300, tcp=True), Want.ADDRESS
    ),
    _way("dot", "DNS over TLS: port 853", _hello(853, alpn=[])),
    _way("dot-alpn", "DNS over TLS on port 443, known by its ALPN", _hello(443, alpn=["dot"])),
    _way(
        "doq",
        "DNS over QUIC",
        {"probe": "quic", "to": "@far", "port": 853, "name": "@allowed", "alpn": "doq"},
    ),
    Check(
        "doh-name",
        "DNS over HTTPS by a known name",
        _HIDDEN,
        _hello(443, "@at:dns.google", "dns.google"),
        "categories: {proxy_vpn_doh: block}",
        "name:dns.google",
    ),
    _way("doh-address", "a known resolver under an innocent name", _hello(443, "@doh")),
    _way(
        "doh-address-quic",
        "the same over QUIC",
        {"probe": "quic", "to": "@doh", "port": 443, "name": "@allowed"},
    ),
    _way("canary", "Firefox's question whether it may encrypt", _asks("@resolver", _CANARY), Want.ADDRESS),
    _way(
        "ddr",
        "the resolver's own ways (resolver.arpa)",
        _asks("@resolver", "_dns.resolver.arpa", qtype=SVCB),
        Want.RECORDS,
    ),
    _way(
        "dns-svcb",
        "the ways of another resolver (_dns.)",
        _asks("@resolver", "_dns.@allowed", qtype=SVCB),
        Want.RECORDS,
    ),
    _way(
        "dohpath",
        "DNS over HTTPS offered in an answer",
        _asks("@resolver", "@allowed", qtype=HTTPS),
        Want.WAYS,
    ),
    Check(
        "ech-key",
        "a key for hidden names in an answer",
        _HIDDEN,
        _asks("@resolver", "@allowed", qtype=HTTPS),
        "ways: {ech: block}",
        "way:ech",
        Want.ECH,
        "dns",
    ),
    Check(
        "ech",
        "a hello that hides its name",
        _HIDDEN,
        _hello(443, "@at:ech", "@ech", ech=True),
        "ways: {ech: block}",
        "way:ech",
    ),
    Check(
        "relay-name",
        "iCloud Private Relay, its name",
        _HIDDEN,
        _asks("@resolver", _RELAY),
        "ways: {relay: block}",
        "way:relay",
        Want.ADDRESS,
        "dns",
    ),
    Check(
        "relay",
        "iCloud Private Relay, its connection",
        _HIDDEN,
        {"probe": "quic", "to": f"@at:{_RELAY}", "port": 443, "name": _RELAY},
        "ways: {relay: block}",
        "way:relay",
    ),
)
