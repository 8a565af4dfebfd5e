"""The checks of a filter test, in the order of docs/families/bypass.md.

``plan`` replaces words with @ in a job: ``@refused`` and ``@allowed`` are sites by this profile's rules,
``@far`` is an address that belongs to no name, ``@resolver`` is the address of a resolver that is on no list,
``@at:NAME`` is the address of a name in the simulated internet.
"""

from __future__ import annotations

from gateway.audit import tunnels
from gateway.audit.checks import BOTH, AuditCheck, Want
from gateway.wire.dns.message import HTTPS, SVCB

# ---------------------------------------------------------------- DNS

_NAMES, _HIDDEN = "Names", "Encrypted DNS and hidden names"
_DNS = {"probe": "dns", "port": 53, "qtype": "@type"}
_RELAY = "mask.icloud.com"
_CANARY = "use-application-dns.net"
_BLOCK = "ways: {encrypted_dns: block}"


def _asks(to: str, name: str = "@refused", **job: object) -> dict[str, object]:
    return {**_DNS, "to": to, "name": name, **job}


def _allowed_hello(port: int, to: str = "@far", name: str = "@allowed", **job: object) -> dict[str, object]:
    return {"probe": "hello", "to": to, "port": port, "name": name, **job}


def _name(ident: str, title: str, job: dict[str, object], want: Want = Want.ADDRESS) -> AuditCheck:
    return AuditCheck(ident, title, _NAMES, job, "", want=want, needs="dns")


def _dns_way(ident: str, title: str, job: dict[str, object], want: Want = Want.REACHED) -> AuditCheck:
    needs = "dns" if job["probe"] == "dns" else "tls"
    return AuditCheck(ident, title, _HIDDEN, job, _BLOCK, "way:encrypted_dns", want, needs)


_DNS_CHECKS = (
    _name("dns-gateway", "a refused site, asked of the gateway", _asks("@gateway")),
    _name("dns-gateway-tcp", "the same over TCP", _asks("@gateway", tcp=True)),
    _name("dns-other", "a refused site, asked of another resolver", _asks("@resolver")),
    _name("dns-other-tcp", "the same over TCP", _asks("@resolver", tcp=True)),
    _name("dns-letters", "the same in odd letters", _asks("@resolver", "@odd")),
    AuditCheck(
        "safe-search",
        "a search engine's ordinary address",
        _NAMES,
        _asks("@resolver", "www.google.com"),
        "safe_search: strict",
        "safe_search",
        Want.UNSAFE,
        "dns",
    ),
    _dns_way(
        "dns-port", "a resolver on another port", _asks("@resolver", "@allowed", port=5300), Want.ADDRESS
    ),
    _dns_way(
        "dns-port-tcp", "the same over TCP", _asks("@resolver", "@allowed", port=5300, tcp=True), Want.ADDRESS
    ),
    _dns_way("dot", "DNS over TLS: port 853", _allowed_hello(853, alpn=[])),
    _dns_way("dot-alpn", "DNS over TLS on port 443, known by its ALPN", _allowed_hello(443, alpn=["dot"])),
    _dns_way(
        "doq",
        "DNS over QUIC",
        {"probe": "quic", "to": "@far", "port": 853, "name": "@allowed", "alpn": "doq"},
    ),
    AuditCheck(
        "doh-name",
        "DNS over HTTPS by a known name",
        _HIDDEN,
        _allowed_hello(443, "@at:dns.google", "dns.google"),
        "categories: {proxy_vpn_doh: block}",
        "name:dns.google",
    ),
    _dns_way("doh-address", "a known resolver under an innocent name", _allowed_hello(443, "@doh")),
    _dns_way(
        "doh-address-quic",
        "the same over QUIC",
        {"probe": "quic", "to": "@doh", "port": 443, "name": "@allowed"},
    ),
    _dns_way(
        "canary", "Firefox's question whether it may encrypt", _asks("@resolver", _CANARY), Want.ADDRESS
    ),
    _dns_way(
        "ddr",
        "the resolver's own ways (resolver.arpa)",
        _asks("@resolver", "_dns.resolver.arpa", qtype=SVCB),
        Want.RECORDS,
    ),
    _dns_way(
        "dns-svcb",
        "the ways of another resolver (_dns.)",
        _asks("@resolver", "_dns.@allowed", qtype=SVCB),
        Want.RECORDS,
    ),
    _dns_way(
        "dohpath",
        "DNS over HTTPS offered in an answer",
        _asks("@resolver", "@allowed", qtype=HTTPS),
        Want.WAYS,
    ),
    AuditCheck(
        "ech-key",
        "a key for hidden names in an answer",
        _HIDDEN,
        _asks("@resolver", "@allowed", qtype=HTTPS),
        "ways: {ech: block}",
        "way:ech",
        Want.ECH,
        "dns",
    ),
    AuditCheck(
        "ech",
        "a hello that hides its name",
        _HIDDEN,
        _allowed_hello(443, "@at:ech", "@ech", ech=True),
        "ways: {ech: block}",
        "way:ech",
    ),
    AuditCheck(
        "relay-name",
        "iCloud Private Relay, its name",
        _HIDDEN,
        _asks("@resolver", _RELAY),
        "ways: {relay: block}",
        "way:relay",
        Want.ADDRESS,
        "dns",
    ),
    AuditCheck(
        "relay",
        "iCloud Private Relay, its connection",
        _HIDDEN,
        {"probe": "quic", "to": f"@at:{_RELAY}", "port": 443, "name": _RELAY},
        "ways: {relay: block}",
        "way:relay",
    ),
)


