"""What a blocked flow reveals about the settings of a device.

Android (NetworkMonitor and DnsResolver, versions 9 to 15): in *Automatic* mode it tries port 853 of its
resolver without a server name, and queries in the clear if nothing answers. With a provider name set
(*strict*) it first queries that name in the clear, again after 1, 2, 4 … 600 seconds until there is an
answer. Then it calls port 853 with that name as SNI. All other queries fail meanwhile, except those of its
connectivity probes. A server name on port 853 is therefore a user's setting. A device that repeatedly
queries a resolver's name and nothing else very likely has such a setting too.
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

# Reasons that block a resolver's name itself, before any flow.
_BY_NAME = frozenset(
    {Reason.CATEGORY, Reason.FAMILY_BLOCK, Reason.NOT_ON_LIST, Reason.UNKNOWN_DOMAIN, Reason.NEW_DOMAIN}
)
_BY_LIST = frozenset({Reason.NOT_ON_LIST, Reason.UNKNOWN_DOMAIN})  # applies to any unknown name
_ATTEMPTS = {REASONS[way]: way for way in (Way.VPN, Way.TOR, Way.PROXY, Way.SSH)}
# Systems start Teredo, 6to4 and the like without the user, and stop without harm.
_UNASKED = frozenset({Proto.IP_IN_IP})
# Common names of resolvers that are not in the product's data: dns.example.com, doh2.example.org,
# xbox-dns.example.
_CALLED = re.compile(r"(?:^|[.-])(?:dns|doh|dot|doq)[0-9]{0,2}(?=[.-])", re.ASCII)
# Names in addition to the device-needs pack: Android's probes that users visit too, and the one of RFC 7050.
_PROBED = frozenset({"www.google.com", "play.googleapis.com", "ipv4only.arpa"})
_ENCRYPTED = {Proto.TLS: "dot", Proto.QUIC: "doq"}


class BypassSign(NamedTuple):
    """One blocked use of a bypass method, which is worth a card once there are enough signs."""

    way: Way
    host: str  # of the resolver; empty if nothing names one
    proto: str
    strong: bool = True  # one is enough
    address: bytes = b""


def sign_of(seen: Observation, decision: Decision, rules: Rules, world: World) -> BypassSign | None:
    """Return the sign; None: it reveals no setting, or the profile allows the method."""
    if decision.verdict is not Verdict.BLOCK:
        return None
    way = _ATTEMPTS.get(decision.reason)
    if way is not None:
        if not blocks_bypass(rules, way) or seen.proto in _UNASKED:
            return None
        # A relay's address may serve other things too: one call proves little.
        return BypassSign(way, "", seen.proto, way is not Way.TOR, seen.dst)
    if not blocks_bypass(rules, Way.ENCRYPTED_DNS):
        return None
    if decision.reason is Reason.ENCRYPTED_DNS:
        return _encrypted(seen, world)
    if decision.reason in _BY_NAME and _is_resolver(seen.host or "", decision, world):
        return _encrypted(seen, world) if _is_dot(seen) else _weak(seen)
    return None


def _encrypted(seen: Observation, world: World) -> BypassSign | None:
    """Return the sign of a call to a resolver. A port other than 53 or 853 is no setting of any menu."""
    if seen.proto is Proto.DNS:
        return None
    if _is_dot(seen):
        # Without a name, it is a phone in Automatic mode that probes its own resolver.
        return (
            BypassSign(Way.ENCRYPTED_DNS, seen.host, _ENCRYPTED.get(seen.proto, "dot")) if seen.host else None
        )
    known = world.resolvers.at(seen.dst) is not None
    named = seen.host is not None and world.resolvers.names.get(seen.host) is not None
    return _weak(seen) if known or named else None


def _is_dot(seen: Observation) -> bool:
    spoken = seen.dport == DOT_DOQ_PORT or not DNS_ALPNS.isdisjoint(seen.alpn)
    return spoken and seen.proto is not Proto.DNS


def _weak(seen: Observation) -> BypassSign:
    """Return a weak sign: it may be a page, a look-up by an app, or Chrome. Only several of these count."""
    proto = "dns" if seen.proto is Proto.DNS else "doh"
    return BypassSign(Way.ENCRYPTED_DNS, seen.host or "", proto, False, seen.dst)


def _is_resolver(host: str, decision: Decision, world: World) -> bool:
    if world.resolvers.names.get(host) is not None:
        return True
    by_kind = decision.reason in _BY_LIST or (decision.reason is Reason.CATEGORY and PROXY in decision.rule)
    return by_kind and _CALLED.search(host) is not None


def is_probe(host: str, world: World) -> bool:
    """Return True if a phone with its own resolver queries this name in the clear anyway."""
    return host in _PROBED or world.needs.get(host) == PROBES
