"""The checks of a filter test, in the order of docs/families/bypass.md. `titles` has their titles and groups.

``plan`` replaces words with @ in a job: ``@refused`` and ``@allowed`` are sites by this profile's rules,
``@far`` is an address that belongs to no name, ``@resolver`` is the address of a resolver that is on no list,
``@at:NAME`` is the address of a name in the simulated internet.
"""

from __future__ import annotations

from gateway.filter_test import tunnels
from gateway.filter_test.checks import BOTH, MethodCheck, Want
from gateway.wire.dns.message import HTTPS, SVCB

# ---------------------------------------------------------------- DNS

_DNS = {"probe": "dns", "port": 53, "qtype": "@type"}
_RELAY = "mask.icloud.com"
_CANARY = "use-application-dns.net"
_BLOCK = "ways: {encrypted_dns: block}"


def _asks(to: str, name: str = "@refused", **job: object) -> dict[str, object]:
    return {**_DNS, "to": to, "name": name, **job}


def _allowed_hello(port: int, to: str = "@far", name: str = "@allowed", **job: object) -> dict[str, object]:
    return {"probe": "hello", "to": to, "port": port, "name": name, **job}


def _name(ident: str, job: dict[str, object], want: Want = Want.ADDRESS) -> MethodCheck:
    return MethodCheck(ident, job, "", want=want, needs="dns")


def _dns_way(ident: str, job: dict[str, object], want: Want = Want.REACHED) -> MethodCheck:
    needs = "dns" if job["probe"] == "dns" else "tls"
    return MethodCheck(ident, job, _BLOCK, "way:encrypted_dns", want, needs)


_DNS_CHECKS = (
    _name("dns-gateway", _asks("@gateway")),
    _name("dns-gateway-tcp", _asks("@gateway", tcp=True)),
    _name("dns-other", _asks("@resolver")),
    _name("dns-other-tcp", _asks("@resolver", tcp=True)),
    _name("dns-letters", _asks("@resolver", "@odd")),
    MethodCheck(
        "safe-search",
        _asks("@resolver", "www.google.com"),
        "safe_search: strict",
        "safe_search",
        Want.UNSAFE,
        "dns",
    ),
    _dns_way("dns-port", _asks("@resolver", "@allowed", port=5300), Want.ADDRESS),
    _dns_way("dns-port-tcp", _asks("@resolver", "@allowed", port=5300, tcp=True), Want.ADDRESS),
    _dns_way("dot", _allowed_hello(853, alpn=[])),
    _dns_way("dot-alpn", _allowed_hello(443, alpn=["dot"])),
    _dns_way("doq", {"probe": "quic", "to": "@far", "port": 853, "name": "@allowed", "alpn": "doq"}),
    MethodCheck(
        "doh-name",
        _allowed_hello(443, "@at:dns.google", "dns.google"),
        "categories: {proxy_vpn_doh: block}",
        "name:dns.google",
    ),
    _dns_way("doh-address", _allowed_hello(443, "@doh")),
    _dns_way("doh-address-quic", {"probe": "quic", "to": "@doh", "port": 443, "name": "@allowed"}),
    _dns_way("canary", _asks("@resolver", _CANARY), Want.ADDRESS),
    _dns_way("ddr", _asks("@resolver", "_dns.resolver.arpa", qtype=SVCB), Want.RECORDS),
    _dns_way("dns-svcb", _asks("@resolver", "_dns.@allowed", qtype=SVCB), Want.RECORDS),
    _dns_way("dohpath", _asks("@resolver", "@allowed", qtype=HTTPS), Want.WAYS),
    MethodCheck(
        "ech-key",
        _asks("@resolver", "@allowed", qtype=HTTPS),
        "ways: {ech: block}",
        "way:ech",
        Want.ECH,
        "dns",
    ),
    MethodCheck("ech", _allowed_hello(443, "@at:ech", "@ech", ech=True), "ways: {ech: block}", "way:ech"),
    MethodCheck(
        "relay-name", _asks("@resolver", _RELAY), "ways: {relay: block}", "way:relay", Want.ADDRESS, "dns"
    ),
    MethodCheck(
        "relay",
        {"probe": "quic", "to": f"@at:{_RELAY}", "port": 443, "name": _RELAY},
        "ways: {relay: block}",
        "way:relay",
    ),
)


# ---------------------------------------------------------------- connections

_STRICT = "strict: true"
_DRAFT = 0xFF00001D  # QUIC draft 29 of 2020: browsers no longer use it, and the filter cannot read it


def _hello(**job: object) -> dict[str, object]:
    return {"probe": "hello", "to": "@far", "port": 443, "name": "@refused", **job}


def _quic(**job: object) -> dict[str, object]:
    return {"probe": "quic", "to": "@far", "port": 443, "name": "@refused", **job}


def _request(line: str, *fields: str) -> dict[str, object]:
    text = "".join(f"{part}\r\n" for part in (line, *fields, ""))
    return {"probe": "request", "to": "@far", "port": 80, "name": "@refused", "text": text}