# ---------------------------------------------------------------- connections

_SITES, _NAMELESS, _TRICKS = "A refused site", "Connections that name no site", "Tricks"
_STRICT = "strict: true"
_DRAFT = 0xFF00001D  # QUIC draft 29 of 2020: browsers no longer use it, and the filter cannot read it


def _hello(**job: object) -> dict[str, object]:
    return {"probe": "hello", "to": "@far", "port": 443, "name": "@refused", **job}


def _quic(**job: object) -> dict[str, object]:
    return {"probe": "quic", "to": "@far", "port": 443, "name": "@refused", **job}


def _request(line: str, *fields: str) -> dict[str, object]:
    text = "".join(f"{part}\r\n" for part in (line, *fields, ""))
    return {"probe": "request", "to": "@far", "port": 80, "name": "@refused", "text": text}


def _site(ident: str, title: str, job: dict[str, object]) -> AuditCheck:
    return AuditCheck(ident, title, _SITES, job, "")


def _nameless(ident: str, title: str, job: dict[str, object]) -> AuditCheck:
    return AuditCheck(ident, title, _NAMELESS, job, _STRICT, "strict")


def _trick(ident: str, title: str, job: dict[str, object]) -> AuditCheck:
    return AuditCheck(ident, title, _TRICKS, job, "")


