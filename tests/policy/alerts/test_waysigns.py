"""Which refusals say something about a device's settings, decided by real judges of real bands."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from gateway.policy.alerts.signs import BypassSign, is_probe, sign_of
from gateway.policy.judge.decide import Judge
from gateway.policy.profile.bypass_methods import Way
from gateway.policy.time.standing import PLAIN
from gateway.policy.values import Fault, Observation, Proto
from tests.policy.around import Gave
from tests.policy.homes import TABLE, a_judge, almaty, table, the_world

DAY, NIGHT = almaty("2026-11-24T12:00"), almaty("2026-11-24T23:00")
OTHER, RELAY = ip_address("198.51.100.7").packed, ip_address("192.0.2.9").packed
GOOGLE, GOOGLE_6 = ip_address("8.8.8.8").packed, ip_address("2001:4860:4860::8888").packed
LISTED = {
    "192.0.2.9": {"tor"},
    "xbox-dns.example": {"proxy_vpn_doh"},
    "doh2.example.net": {"proxy_vpn_doh"},
    "dnsleaktest.example": {"proxy_vpn_doh"},
}
WORLD = replace(the_world(), table=table({**TABLE, **LISTED}))
CHILD = a_judge("band: 10-12", WORLD)
SMALL = a_judge("band: 0-5", WORLD)
OPEN = a_judge(
    "{band: 10-12, ways: {encrypted_dns: allow, vpn: allow, tor: allow, proxy: allow, ssh: allow}}", WORLD
)


def asks(host: str) -> Observation:
    return Observation(Proto.DNS, host, bytes([192, 168, 1, 1]), 53, qtype=1)


def sign(seen: Observation, judge: Judge = CHILD) -> BypassSign | None:
    return sign_of(seen, judge.decide(seen, PLAIN, DAY), judge.profile.rules, WORLD)


@pytest.mark.parametrize("address", [GOOGLE, GOOGLE_6, OTHER])
@pytest.mark.parametrize("host", ["dns.adguard.com", "dns.of-my-own.example"])
@pytest.mark.parametrize("judge", [CHILD, SMALL], ids=["10-12", "0-5"])
def test_a_name_on_port_853_is_somebody_s_setting(judge: Judge, host: str, address: bytes) -> None:
    dot = sign(Observation(Proto.TLS, host, address, 853, alpn=("dot",)), judge)
    assert dot == BypassSign(Way.ENCRYPTED_DNS, host, "dot")
    doq = sign(Observation(Proto.QUIC, host, address, 853, alpn=("doq",)), judge)
    assert doq == BypassSign(Way.ENCRYPTED_DNS, host, "doq")


@pytest.mark.parametrize(
    "seen",
    [
        Observation(Proto.TLS, None, GOOGLE, 853, fault=Fault.NO_NAME),  # the resolver that it was given
        Observation(Proto.TLS, None, OTHER, 853, fault=Fault.NO_NAME, alpn=("dot",)),
        Observation(Proto.TCP, None, GOOGLE, 853),
        Observation(Proto.QUIC, None, GOOGLE, 853, fault=Fault.NO_NAME),
    ],
)
def test_a_phone_in_automatic_mode_tries_port_853_without_a_name(seen: Observation) -> None:
    assert not CHILD.decide(seen, PLAIN, DAY).allowed
    assert sign(seen) is None


@pytest.mark.parametrize(
    "seen",
    [
        Observation(Proto.TLS, "mask.icloud.com", OTHER, 443),  # Private Relay: the device does without
        Observation(Proto.QUIC, "mask-h2.icloud.com", OTHER, 443),
        Observation(Proto.TLS, "cloudflare-ech.com", OTHER, 443, fault=Fault.ECH),
        Observation(Proto.IP_IN_IP, None, OTHER, 3544),  # Teredo, which Windows begins by itself
        Observation(Proto.DNS, "example.org", OTHER, 5353, qtype=1),  # in no menu
        asks("use-application-dns.net"),
        asks("_dns.resolver.arpa"),
        asks("casino.example"),
        asks("tunnel.example"),  # a provider's page
        asks("dnsleaktest.example"),
        asks("www.example.org"),
        Observation(Proto.TLS, "www.example.org", OTHER, 443),
    ],
)
def test_what_gives_way_by_itself_or_is_no_setting(seen: Observation) -> None:
    assert sign(seen) is None


@pytest.mark.parametrize(
    ("host", "judge"),
    [
        ("dns.adguard.com", CHILD),
        ("abcd12.dns.nextdns.io", CHILD),
        ("xbox-dns.example", CHILD),
        ("doh2.example.net", CHILD),
        ("dns.adguard.com", SMALL),
        ("dns.of-my-own.example", SMALL),  # as each name that is not on the list
        ("dns.adguard.com", a_judge("{band: 10-12, block: [dns.adguard.com]}", WORLD)),
    ],
)
def test_a_question_for_a_resolver_is_a_weak_sign(host: str, judge: Judge) -> None:
    assert not judge.decide(asks(host), PLAIN, DAY).allowed
    found = sign(asks(host), judge)
    assert found is not None
    assert (found.way, found.host, found.proto, found.strong) == (Way.ENCRYPTED_DNS, host, "dns", False)


@pytest.mark.parametrize(
    "seen",
    [
        Observation(Proto.TLS, "dns.google", OTHER, 443),
        Observation(Proto.QUIC, "dns.google", GOOGLE, 443),
        Observation(Proto.TLS, "www.example.org", GOOGLE, 443),
        Observation(Proto.TLS, None, GOOGLE_6, 443, fault=Fault.NO_NAME),
    ],
)
def test_a_resolver_that_is_called_over_https_is_a_weak_sign(seen: Observation) -> None:
    """Chrome does it by itself where it was given a resolver that it knows."""
    found = sign(seen)
    assert found is not None
    assert (found.way, found.proto, found.strong) == (Way.ENCRYPTED_DNS, "doh", False)


@pytest.mark.parametrize(
    ("proto", "way"),
    [(Proto.WIREGUARD, Way.VPN), (Proto.OPENVPN, Way.VPN), (Proto.IPSEC, Way.VPN), (Proto.SSH, Way.SSH),
     (Proto.SOCKS, Way.PROXY), (Proto.PROXY, Way.PROXY)],
)  # fmt: skip
def test_tunnels_are_told_by_their_first_bytes(proto: Proto, way: Way) -> None:
    found = sign(Observation(proto, None, OTHER, 51820))
    assert found == BypassSign(way, "", proto, True, OTHER)


def test_a_relay_of_tor_may_have_other_things_on_it() -> None:
    assert sign(Observation(Proto.TLS, "www.random.example", RELAY, 9001)) == BypassSign(
        Way.TOR, "", "tls", False, RELAY
    )


@pytest.mark.parametrize(
    "seen",
    [
        Observation(Proto.TLS, "dns.adguard.com", OTHER, 853),
        asks("dns.adguard.com"),
        Observation(Proto.TLS, "dns.google", GOOGLE, 443),
        *(Observation(proto, None, OTHER, 7) for proto in (Proto.WIREGUARD, Proto.SSH, Proto.SOCKS)),
        Observation(Proto.TLS, "www.random.example", RELAY, 9001),
    ],
)
def test_a_way_that_the_profile_leaves_open_is_none(seen: Observation) -> None:
    assert sign(seen) is not None
    assert sign(seen, OPEN) is None


def test_a_tunnel_that_a_managed_device_may_have_is_none() -> None:
    """`managed` is an entry of `allow`; what passes says nothing."""
    judge = a_judge("{band: 10-12, allow: [vpn.school.kz]}", WORLD)
    seen = Observation(Proto.WIREGUARD, None, OTHER, 51820)
    decision = judge.decide(seen, replace(PLAIN, resolved=Gave({"vpn.school.kz": [OTHER]})), DAY)
    assert decision.allowed
    assert sign_of(seen, decision, judge.profile.rules, WORLD) is None


def test_what_is_refused_for_the_hour_says_nothing_of_a_setting() -> None:
    seen = Observation(Proto.TLS, "dns.adguard.com", OTHER, 853)
    decision = a_judge("{band: 10-12, bedtime: '20:45-07:00'}", WORLD).decide(seen, PLAIN, NIGHT)
    assert not decision.allowed
    assert sign_of(seen, decision, CHILD.profile.rules, WORLD) is None


def test_the_probes_of_a_phone_are_asked_in_the_clear_whatever_is_set() -> None:
    probes = ("connectivitycheck.gstatic.com", "www.google.com", "play.googleapis.com", "captive.apple.com")
    assert all(is_probe(one, WORLD) for one in probes)
    assert not any(is_probe(one, WORLD) for one in ("mtalk.google.com", "time.android.com", "m.google.com"))
