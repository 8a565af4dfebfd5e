"""What a refusal says about the settings of a device.

How Android does it (NetworkMonitor and DnsResolver, versions 9 to 15): in *Automatic* mode it tries its
resolver's port 853 without a server name, and asks in the clear where nothing answers. With a provider's name
set (*strict*) it first asks for that name in the clear, again after 1, 2, 4 … 600 seconds while there is no
answer, then calls port 853 with that name as SNI; every other question fails meanwhile, but for those of its
connectivity probes. So a server name on port 853 is somebody's setting, and a resolver's name that is asked
for again and again by a device that asks for nothing else is very likely one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.policy.judge.bypass import DNS_ALPNS, DOT_DOQ_PORT
from gateway.policy.judge.conclude import blocks_bypass
from gateway.policy.judge.world import World
from gateway.policy.names.categories import PROXY
from gateway.policy.names.packs import PROBES
from gateway.policy.profile.bypass_methods import REASONS, Way
from gateway.policy.profile.rules import Rules
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict

# By which a resolver's name may be refused for what it is, ahead of any flow.
_BY_NAME = frozenset(
    {Reason.CATEGORY, Reason.FAMILY_BLOCK, Reason.NOT_ON_LIST, Reason.UNKNOWN_DOMAIN, Reason.NEW_DOMAIN}
)
_BY_LIST = frozenset({Reason.NOT_ON_LIST, Reason.UNKNOWN_DOMAIN})  # as any name that nobody knows here
_ATTEMPTS = {REASONS[way]: way for way in (Way.VPN, Way.TOR, Way.PROXY, Way.SSH)}
# Teredo, 6to4 and the like are begun by systems unasked, and given up without harm.
_UNASKED = frozenset({Proto.IP_IN_IP})
# How resolvers are called that are not among ours: dns.example.com, doh2.example.org, xbox-dns.example.
_CALLED = re.compile(r"(?:^|[.-])(?:dns|doh|dot|doq)[0-9]{0,2}(?=[.-])", re.ASCII)
# Beside those of the device-needs pack: the ones of Android's probes that serve people too, and RFC 7050's.
_PROBED = frozenset({"www.google.com", "play.googleapis.com", "ipv4only.arpa"})
_ENCRYPTED = {Proto.TLS: "dot", Proto.QUIC: "doq"}


class Sign(NamedTuple):
    """One refusal of a way that is worth a card, once there is enough of it."""

    way: Way
    host: str  # of the resolver; empty where nothing names one
    proto: str
    strong: bool = True  # one is enough
    address: bytes = b""


def sign_of(seen: Observation, decision: Decision, rules: Rules, world: World) -> Sign | None:
    """None: it says nothing about a setting, or the way is open in this profile."""
    if decision.verdict is not Verdict.BLOCK:
        return None
    way = _ATTEMPTS.get(decision.reason)
    if way is not None:
        if not blocks_bypass(rules, way) or seen.proto in _UNASKED:
            return None
        # A relay's address may have other things on it: one call says little.
        return Sign(way, "", seen.proto, way is not Way.TOR, seen.dst)
    if not blocks_bypass(rules, Way.ENCRYPTED_DNS):
        return None
    if decision.reason is Reason.ENCRYPTED_DNS:
        return _encrypted(seen, world)
    if decision.reason in _BY_NAME and _is_resolver(seen.host or "", decision, world):
        return _encrypted(seen, world) if _is_dot(seen) else _weak(seen)
    return None


def _encrypted(seen: Observation, world: World) -> Sign | None:
    """A resolver that is called. One on another port than 53 is no setting of any menu."""
    if seen.proto is Proto.DNS:
        return None
    if _is_dot(seen):
        # Without a name it is a phone in Automatic mode that looks whether its own resolver can do it.
        return Sign(Way.ENCRYPTED_DNS, seen.host, _ENCRYPTED.get(seen.proto, "dot")) if seen.host else None
    known = world.resolvers.at(seen.dst) is not None
    named = seen.host is not None and world.resolvers.names.get(seen.host) is not None
    return _weak(seen) if known or named else None


def _is_dot(seen: Observation) -> bool:
    spoken = seen.dport == DOT_DOQ_PORT or not DNS_ALPNS.isdisjoint(seen.alpn)
    return spoken and seen.proto is not Proto.DNS


def _weak(seen: Observation) -> Sign:
    """A page, an app that looks something up, Chrome on its own: several of these are a sign."""
    proto = "dns" if seen.proto is Proto.DNS else "doh"
    return Sign(Way.ENCRYPTED_DNS, seen.host or "", proto, False, seen.dst)


def _is_resolver(host: str, decision: Decision, world: World) -> bool:
    if world.resolvers.names.get(host) is not None:
        return True
    by_kind = decision.reason in _BY_LIST or (decision.reason is Reason.CATEGORY and PROXY in decision.rule)
    return by_kind and _CALLED.search(host) is not None


def is_probe(host: str, world: World) -> bool:
    """Whether a phone with a resolver of its own asks for it in the clear all the same."""
    return host in _PROBED or world.needs.get(host) == PROBES