_SITE_CHECKS = (
    _site("tls", "over TLS, at an innocent address", _hello()),
    _site("tls-port", "over TLS on another port", _hello(port=8443)),
    _site("quic", "over QUIC", _quic()),
    _site("quic-port", "over QUIC on another port", _quic(port=8443)),
    _site("quic-version", "over QUIC in a version that nobody can read", _quic(version=_DRAFT)),
    _site("http", "over plain HTTP", _request("GET / HTTP/1.1", "Host: @refused")),
    _site(
        "http-absolute",
        "HTTP, whole address in the request",
        _request("GET http://@refused/ HTTP/1.1", "Host: @allowed"),
    ),
    _site("http-letters", "HTTP, in odd letters, spaces and dots", _request("GET / HTTP/1.1", "hOsT:\t@odd")),
    _site(
        "http-second",
        "HTTP, the second request behind an allowed one",
        _request("GET / HTTP/1.1", "Host: @allowed", "", "GET / HTTP/1.1", "Host: @refused"),
    ),
    _site("other-address", "from another IP address of the device", _hello(src="@second")),
    _nameless("no-name", "TLS without a name", _hello(name=None)),
    _nameless("address-name", "TLS with an address in the name's place", _hello(name="203.0.113.80")),
    AuditCheck("bad-name", "TLS with an impossible name", _NAMELESS, _hello(name="-not a name-"), ""),
    _nameless("fronting", "an allowed name at an address not its own", _hello(name="@allowed")),
    _nameless("fronting-quic", "the same over QUIC", _quic(name="@allowed")),
    _nameless(
        "fronting-http",
        "the same over HTTP",
        _request("GET / HTTP/1.1", "Host: @allowed") | {"name": "@allowed"},
    ),
    _nameless(
        "bare",
        "an address by hand, in no known protocol",
        {"probe": "stream", "to": "@far", "port": 4321, "send": b"audit: something new\n".hex()},
    ),
    _nameless(
        "bare-udp",
        "the same over UDP",
        {"probe": "datagram", "to": "@far", "port": 4321, "send": b"audit: something new\n".hex()},
    ),
    _trick("split", "the hello in two pieces, cut inside the name", _hello(trick="split")),
    _trick("bytewise", "the hello with the name one byte a segment", _hello(trick="bytewise")),
    _trick("backwards", "the hello's pieces in the wrong order", _hello(trick="backwards")),
    _trick("records", "the hello in TLS records of ten bytes", _hello(record=10)),
    _trick("records-one", "the hello in TLS records of one byte", _hello(record=1)),
    _trick(
        "short-lived",
        "a fake hello ahead that dies on the way",
        _hello(trick="short_lived", decoy="@allowed"),
    ),
    _trick(
        "bad-checksum",
        "a fake hello ahead with a wrong checksum",
        _hello(trick="bad_checksum", decoy="@allowed"),
    ),
    _trick(
        "old-number", "a fake hello ahead with an old number", _hello(trick="old_number", decoy="@allowed")
    ),
    _trick(
        "overlap",
        "a fake name that dies, in the real one's place",
        _hello(trick="overlapped", decoy="@allowed"),
    ),
    _trick("urgent", "an urgent byte inside the name", _hello(trick="urgent")),
    _trick("on-syn", "the hello with the first packet of all", _hello(trick="on_syn")),
    _trick("fragments", "the hello in IP fragments", _hello(trick="fragmented")),
    _trick(
        "http-split",
        "HTTP, the request cut inside the name",
        _request("GET / HTTP/1.1", "Host: @refused") | {"trick": "split"},
    ),
    _trick("quic-pieces", "QUIC, the hello shuffled over two datagrams", _quic(pieces=6)),
)


# ---------------------------------------------------------------- tunnels and proxies

_TUNNELS, _PROXIES = "Tunnels", "SSH, proxies, Tor"
_GRE, _ESP, _L2TP3, _SIX_IN_FOUR, _FOUR_IN_SIX = 47, 50, 115, 41, 4


def _sends(probe: str, port: int, data: bytes, **job: object) -> dict[str, object]:
    return {"probe": probe, "to": "@far", "port": port, "send": data.hex(), **job}


def _packet(number: int, data: bytes) -> dict[str, object]:
    return {"probe": "packet", "to": "@far", "port": number, "number": number, "send": data.hex()}


def _vpn(ident: str, title: str, job: dict[str, object], versions: tuple[int, ...] = BOTH) -> AuditCheck:
    return AuditCheck(ident, title, _TUNNELS, job, "ways: {vpn: block}", "way:vpn", versions=versions)


def _proxy(ident: str, title: str, job: dict[str, object], way: str) -> AuditCheck:
    return AuditCheck(ident, title, _PROXIES, job, f"ways: {{{way}: block}}", f"way:{way}")


