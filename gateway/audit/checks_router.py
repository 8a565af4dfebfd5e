"""Checks of the gateway itself, of unknown devices and pauses, and of what must always pass."""

from __future__ import annotations

from gateway.audit import tunnels
from gateway.audit.checks import Check, Want

_ROUTER, _WHO, _PASSES = "The router itself", "Who and when", "What has to pass"
_CLOSED = "gateway_access: closed"
PUSH, TIME = "mtalk.google.com", "pool.ntp.org"
NTP = b"\x23" + bytes(39) + bytes.fromhex("ea012345abcdef01")  # RFC 5905 7.3


def _door(ident: str, title: str, port: int | str) -> Check:
    job = {"probe": "door", "to": "@gateway", "port": port}
    return Check(ident, title, _ROUTER, job, _CLOSED, "door", Want.TAKEN, "")


def _must(
    ident: str, title: str, job: dict[str, object], needs: str = "tls", want: Want = Want.REACHED
) -> Check:
    return Check(ident, title, _PASSES, job, "", want=want, needs=needs, passes=True)


_HELP = {"probe": "hello", "to": "@helpat", "port": 443, "name": "@help"}
_TRUSTED = {"name": "@trusted"}  # the first word to be filled: without a trusted name there is no test


CHECKS = (
    _door("router-ssh", "SSH of the router", 22),
    _door("router-http", "the router's own pages, HTTP", 80),
    _door("router-https", "the router's own pages, HTTPS", 443),
    _door("router-service", "a new service of the router (the audit's own)", "@service"),
    _door("router-ports", "whatever else the router listens on", "@listening"),
    Check(
        "parents-pages",
        "the parents' pages without signing in",
        _ROUTER,
        {"probe": "page", "to": "@gateway", "port": "@pages", "path": "/parent/"},
        "",
        "always",
        Want.SHOWN,
        "",
    ),
    Check(
        "stranger",
        "a device that nobody named",
        _WHO,
        {"probe": "hello", "to": "@far", "port": 443, "name": "@refused", "who": "stranger"},
        "unknown_devices: guest",
        "stranger",
    ),
    Check(
        "download",
        "a download that runs when a pause begins",
        _WHO,
        {"probe": "download", "when": "paused", "to": "@at:allowed", "port": 80, "name": "@allowed"},
        "",
    ),
    Check(
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