def _always(ident: str, job: dict[str, object]) -> MethodCheck:
    """Return a check of the filter test, for a bypass method that the filter blocks under all rules.

    ``ident``: the check's id. ``job``: what it sends where.
    """
    return MethodCheck(ident, job, "")


def _nameless(ident: str, job: dict[str, object]) -> MethodCheck:
    return MethodCheck(ident, job, _STRICT, "strict")


_SITE_CHECKS = (
    _always("tls", _hello()),
    _always("tls-port", _hello(port=8443)),
    _always("quic", _quic()),
    _always("quic-port", _quic(port=8443)),
    _always("quic-version", _quic(version=_DRAFT)),
    _always("http", _request("GET / HTTP/1.1", "Host: @refused")),
    _always("http-absolute", _request("GET http://@refused/ HTTP/1.1", "Host: @allowed")),
    _always("http-letters", _request("GET / HTTP/1.1", "hOsT:\t@odd")),
    _always(
        "http-second", _request("GET / HTTP/1.1", "Host: @allowed", "", "GET / HTTP/1.1", "Host: @refused")
    ),
    _always("other-address", _hello(src="@second")),
    _nameless("no-name", _hello(name=None)),
    _nameless("address-name", _hello(name="203.0.113.80")),
    _always("bad-name", _hello(name="-not a name-")),
    _nameless("fronting", _hello(name="@allowed")),
    _nameless("fronting-quic", _quic(name="@allowed")),
    _nameless("fronting-http", _request("GET / HTTP/1.1", "Host: @allowed") | {"name": "@allowed"}),
    _nameless("bare", {"probe": "stream", "to": "@far", "port": 4321, "send": b"something new\n".hex()}),
    _nameless(
        "bare-udp", {"probe": "datagram", "to": "@far", "port": 4321, "send": b"something new\n".hex()}
    ),
    _always("split", _hello(trick="split")),
    _always("bytewise", _hello(trick="bytewise")),
    _always("backwards", _hello(trick="backwards")),
    _always("records", _hello(record=10)),
    _always("records-one", _hello(record=1)),
    _always("short-lived", _hello(trick="short_lived", decoy="@allowed")),
    _always("bad-checksum", _hello(trick="bad_checksum", decoy="@allowed")),
    _always("old-number", _hello(trick="old_number", decoy="@allowed")),
    _always("overlap", _hello(trick="overlapped", decoy="@allowed")),
    _always("urgent", _hello(trick="urgent")),
    _always("on-syn", _hello(trick="on_syn")),
    _always("fragments", _hello(trick="fragmented")),
    _always("http-split", _request("GET / HTTP/1.1", "Host: @refused") | {"trick": "split"}),
    _always("quic-pieces", _quic(pieces=6)),
)


# ---------------------------------------------------------------- tunnels and proxies

_GRE, _ESP, _L2TP3, _SIX_IN_FOUR, _FOUR_IN_SIX = 47, 50, 115, 41, 4


def _sends(probe: str, port: int, data: bytes, **job: object) -> dict[str, object]:
    return {"probe": probe, "to": "@far", "port": port, "send": data.hex(), **job}


def _packet(number: int, data: bytes) -> dict[str, object]:
    return {"probe": "packet", "to": "@far", "port": number, "number": number, "send": data.hex()}


def _vpn(ident: str, job: dict[str, object], versions: tuple[int, ...] = BOTH) -> MethodCheck:
    return MethodCheck(ident, job, "ways: {vpn: block}", "way:vpn", versions=versions)


def _proxy(ident: str, job: dict[str, object], way: str) -> MethodCheck:
    return MethodCheck(ident, job, f"ways: {{{way}: block}}", f"way:{way}")


_TUNNEL_CHECKS = (
    _vpn("wireguard", _sends("datagram", 51820, tunnels.wireguard())),
    _vpn("wireguard-port", _sends("datagram", 443, tunnels.wireguard())),
    _vpn("openvpn", _sends("datagram", 1194, tunnels.openvpn())),
    _vpn("openvpn-tcp", _sends("stream", 1194, tunnels.openvpn_stream())),
    _vpn("openvpn-port", _sends("stream", 443, tunnels.openvpn_stream())),
    _vpn("ike", _sends("datagram", 500, tunnels.ike())),
    _vpn("ike-nat", _sends("datagram", 4500, tunnels.ike_behind_nat())),
    _vpn("esp-udp", _sends("datagram", 4500, tunnels.esp())),
    _vpn("esp", _packet(_ESP, tunnels.esp())),
    _vpn("l2tp", _sends("datagram", 1701, tunnels.l2tp())),
    _vpn("l2tp-ip", _packet(_L2TP3, tunnels.tunnel_v3())),
    _vpn("pptp", _sends("stream", 1723, tunnels.pptp())),
    _vpn("gre", _packet(_GRE, tunnels.gre())),
    _vpn("six-in-four", _packet(_SIX_IN_FOUR, tunnels.ipv6_inside()), versions=(4,)),
    _vpn("four-in-six", _packet(_FOUR_IN_SIX, tunnels.ipv4_inside()), versions=(6,)),
    _vpn("teredo", _sends("datagram", 3544, tunnels.teredo())),
    MethodCheck(
        "vpn-name",
        {"probe": "hello", "to": "@at:nordvpn.com", "port": 443, "name": "nordvpn.com"},
        "categories: {proxy_vpn_doh: block}",
        "name:nordvpn.com",
    ),
    MethodCheck(
        "sstp",
        {"probe": "https", "to": "@far", "port": 443, "name": "tunnel.audit.example"},
        "strict: true",
        "strict",
    ),
    _proxy("ssh", _sends("stream", 22, tunnels.SSH), "ssh"),
    _proxy("ssh-port", _sends("stream", 443, tunnels.SSH), "ssh"),
    _proxy("socks4", _sends("stream", 1080, tunnels.SOCKS4), "proxy"),
    _proxy("socks4a", _sends("stream", 1080, tunnels.SOCKS4A), "proxy"),
    _proxy("socks5", _sends("stream", 8080, tunnels.SOCKS5), "proxy"),
    _proxy(
        "connect",
        {"probe": "stream", "to": "@far", "port": 3128, "text": tunnels.connect("@allowed").decode()},
        "proxy",
    ),
    _proxy(
        "tor", {"probe": "hello", "to": "@tor", "port": 9001, "name": "www.tkxh4hxr.com", "alpn": []}, "tor"
    ),
)