_TUNNEL_CHECKS = (
    _vpn("wireguard", "WireGuard", _sends("datagram", 51820, tunnels.wireguard())),
    _vpn("wireguard-port", "WireGuard on the port of the web", _sends("datagram", 443, tunnels.wireguard())),
    _vpn("openvpn", "OpenVPN over UDP", _sends("datagram", 1194, tunnels.openvpn())),
    _vpn("openvpn-tcp", "OpenVPN over TCP", _sends("stream", 1194, tunnels.openvpn_stream())),
    _vpn("openvpn-port", "OpenVPN on the port of the web", _sends("stream", 443, tunnels.openvpn_stream())),
    _vpn("ike", "IPsec: its key exchange", _sends("datagram", 500, tunnels.ike())),
    _vpn("ike-nat", "IPsec: the same behind a NAT", _sends("datagram", 4500, tunnels.ike_behind_nat())),
    _vpn("esp-udp", "IPsec: its packets in UDP", _sends("datagram", 4500, tunnels.esp())),
    _vpn("esp", "IPsec: its packets", _packet(_ESP, tunnels.esp())),
    _vpn("l2tp", "L2TP", _sends("datagram", 1701, tunnels.l2tp())),
    _vpn("l2tp-ip", "L2TP without UDP", _packet(_L2TP3, tunnels.tunnel_v3())),
    _vpn("pptp", "PPTP: its control connection", _sends("stream", 1723, tunnels.pptp())),
    _vpn("gre", "PPTP: its packets (GRE)", _packet(_GRE, tunnels.gre())),
    _vpn("six-in-four", "IPv6 in IPv4", _packet(_SIX_IN_FOUR, tunnels.ipv6_inside()), versions=(4,)),
    _vpn("four-in-six", "IPv4 in IPv6", _packet(_FOUR_IN_SIX, tunnels.ipv4_inside()), versions=(6,)),
    _vpn("teredo", "IPv6 in UDP (Teredo)", _sends("datagram", 3544, tunnels.teredo())),
    AuditCheck(
        "vpn-name",
        "a VPN service by its name",
        _TUNNELS,
        {"probe": "hello", "to": "@at:nordvpn.com", "port": 443, "name": "nordvpn.com"},
        "categories: {proxy_vpn_doh: block}",
        "name:nordvpn.com",
    ),
    AuditCheck(
        "sstp",
        "a tunnel inside TLS to a server of one's own",
        _TUNNELS,
        {"probe": "https", "to": "@far", "port": 443, "name": "tunnel.audit.example"},
        "strict: true",
        "strict",
    ),
    _proxy("ssh", "SSH", _sends("stream", 22, tunnels.SSH), "ssh"),
    _proxy("ssh-port", "SSH on the port of the web", _sends("stream", 443, tunnels.SSH), "ssh"),
    _proxy("socks4", "a SOCKS 4 proxy", _sends("stream", 1080, tunnels.SOCKS4), "proxy"),
    _proxy("socks4a", "a SOCKS 4a proxy", _sends("stream", 1080, tunnels.SOCKS4A), "proxy"),
    _proxy("socks5", "a SOCKS 5 proxy on another port", _sends("stream", 8080, tunnels.SOCKS5), "proxy"),
    _proxy(
        "connect",
        "an HTTP proxy",
        {"probe": "stream", "to": "@far", "port": 3128, "text": tunnels.connect("@allowed").decode()},
        "proxy",
    ),
    _proxy(
        "tor",
        "a relay of Tor",
        {"probe": "hello", "to": "@tor", "port": 9001, "name": "www.tkxh4hxr.com", "alpn": []},
        "tor",
    ),
)


# ---------------------------------------------------------------- gateway, unknown devices, required access

_ROUTER, _WHO, _PASSES = "The router itself", "Who and when", "What has to pass"
_CLOSED = "gateway_access: closed"
PUSH, TIME = "mtalk.google.com", "pool.ntp.org"
NTP = b"\x23" + bytes(39) + bytes.fromhex("ea012345abcdef01")  # RFC 5905 7.3


def _door(ident: str, title: str, port: int | str) -> AuditCheck:
    job = {"probe": "door", "to": "@gateway", "port": port}
    return AuditCheck(ident, title, _ROUTER, job, _CLOSED, "door", Want.TAKEN, "")


