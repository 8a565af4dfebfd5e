"""Signs of bypass methods: what a blocked flow reveals, and when it is enough for a card."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from gateway.policy.alerts.cards import CardTopic
from gateway.policy.alerts.signs import (
    BACK_WITHIN,
    FORGOTTEN,
    MAX_HOSTS,
    NAMES,
    QUIET,
    RELAYS_WITHIN,
    BypassFinding,
    BypassSign,
    Traces,
    is_probe,
    sign_of,
)  # fmt: skip
from gateway.policy.judge.decide import Judge
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.time.time_rules import PLAIN
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
    assert dot == BypassSign(BypassMethod.ENCRYPTED_DNS, host, "dot")
    doq = sign(Observation(Proto.QUIC, host, address, 853, alpn=("doq",)), judge)
    assert doq == BypassSign(BypassMethod.ENCRYPTED_DNS, host, "doq")


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
        Observation(Proto.TEREDO, None, OTHER, 3544),  # its solicitation, which Windows sends unasked
        Observation(Proto.IP_IN_IP, None, OTHER, 3544),  # through a relay of Teredo
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
    assert (found.way, found.host, found.proto, found.strong) == (
        BypassMethod.ENCRYPTED_DNS,
        host,
        "dns",
        False,
    )


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
    assert (found.way, found.proto, found.strong) == (BypassMethod.ENCRYPTED_DNS, "doh", False)


@pytest.mark.parametrize(
    ("proto", "way"),
    [
        (Proto.WIREGUARD, BypassMethod.VPN),
        (Proto.OPENVPN, BypassMethod.VPN),
        (Proto.IPSEC, BypassMethod.VPN),
        (Proto.SSH, BypassMethod.SSH),
        (Proto.SOCKS, BypassMethod.PROXY),
        (Proto.PROXY, BypassMethod.PROXY),
    ],
)
def test_tunnels_are_told_by_their_first_bytes(proto: Proto, way: BypassMethod) -> None:
    found = sign(Observation(proto, None, OTHER, 51820))
    assert found == BypassSign(way, "", proto, True, OTHER)


def test_a_relay_of_tor_may_have_other_things_on_it() -> None:
    assert sign(Observation(Proto.TLS, "www.random.example", RELAY, 9001)) == BypassSign(
        BypassMethod.TOR, "", "tls", False, RELAY
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


HOST = "dns.adguard.com"
WEAK = BypassSign(BypassMethod.ENCRYPTED_DNS, HOST, "dns", False)
STRONG = BypassSign(BypassMethod.ENCRYPTED_DNS, HOST, "dot")
VPN = BypassSign(BypassMethod.VPN, "", "wireguard")
LIKELY, CERTAIN = BypassFinding(CardTopic.PRIVATE_DNS, False), BypassFinding(CardTopic.PRIVATE_DNS, True)
IN_AN_APP = BypassFinding(CardTopic.APP_DNS, False)

# Android's NetworkMonitor: 1, 2, 4 … seconds, ten minutes at most.
STRICT = [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1111, 1711]


def told(traces: Traces, *times: float, sign: BypassSign = WEAK) -> list[BypassFinding | None]:
    """Of a question for A and for AAAA at each of these times."""
    return [traces.sign(sign, at + more) for at in times for more in (0.0, 0.01)]


def others(traces: Traces, at: float, number: int = NAMES) -> frozenset[BypassMethod]:
    found: frozenset[BypassMethod] = frozenset()
    for each in range(number):
        found |= traces.asked(f"site{each}.example", at, allowed=True)
    return found


def test_a_phone_in_strict_mode_is_told_within_half_a_minute() -> None:
    findings = told(Traces(), *STRICT)
    assert findings[:10] == [None] * 10
    assert findings[10] == LIKELY
    assert all(one == LIKELY for one in findings[10::2])


def test_an_app_that_looks_up_a_resolver_beside_all_else_is_nothing() -> None:
    traces = Traces()
    for at in (0, 1, 2, 10, 20, 40):
        assert told(traces, at) == [None, None]
        traces.asked("chat.example", at + 0.5, allowed=True)


def test_what_is_asked_for_thrice_while_the_phone_sleeps_is_nothing() -> None:
    assert told(Traces(), 0, 2, 6) == [None] * 6
    traces = Traces()
    assert all(one is None for at in range(0, 36_000, 3600) for one in told(traces, at, at + 1, at + 3))


def test_refused_questions_for_other_names_are_others_too() -> None:
    traces = Traces()
    for at in STRICT[:6]:
        assert told(traces, at) == [None, None]
        traces.asked("casino.example", at + 0.5, allowed=False)


def test_a_browser_that_asks_with_each_page_beside_all_else() -> None:
    traces, found = Traces(), []
    for at in range(0, 300, 20):
        found += told(traces, at)
        traces.asked("push.example", at + 1, allowed=True)
    assert found[:14] == [None] * 14
    assert IN_AN_APP in found
    assert LIKELY not in found


def test_a_name_on_port_853_is_enough_once() -> None:
    assert Traces().sign(STRONG, 0.0) == CERTAIN


def test_a_device_that_asks_in_the_clear_beside_it_has_it_in_an_app() -> None:
    traces = Traces()
    assert traces.sign(STRONG, 0.0) == CERTAIN
    others(traces, 5.0)
    assert traces.sign(STRONG, 10.0) == BypassFinding(CardTopic.APP_DNS, True)


def test_a_setting_that_is_made_again_and_an_app_that_tries_now_and_then() -> None:
    traces = Traces()
    for hour in (0, 1):
        assert traces.sign(STRONG, hour * 3600.0) == CERTAIN
        assert others(traces, hour * 3600 + QUIET) == {BypassMethod.ENCRYPTED_DNS}
    assert traces.sign(STRONG, 7200.0) == BypassFinding(CardTopic.APP_DNS, True)
    assert others(traces, 7200 + QUIET) == {BypassMethod.ENCRYPTED_DNS}
    assert traces.sign(STRONG, 7200 + QUIET + BACK_WITHIN + 1) == CERTAIN, "another day"


@pytest.mark.parametrize("sign", [STRONG, VPN])
def test_a_device_that_asks_for_other_names_and_is_quiet_does_without(sign: BypassSign) -> None:
    traces = Traces()
    traces.sign(sign, 0.0)
    assert others(traces, 1.0) == frozenset(), "too soon"
    assert traces.asked("site0.example", QUIET - 1, allowed=True) == frozenset()
    assert traces.asked("site0.example", QUIET, allowed=True) == {sign.way}
    assert traces.asked("site0.example", QUIET, allowed=True) == frozenset(), "told once"
    traces.sign(sign, QUIET + 1)
    assert others(traces, QUIET + 2) == frozenset(), "again from the start"


def test_what_says_nothing_of_doing_without() -> None:
    traces = Traces()
    traces.sign(STRONG, 0.0)
    for each in range(10):
        assert traces.asked(HOST, QUIET + each, allowed=True) == frozenset(), "its own resolver"
        assert traces.asked(f"s{each}.example", QUIET + each, allowed=False) == frozenset(), "refused"
        assert traces.asked("one.example", QUIET + each, allowed=True) == frozenset(), "one name alone"


def test_an_app_that_looks_a_resolver_up_does_not_keep_a_mended_phone_s_card() -> None:
    traces = Traces()
    traces.sign(STRONG, 0.0)
    for at in range(30, int(QUIET), 30):
        assert (
            traces.sign(BypassSign(BypassMethod.ENCRYPTED_DNS, f"dns{at}.google", "dns", False), at) is None
        )
        others(traces, at + 1)
    assert others(traces, QUIET) == {BypassMethod.ENCRYPTED_DNS}


def test_what_was_told_before_a_restart_ends_as_well() -> None:
    traces = Traces()
    traces.resume(BypassMethod.ENCRYPTED_DNS, HOST, 0.0)
    assert traces.asked(HOST, QUIET, allowed=True) == frozenset()
    assert others(traces, QUIET) == {BypassMethod.ENCRYPTED_DNS}


def test_tor_is_three_relays_within_ten_minutes() -> None:
    def relay(number: int) -> BypassSign:
        return BypassSign(BypassMethod.TOR, "", "tls", False, bytes([192, 0, 2, number]))

    traces = Traces()
    assert [traces.sign(relay(1), float(at)) for at in range(20)] == [None] * 20
    assert traces.sign(relay(2), 20.0) is None
    assert traces.sign(relay(3), 21.0) == BypassFinding(CardTopic.TOR, True)
    slow = Traces()
    assert [slow.sign(relay(one), one * RELAYS_WITHIN) for one in range(1, 9)] == [None] * 8


def test_a_clock_that_is_put_back_begins_anew() -> None:
    traces = Traces()
    told(traces, *(10_000 + at for at in STRICT[:5]))
    assert told(traces, *STRICT[:5]) == [None] * 10
    assert traces.sign(WEAK, 31.0) == LIKELY
    traces.sign(STRONG, 10_000.0)
    others(traces, 0.0)
    assert others(traces, QUIET) == {BypassMethod.ENCRYPTED_DNS}


def test_old_signs_are_forgotten_and_many_names_find_no_room() -> None:
    traces = Traces()
    told(traces, *STRICT[:5])
    assert told(traces, 15 + FORGOTTEN + 1) == [None, None]
    for number in range(1000):
        traces.sign(
            BypassSign(BypassMethod.ENCRYPTED_DNS, f"dns{number}.example", "dns", False), 5000.0 + number
        )
    assert 1 < len(traces._asked) <= MAX_HOSTS
    assert 1 < len(traces._resolvers) <= MAX_HOSTS


def test_a_resolver_that_is_seen_again_is_not_dropped_before_older_ones() -> None:
    traces = Traces()
    hosts = [f"dns{number}.example" for number in range(MAX_HOSTS)]
    for host in (*hosts, hosts[0], "one-more.example"):
        traces.sign(BypassSign(BypassMethod.ENCRYPTED_DNS, host, "dot"), 0.0)
    assert list(traces._resolvers) == [*hosts[2:], hosts[0], "one-more.example"]