# ---------------------------------------------------------------- gateway, unknown devices, required access

_CLOSED = "gateway_access: closed"
PUSH, TIME = "mtalk.google.com", "pool.ntp.org"
NTP = b"\x23" + bytes(39) + bytes.fromhex("ea012345abcdef01")  # RFC 5905 7.3


def _door(ident: str, port: int | str) -> MethodCheck:
    job = {"probe": "door", "to": "@gateway", "port": port}
    return MethodCheck(ident, job, _CLOSED, "door", Want.TAKEN, "")


def _must(ident: str, job: dict[str, object], needs: str = "tls", want: Want = Want.REACHED) -> MethodCheck:
    return MethodCheck(ident, job, "", want=want, needs=needs, passes=True)


_HELP = {"probe": "hello", "to": "@helpat", "port": 443, "name": "@help"}
_TRUSTED = {"name": "@trusted"}  # the first word to be filled: without a trusted name there is no test


_GATEWAY_CHECKS = (
    _door("router-ssh", 22),
    _door("router-http", 80),
    _door("router-https", 443),
    _door("router-service", "@service"),
    _door("router-ports", "@listening"),
    MethodCheck(
        "parents-pages",
        {"probe": "page", "to": "@gateway", "port": "@pages", "path": "/parent/"},
        "",
        "always",
        Want.SHOWN,
        "",
    ),
    MethodCheck(
        "stranger",
        {"probe": "hello", "to": "@far", "port": 443, "name": "@refused", "who": "stranger"},
        "unknown_devices: guest",
        "stranger",
    ),
    MethodCheck(
        "download",
        {"probe": "download", "when": "paused", "to": "@at:allowed", "port": 80, "name": "@allowed"},
        "",
    ),
    MethodCheck(
        "offload", {"probe": "offload", "to": "@gateway", "port": 0, "tables": "@offload"}, "", needs=""
    ),
    _must("help", _HELP),
    _must("help-paused", {**_HELP, "when": "paused"}),
    _must("wifi-calling", {"probe": "datagram", "to": "@calling", "port": 500, "send": tunnels.ike().hex()}),
    _must("time", {"probe": "datagram", "to": f"@at:{TIME}", "port": 123, "send": NTP.hex()}),
    _must("push", {"probe": "hello", "to": f"@at:{PUSH}", "port": 5228, "name": PUSH}),
    _must(
        "pages",
        {"probe": "page", "to": "@gateway", "port": "@pages", "path": "/my"},
        needs="",
        want=Want.ANSWERED,
    ),
    _must(
        "trusted-name",
        {**_TRUSTED, "probe": "dns", "port": 53, "qtype": "@type", "to": "@resolver", "ours": "@own"},
        needs="",
        want=Want.OURS,
    ),
    _must(
        "trusted-pages",
        {**_TRUSTED, "probe": "hello", "to": "@front", "port": 443, "alpn": ["http/1.1"]},
        needs="",
        want=Want.ANSWERED,
    ),
)


# ---------------------------------------------------------------- all

CONTROLS = (
    # An allowed name, asked of another resolver.
    MethodCheck(
        "control-dns",
        {"probe": "dns", "to": "@resolver", "port": 53, "name": "@allowed", "qtype": "@type"},
        "",
        want=Want.ADDRESS,
        needs="",
        passes=True,
    ),
    # A page of an allowed site.
    MethodCheck(
        "control-tls",
        {"probe": "https", "to": "@at:allowed", "port": 443, "name": "@allowed"},
        "",
        needs="dns",
        passes=True,
    ),
)
"""Checks that must pass: without them the result of others is unknown."""

CHECKS: tuple[MethodCheck, ...] = (*_DNS_CHECKS, *_SITE_CHECKS, *_TUNNEL_CHECKS, *_GATEWAY_CHECKS)