def _must(
    ident: str, title: str, job: dict[str, object], needs: str = "tls", want: Want = Want.REACHED
) -> AuditCheck:
    return AuditCheck(ident, title, _PASSES, job, "", want=want, needs=needs, passes=True)


_HELP = {"probe": "hello", "to": "@helpat", "port": 443, "name": "@help"}
_TRUSTED = {"name": "@trusted"}  # the first word to be filled: without a trusted name there is no test


_GATEWAY_CHECKS = (
    _door("router-ssh", "SSH of the router", 22),
    _door("router-http", "the router's own pages, HTTP", 80),
    _door("router-https", "the router's own pages, HTTPS", 443),
    _door("router-service", "a new service of the router (the audit's own)", "@service"),
    _door("router-ports", "whatever else the router listens on", "@listening"),
    AuditCheck(
        "parents-pages",
        "the parents' pages without signing in",
        _ROUTER,
        {"probe": "page", "to": "@gateway", "port": "@pages", "path": "/parent/"},
        "",
        "always",
        Want.SHOWN,
        "",
    ),
    AuditCheck(
        "stranger",
        "a device that nobody named",
        _WHO,
        {"probe": "hello", "to": "@far", "port": 443, "name": "@refused", "who": "stranger"},
        "unknown_devices: guest",
        "stranger",
    ),
    AuditCheck(
        "download",
        "a download that runs when a pause begins",
        _WHO,
        {"probe": "download", "when": "paused", "to": "@at:allowed", "port": 80, "name": "@allowed"},
        "",
    ),
    AuditCheck(
        "offload",
        "connections past every rule (flow offload)",
        _WHO,
        {"probe": "offload", "to": "@gateway", "port": 0, "tables": "@offload"},
        "",
        needs="",
    ),
    _must("help", "a help line's page", _HELP),
    _must("help-paused", "the same while everything is paused", {**_HELP, "when": "paused"}),
    _must(
        "wifi-calling",
        "calls over Wi-Fi",
        {"probe": "datagram", "to": "@calling", "port": 500, "send": tunnels.ike().hex()},
    ),
    _must(
        "time", "the time of day", {"probe": "datagram", "to": f"@at:{TIME}", "port": 123, "send": NTP.hex()}
    ),
    _must(
        "push",
        "messages that wake a phone",
        {"probe": "hello", "to": f"@at:{PUSH}", "port": 5228, "name": PUSH},
    ),
    _must(
        "pages",
        "the page that says why",
        {"probe": "page", "to": "@gateway", "port": "@pages", "path": "/my"},
        needs="",
        want=Want.ANSWERED,
    ),
    _must(
        "trusted-name",
        "the home's trusted name leads to the gateway",
        {**_TRUSTED, "probe": "dns", "port": 53, "qtype": "@type", "to": "@resolver", "ours": "@own"},
        needs="",
        want=Want.OURS,
    ),
    _must(
        "trusted-pages",
        "the pages at that name, over HTTPS",
        {**_TRUSTED, "probe": "hello", "to": "@front", "port": 443, "alpn": ["http/1.1"]},
        needs="",
        want=Want.ANSWERED,
    ),
)


# ---------------------------------------------------------------- all

CONTROLS = (
    AuditCheck(
        "control-dns", "an allowed name, asked of another resolver", "Controls",
        {"probe": "dns", "to": "@resolver", "port": 53, "name": "@allowed", "qtype": "@type"},
        "", want=Want.ADDRESS, needs="", passes=True,
    ),
    AuditCheck(
        "control-tls", "a page of an allowed site", "Controls",
        {"probe": "https", "to": "@at:allowed", "port": 443, "name": "@allowed"},
        "", needs="dns", passes=True,
    ),
)  # fmt: skip
"""Checks that must pass: without them the result of others is unknown."""

CHECKS: tuple[AuditCheck, ...] = (
    *_DNS_CHECKS,
    *_SITE_CHECKS,
    *_TUNNEL_CHECKS,
    *_GATEWAY_CHECKS,
)
