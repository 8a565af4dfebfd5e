"""Checks of the gateway itself, of who and when, and of what has to pass whatever the rules say."""

from __future__ import annotations

from gateway.audit import tunnels
from gateway.audit.checks import Check, Want

_ROUTER, _WHO, _PASSES = "The router itself", "Who and when", "What has to pass"
_CLOSED = "gateway_access: closed"
EPDG = "epdg.epc.mnc001.mcc401.pub.3gppnetwork.org"  # 3GPP TS 23.003 19.4.2.9
PUSH, TIME = "mtalk.google.com", "pool.ntp.org"
NTP = b"\x23" + bytes(39) + bytes.fromhex("ea012345abcdef01")  # RFC 5905 7.3


def _door(ident: str, title: str, port: int | str) -> Check:
    job = {"probe": "door", "to": "@gateway", "port": port}
    return Check(ident, title, _ROUTER, job, _CLOSED, "door", Want.TAKEN, "")


def _must(ident: str, title: str, job: dict[str, object], needs: str = "tls", want: Want = Want.REACHED) -> Check:
    return Check(ident, title, _PASSES, job, "", want=want, needs=needs, passes=True)


def _hello(name: str, port: int = 443, **job: object) -> dict[str, object]:
    return {"probe": "hello", "to": f"@at:{name.lstrip('@')}", "port": port, "name": name, **job}


CHECKS = (
    _door("router-ssh", "SSH of the router", 22),
    _door("router-http", "the router's own pages, HTTP", 80),
    _door("router-https", "the router's own pages, HTTPS", 443),
    _door("router-service", "a new service of the router (the audit's own)", "@service"),
    _door("router-ports", "whatever else the router listens on", "@listening"),
    Check(
        "parents-pages", "the parents' pages without signing in", _ROUTER,
        {"probe": "page", "to": "@gateway", "port": "@pages", "path": "/parent/"}, "", "always", Want.SHOWN, "",
    ),
    Check(
        "stranger", "a device that nobody named", _WHO,
        {"probe": "hello", "to": "@far", "port": 443, "name": "@refused", "who": "stranger"},
        "unknown_devices: guest", "stranger",
    ),
    Check(
        "download", "a download that runs when a pause begins", _WHO,
        {"probe": "download", "to": "@at:allowed", "port": 80, "name": "@allowed"}, "",
    ),
    Check(
        "offload", "the same past the kernel's flow offload", _WHO,
        {"probe": "download", "to": "@at:allowed", "port": 80, "name": "@allowed", "offload": "@offload"}, "",
    ),
    _must("help", "a help line's page", _hello("@help")),
    _must("wifi-calling", "calls over Wi-Fi", {"probe": "datagram", "to": f"@at:{EPDG}", "port": 500, "send": tunnels.ike().hex()}),
    _must("time", "the time of day", {"probe": "datagram", "to": f"@at:{TIME}", "port": 123, "send": NTP.hex()}),
    _must("push", "messages that wake a phone", _hello(PUSH, 5228)),
    _must("pages", "the child's own page", {"probe": "page", "to": "@gateway", "port": "@pages", "path": "/my"}, "", Want.SHOWN),
)  # fmt: skip
