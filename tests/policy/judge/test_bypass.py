"""Bypass methods: detection, switches, tunnels to allowed names, addresses, and what is cached."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.path.addresses import AnsweredNames, NameBook
from gateway.policy.judge import bypass as around
from gateway.policy.judge.decide import Judge
from gateway.policy.profile.bypass_methods import WAYS, BypassMethod
from gateway.policy.profile.profile import guest_profile
from gateway.policy.time.time_rules import PLAIN, Situation
from gateway.policy.values import ExplanationStep, Fault, Observation, Proto, Reason, Verdict
from tests.policy.around import (
    CHILD,
    DAY,
    KNOWN,
    LISTED,
    NIGHT,
    OTHER,
    RELAY,
    RESOLVER,
    WORLD,
    Gave,
    judge_of,
    told,
)
from tests.policy.homes import (
    CALENDAR,
    a_profile,
    asks,
    connects,
    product,
    used_up,
)

RESOLVER_6 = ip_address("2001:db8::7").packed
TUNNELS = [
    *(Observation(proto, None, OTHER, 51820) for proto in WAYS),
    Observation(Proto.DNS, None, OTHER, 5353),
    Observation(Proto.DNS, "example.org", OTHER, 54, qtype=1),
    Observation(Proto.TLS, "example.org", OTHER, 443, alpn=("h2", "dot")),
    Observation(Proto.QUIC, None, OTHER, 8853, alpn=("doq",)),
    Observation(Proto.TCP, None, OTHER, 853),
    Observation(Proto.TLS, "example.org", RESOLVER, 443),
    Observation(Proto.QUIC, "captive.apple.com", RESOLVER_6, 443),
    Observation(Proto.TLS, "www.wikipedia.org", KNOWN, 443),
    Observation(Proto.TLS, "www.random.example", RELAY, 9001),
    Observation(Proto.UDP, None, RESOLVER, 443),
]

RELAYS = ["mask.icloud.com", "mask-h2.icloud.com", "mask-api.icloud.com", "x.mask.apple-dns.net"]
HIDDEN = connects("cloudflare-ech.com")._replace(fault=Fault.ECH)
SCHOOL = Situation(resolved=Gave({"vpn.school.kz": [OTHER]}))
ALLOWS = judge_of("{band: 10-12, allow: [vpn.school.kz], limits: {internet: 2h}}")
_judges: dict[str, Judge] = {}
GIVEN = Situation(resolved=Gave({"www.wikipedia.org": [OTHER], "r1.googlevideo.com": [OTHER]}))
PROBE, PUPILS = "captive.apple.com", "www.khanacademy.org"
EVENING = judge_of("{band: 10-12, homework: [khanacademy.org], limits: {internet: 2h}}")


def way_of(seen: Observation) -> str:
    return next(iter(CHILD.decide(seen, PLAIN, DAY).rule.split("ways: ")[1:])).split(" =")[0]


@pytest.mark.parametrize("proto", list(WAYS))
def test_what_a_flow_speaks_is_its_way(proto: Proto) -> None:
    decision = CHILD.decide(Observation(proto, None, OTHER, 443), PLAIN, DAY)
    way = WAYS[proto]
    assert (decision.verdict, decision.reason) == (Verdict.BLOCK, Reason(way))
    assert (decision.rule, decision.owner) == (f"band 10-12: ways: {way} = block", "band:10-12")


@pytest.mark.parametrize("seen", TUNNELS)
def test_each_way_is_refused_open_or_bound_by_time(seen: Observation) -> None:
    """By its switch alone; once open it is judged as any other flow, and bedtime and pauses hold."""
    way = way_of(seen)
    open_way = judge_of(f"{{band: 10-12, ways: {{{way}: allow}}}}")
    refused = judge_of(f"{{band: adult, ways: {{{way}: block}}}}")
    assert told(seen, open_way)[0] == "allow"
    decision = refused.decide(seen, PLAIN, DAY)
    assert (decision.rule, decision.owner) == (f"ways: {way} = block", "family")
    for judge in (open_way, CHILD):
        if seen.host != "captive.apple.com":  # a probe: it keeps a phone on the Wi-Fi
            assert judge.decide(seen, Situation(paused_until=NIGHT), DAY).reason is Reason.PAUSED
            assert judge.decide(seen, PLAIN, NIGHT).reason is Reason.BEDTIME
    off = Situation(off_until=NIGHT)
    assert CHILD.decide(seen, off, DAY).reason is Reason.UNFILTERED


@pytest.mark.parametrize("band", ["0-5", "6-9", "10-12", "13-15", "16-17"])
@pytest.mark.parametrize("seen", TUNNELS)
def test_every_child_s_band_refuses_them(band: str, seen: Observation) -> None:
    judge = judge_of(f"band: {band}")
    refused = told(seen, judge)[0] == "block"
    assert refused is (seen.proto is not Proto.SSH or band in ("0-5", "6-9", "10-12"))


@pytest.mark.parametrize("seen", TUNNELS)
def test_adults_go_as_they_like(seen: Observation) -> None:
    assert told(seen, judge_of("band: adult")) == ("allow", "unfiltered")
    assert told(seen, judge_of("{band: adult, block: [example.com]}"))[0] == "allow"


def test_a_guest_has_a_vpn_and_no_other_way() -> None:
    guest = Judge(guest_profile([a_profile("band: 10-12")], product().bands), WORLD, CALENDAR)
    assert told(Observation(Proto.WIREGUARD, None, OTHER, 51820), guest) == ("allow", "open")
    assert told(Observation(Proto.SOCKS, None, OTHER, 1080), guest) == ("block", "proxy")
    assert told(connects("example.org", RELAY), guest) == ("block", "tor")


def test_a_tunnel_in_a_strict_band_needs_an_address_even_where_it_is_open() -> None:
    judge = judge_of("{band: 6-9, ways: {vpn: allow}}")
    seen = Observation(Proto.WIREGUARD, None, OTHER, 51820)
    assert told(seen, judge) == ("block", "no_name")
    assert told(seen, judge, Situation(addresses={OTHER})) == ("allow", "open")


# iCloud Private Relay.


@pytest.mark.parametrize("host", RELAYS)
def test_private_relay_by_its_names(host: str) -> None:
    for proto in (Proto.TLS, Proto.QUIC):
        assert told(connects(host, proto=proto)) == ("block", "relay")
    assert told(asks(host))[0] == "block"
    open_relay = judge_of("{band: 10-12, ways: {relay: allow}}")
    assert told(asks(host), open_relay) == ("allow", "open")
    assert told(connects(host), open_relay) == ("allow", "open")
    assert CHILD.decide(connects(host), PLAIN, NIGHT).reason is Reason.BEDTIME


@pytest.mark.parametrize("host", ["icloud.com", "mask.example", "unmask.icloud.com", "apple-dns.net"])
def test_names_beside_it(host: str) -> None:
    assert told(connects(host))[1] != "relay"


def test_the_canary_is_answered_where_encrypted_dns_is_open() -> None:
    assert told(asks("use-application-dns.net")) == ("block", "resolver_signal")
    assert told(asks("use-application-dns.net"), judge_of("{band: 10-12, ways: {encrypted_dns: allow}}")) == (
        "allow",
        "open",
    )


# Encrypted ClientHello.


def test_a_hidden_name_is_refused_or_judged_by_the_one_in_the_clear() -> None:
    decision = CHILD.decide(HIDDEN, PLAIN, DAY)
    assert (decision.reason, decision.rule) == (Reason.ECH, "band 10-12: ways: ech = block")
    shown = judge_of("{band: 10-12, ways: {ech: allow}, block: [tiktok.com]}")
    assert told(HIDDEN, shown) == ("allow", "open")
    assert told(HIDDEN._replace(host="www.tiktok.com"), shown) == ("block", "family_block")
    assert told(HIDDEN._replace(host=None), shown) == ("allow", "open")
    assert told(HIDDEN._replace(host=None), judge_of("{band: 6-9, ways: {ech: allow}}")) == (
        "block",
        "no_name",
    )


# What the family allows.


@pytest.mark.parametrize("proto", list(WAYS))
def test_a_tunnel_to_what_an_allowed_name_gave(proto: Proto) -> None:
    seen = Observation(proto, None, OTHER, 443)
    decision = ALLOWS.decide(seen, SCHOOL, DAY)
    assert (decision.verdict, decision.reason) == (Verdict.ALLOW, Reason.FAMILY_ALLOW)
    assert decision.rule == "allow: vpn.school.kz"
    assert "internet" in decision.gates
    assert told(seen._replace(dst=RESOLVER), ALLOWS, SCHOOL)[0] == "block"
    assert told(seen, ALLOWS)[0] == "block"
    assert told(seen, CHILD, SCHOOL)[0] == "block"
    for situation, at in ((SCHOOL, NIGHT), (replace(SCHOOL, paused_until=NIGHT), DAY)):
        assert ALLOWS.decide(seen, situation, at).verdict is Verdict.BLOCK
    used = replace(used_up("internet"), resolved=SCHOOL.resolved)
    assert ALLOWS.decide(seen, used, DAY).reason is Reason.OUT_OF_TIME


def test_a_tunnel_of_an_allowed_service() -> None:
    judge = judge_of('{band: 10-12, allow: ["service:nordvpn"]}')
    gave = Situation(resolved=Gave({"us1.nordvpn.com": [OTHER]}))
    seen = Observation(Proto.WIREGUARD, None, OTHER, 51820)
    assert told(seen, judge, gave) == ("allow", "family_allow")
    assert told(seen, judge_of('{band: 10-12, allow: ["category:proxy_vpn_doh"]}'), gave) == ("block", "vpn")
    blocked = judge_of('{band: 10-12, allow: ["service:nordvpn"], block: [us1.nordvpn.com]}')
    assert told(seen, blocked, gave) == ("block", "vpn")


TUNNEL = Observation(Proto.WIREGUARD, None, OTHER, 51820)
APPROVED = Situation(allowed=(("service:nordvpn", DAY + timedelta(hours=1)),))


def test_where_a_vpn_needs_approval_its_name_and_its_protocol_open_together() -> None:
    judge = judge_of('{band: 16-17, allow: ["service:nordvpn"]}')
    assert judge.decide(asks("api.nordvpn.com"), PLAIN, DAY).allowed
    assert told(TUNNEL, judge) == ("allow", "open")
    assert told(TUNNEL, judge_of("band: 16-17")) == ("block", "vpn")
    assert told(asks("api.nordvpn.com"), judge_of("band: 16-17"))[0] == "block"
    for refused in (
        '{band: 16-17, allow: ["service:nordvpn"], block: ["service:nordvpn"]}',
        '{band: 16-17, allow: ["service:nordvpn"], categories: {proxy_vpn_doh: block}}',
        '{band: 16-17, allow: ["service:tor"]}',
        '{band: 16-17, allow: ["service:encrypted-dns"]}',
        "{band: 16-17, allow: [nordvpn.com]}",
        '{band: 13-15, allow: ["service:nordvpn"]}',
    ):
        assert told(TUNNEL, judge_of(refused)) == ("block", "vpn"), refused


def test_an_approval_for_a_while_opens_both_until_it_ends() -> None:
    judge = judge_of("band: 16-17")
    assert told(asks("api.nordvpn.com"), judge, APPROVED)[0] == "allow"
    found = judge.decide(TUNNEL, APPROVED, DAY)
    assert (found.verdict, found.until) == (Verdict.ALLOW, DAY + timedelta(hours=1))
    assert judge.decide(TUNNEL, APPROVED, DAY + timedelta(hours=2)).reason is Reason.VPN
    assert told(Observation(Proto.SOCKS, None, OTHER, 1080), judge, APPROVED) == ("block", "proxy")
    assert told(connects("example.org", RELAY), judge, APPROVED) == ("block", "tor")
    assert told(TUNNEL, judge_of("band: 13-15"), APPROVED) == ("block", "vpn")
    paused = replace(APPROVED, paused_until=DAY + timedelta(hours=1))
    assert judge.decide(TUNNEL, paused, DAY).reason is Reason.PAUSED


def test_tor_opens_with_an_approved_tor_and_nothing_else() -> None:
    judge = judge_of('{band: 16-17, allow: ["service:tor"]}')
    assert told(connects("example.org", RELAY), judge)[0] == "allow"
    assert told(TUNNEL, judge) == ("block", "vpn")


def test_why_names_the_service_that_opens_a_tunnel() -> None:
    judge = judge_of('{band: 16-17, allow: ["service:nordvpn"]}')
    found = judge.decide(TUNNEL, PLAIN, DAY, explain=True)
    assert ExplanationStep("vpn of service:nordvpn", "speaks wireguard") in found.passed


def test_an_opened_site_opens_no_method() -> None:
    site = Situation(allowed=(("example.org", DAY + timedelta(hours=1)),))
    assert told(connects("example.org", RELAY), judge_of("band: 16-17"), site) == ("block", "tor")


def test_the_word_of_a_device_s_own_resolver_opens_no_tunnel() -> None:
    rumour = Situation(resolved=Gave({}, {"vpn.school.kz": [OTHER]}))
    assert told(Observation(Proto.WIREGUARD, None, OTHER, 51820), ALLOWS, rumour) == ("block", "vpn")


def test_an_allowed_tunnel_opens_no_other_name_at_its_address() -> None:
    listed = replace(SCHOOL, resolved=Gave({"vpn.school.kz": [RESOLVER]}))
    assert told(connects("vpn.school.kz", RESOLVER), ALLOWS, listed) == ("allow", "family_allow")
    assert told(connects("www.tiktok.com", RESOLVER), ALLOWS, listed) == ("block", "category")


def test_a_known_resolver_under_an_allowed_name_has_to_be_its_address() -> None:
    seen = connects("vpn.school.kz", RESOLVER)
    assert told(seen, ALLOWS) == ("allow", "family_allow")  # nobody keeps the answers
    assert told(seen, ALLOWS, SCHOOL) == ("block", "encrypted_dns")
    rumour = Situation(resolved=Gave({}, {"vpn.school.kz": [RESOLVER]}))
    assert told(seen, ALLOWS, rumour) == ("allow", "family_allow")


@pytest.mark.parametrize("address", [RESOLVER, RESOLVER_6, RELAY])
def test_a_site_of_its_own_on_a_listed_address(address: bytes) -> None:
    """A machine on a list has other sites, too: what the gateway's own resolver says is theirs."""
    for host, expected in (("example.org", "allow"), ("www.tiktok.com", "block")):
        given = Situation(resolved=Gave({host: [address]}))
        for proto in (Proto.TLS, Proto.QUIC, Proto.HTTP):
            assert told(connects(host, address, proto), situation=given)[0] == expected
            rumour = Situation(resolved=Gave({}, {host: [address]}))
            assert told(connects(host, address, proto), situation=rumour)[0] == "block"
    given = Situation(resolved=Gave({"example.org": [address]}))
    assert told(connects("www.example.com", address), situation=given)[0] == "block"
    assert told(Observation(Proto.TLS, None, address, 443), situation=given)[0] == "block"
    dot = Observation(Proto.TLS, "example.org", address, 443, alpn=("dot",))
    assert told(dot, situation=given) == ("block", "encrypted_dns")
    assert told(connects("example.org", address)._replace(dport=853), situation=given)[0] == "block"


@given(
    st.builds(
        Observation,
        proto=st.sampled_from(Proto),
        host=st.sampled_from([None, "example.org", "mask.icloud.com", "cloudflare-ech.com"]),
        dst=st.sampled_from([b"", OTHER, RESOLVER, RELAY, RESOLVER_6]),
        dport=st.sampled_from([0, 22, 53, 443, 853, 1080]),
        alpn=st.sampled_from([(), ("h2",), ("dot",), ("h2", "doq")]),
        fault=st.sampled_from([None, Fault.ECH, Fault.NO_NAME]),
    ),
    st.sets(st.sampled_from(BypassMethod)),
)
@settings(max_examples=300, deadline=None)
def test_no_reason_of_a_way_that_is_open(seen: Observation, opened: set[BypassMethod]) -> None:
    """Whatever is seen, a way is refused by its own switch, and what is open is never said to be refused."""
    key = ",".join(sorted(opened))
    judge = _judges.setdefault(key, _with_open(opened))
    first, again = (judge.decide(seen, PLAIN, DAY) for _ in range(2))
    assert first == again
    ways = {str(one) for one in BypassMethod}
    if str(first.reason) in ways:
        assert BypassMethod(str(first.reason)) not in opened
        assert first.rule == f"band 13-15: ways: {first.reason} = block" or "ssh" in first.rule


def _with_open(opened: set[BypassMethod]) -> Judge:
    chosen = {**dict.fromkeys((BypassMethod.SSH,), "block"), **dict.fromkeys(opened, "allow")}
    return judge_of(f"{{band: 13-15, ways: {{{', '.join(f'{way}: {one}' for way, one in chosen.items())}}}}}")


def test_no_name_has_a_public_resolvers_own_address() -> None:
    given = Situation(resolved=Gave({"example.org": [KNOWN]}))
    assert told(connects("example.org", KNOWN), situation=given) == ("block", "encrypted_dns")


def test_wifi_calling_stays_help() -> None:
    judge = judge_of("band: 6-9", replace(WORLD, calling_address=lambda dst: dst == OTHER))
    for seen in (
        Observation(Proto.IPSEC, None, OTHER, 4500),
        Observation(Proto.IPSEC, None, OTHER),
        Observation(Proto.UDP, None, OTHER, 500),
    ):
        assert told(seen, judge) == ("allow", "help")
        assert told(seen._replace(dst=b"\x0a\x00\x00\x09"), judge)[0] == "block"


# Addresses with their names.


@pytest.mark.parametrize(
    "text", ["band: 6-9", "{band: 10-12, strict: true}", "{band: 13-15, mode: allow-list}"]
)
@pytest.mark.parametrize("proto", [Proto.TLS, Proto.QUIC, Proto.HTTP])
def test_a_name_at_an_address_that_it_never_gave(text: str, proto: Proto) -> None:
    judge = judge_of(
        text.replace("}", ", allow: [www.wikipedia.org, www.example.org]}") if "{" in text else text
    )
    assert told(connects("www.wikipedia.org", OTHER, proto), judge, GIVEN)[0] == "allow"
    wrong = connects("www.wikipedia.org", b"\x0a\x00\x00\x09", proto)
    decision = judge.decide(wrong, GIVEN, DAY)
    assert (decision.verdict, decision.reason, decision.askable) == (Verdict.BLOCK, Reason.UNRESOLVED, False)
    assert decision.rule.endswith(("strict = true", "mode = allow-list"))
    assert judge.decide(wrong, GIVEN, NIGHT).reason in (Reason.BEDTIME, Reason.UNRESOLVED)
    assert told(asks("www.wikipedia.org"), judge, GIVEN)[0] == "allow"
    assert told(wrong, judge)[0] == "allow"  # nobody keeps the answers


def behind(address: bytes) -> bytes:
    """The address as NAT64 has it (RFC 6052 2.1)."""
    return bytes.fromhex("0064ff9b") + bytes(8) + address


@pytest.mark.parametrize("text", ["band: 6-9", "{band: 10-12, strict: true}"])
def test_a_name_at_its_address_behind_the_prefix_of_nat64(text: str) -> None:
    """A device with CLAT is told the one and calls the other. What is refused as an address stays refused."""
    book = NameBook()
    book.watch([1])
    judge, situation = judge_of(text), Situation(resolved=AnsweredNames(book, 1, lambda: 0.0))
    seen, host = connects("www.wikipedia.org", behind(OTHER)), "www.wikipedia.org"
    assert told(seen, judge, situation) == ("block", "unresolved")
    book.learn(1, host, [OTHER], 60, 0.0, vouched=True)
    assert told(seen, judge, situation)[0] == "allow"
    assert told(connects(host, behind(RELAY)), judge, situation)[0] == "block"
    book.forget(1)
    book.learn(1, host, [behind(OTHER)], 60, 0.0, vouched=True)
    assert told(connects(host, OTHER), judge, situation)[0] == "allow"
    book.learn(1, host, [KNOWN, behind(KNOWN)], 60, 0.0, vouched=True)
    book.learn(1, host, [RESOLVER, behind(RESOLVER)], 60, 0.0, vouched=False)
    for address in (KNOWN, RESOLVER):
        for called in (address, behind(address)):
            assert told(connects(host, called), judge, situation) == ("block", "encrypted_dns")


def test_what_is_refused_anyway_keeps_its_reason() -> None:
    toddler = judge_of("band: 6-9")
    assert told(connects("porn.example"), toddler, GIVEN) == ("block", "category")
    assert told(connects("nobody-knows.example"), toddler, GIVEN) == ("block", "unknown_domain")
    assert told(connects("virus.example"), toddler, GIVEN) == ("block", "refused_for_everyone")
    assert toddler.decide(connects("www.wikipedia.org"), GIVEN, NIGHT).reason is Reason.BEDTIME


def test_a_search_host_is_held_against_its_safe_address_alone() -> None:
    world = replace(WORLD, safe_address=lambda _name, dst: dst == OTHER)
    judge = judge_of("band: 6-9", world)
    empty = Situation(resolved=Gave({}))
    assert told(connects("www.google.com", OTHER), judge, empty)[0] == "allow"
    assert told(connects("www.google.com", RELAY[:3] + b"\x63"), judge, empty) == (
        "block",
        "safe_search_address",
    )


def test_help_needs_no_answer_of_the_device() -> None:
    world = replace(WORLD, help_address=lambda _host, dst: dst == OTHER)
    assert told(
        connects("childline.org.uk", OTHER), judge_of("band: 6-9", world), Situation(resolved=Gave({}))
    ) == (
        "allow",
        "help",
    )


@pytest.mark.parametrize("text", ["band: 10-12", "band: 13-15", "{band: 6-9, strict: false}"])
def test_bands_that_are_not_strict_do_not_ask(text: str) -> None:
    assert told(connects("www.wikipedia.org"), judge_of(text), Situation(resolved=Gave({})))[0] == "allow"


# Names that are open when all else is shut.


@pytest.mark.parametrize("proto", [Proto.TLS, Proto.QUIC, Proto.HTTP])
@pytest.mark.parametrize(
    ("host", "shut", "at", "free"),
    [
        (PROBE, PLAIN, NIGHT, "device_needs"),
        (PROBE, used_up("internet"), DAY, "device_needs"),
        (PUPILS, used_up("internet"), DAY, "homework"),
    ],
)
def test_a_name_that_is_open_when_all_else_is_shut_counts_at_its_own_address(
    proto: Proto, host: str, shut: Situation, at: datetime, free: str
) -> None:
    """Tunnels are set up with any name in their hello, and a device's probes are open all night."""
    own = replace(shut, resolved=Gave({}, {host: [OTHER]}))
    passes = EVENING.decide(connects(host, OTHER, proto), own, at)
    assert (passes.verdict, passes.reason) == (Verdict.ALLOW, free)
    elsewhere = EVENING.decide(connects(host, RELAY[:3] + b"\x63", proto), own, at)
    assert (elsewhere.verdict, elsewhere.reason) == (Verdict.BLOCK, Reason.UNRESOLVED)
    assert EVENING.decide(asks(host), own, at).verdict is Verdict.ALLOW
    unwatched = EVENING.decide(connects(host, OTHER, proto), shut, at)
    assert unwatched.reason == free


@pytest.mark.parametrize("host", [PROBE, PUPILS])
def test_while_all_is_open_it_passes_and_has_every_gate(host: str) -> None:
    """So what begins under such a name by day ends at bedtime, and spends the day's minutes."""
    own = Situation(resolved=Gave({host: [OTHER]}))
    here = EVENING.decide(connects(host, OTHER), own, DAY)
    there = EVENING.decide(connects(host, b"\x0a\x00\x00\x09"), own, DAY)
    assert here.verdict is there.verdict is Verdict.ALLOW
    assert here.reason is there.reason
    assert {"device", "bedtime", "internet"} <= there.gates
    assert not {"device", "bedtime", "internet"} <= here.gates
    paused = replace(own, paused_until=NIGHT)
    assert EVENING.decide(connects(host, b"\x0a\x00\x00\x09"), paused, DAY).reason is Reason.PAUSED


def test_where_encrypted_answers_may_pass_nobody_knows_whose_an_address_is() -> None:
    judge = judge_of("{band: 10-12, ways: {encrypted_dns: allow}}")
    decision = judge.decide(connects(PROBE, OTHER), Situation(resolved=Gave({})), NIGHT)
    assert (decision.verdict, decision.reason) == (Verdict.ALLOW, Reason.DEVICE_NEEDS)


# What is kept.


class Counting:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def categories(self, host: str) -> frozenset[str]:
        self.asked.append(host)
        return frozenset(LISTED.get(host, ()))

    entry = categories


def test_an_address_is_looked_up_once() -> None:
    counting = Counting()
    judge = judge_of("band: 13-15", replace(WORLD, table=counting))
    for number in range(20):
        for host in ("www.wikipedia.org", "example.org", None):
            assert told(connects(host, OTHER), judge)[0] == "allow"
            judge.decide(asks("www.wikipedia.org"), PLAIN, DAY + timedelta(seconds=number))
    assert counting.asked.count("198.51.100.7") == 1


def test_what_is_kept_of_a_flow_says_nothing_of_its_name() -> None:
    judge = judge_of("band: 13-15")
    seen = connects("mask.icloud.com", OTHER)._replace(fault=Fault.NO_NAME, alpn=("h2",))
    for _ in range(2):
        assert told(connects("example.org", OTHER), judge)[0] == "allow"
        assert told(seen, judge) == ("block", "relay")


def test_long_lists_of_protocols_are_not_kept() -> None:
    judge = judge_of("band: 13-15")
    for number in range(100):
        offered = tuple(f"{number}-{one}" for one in range(around.LONGEST_ALPN + 1))
        assert told(connects("example.org", OTHER)._replace(alpn=offered), judge)[0] == "allow"
        dot = connects("example.org", OTHER)._replace(alpn=(*offered, "dot"))
        assert told(dot, judge) == ("block", "encrypted_dns")
    assert len(judge._plain_alpns) <= 1


def test_kept_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(around, "ADDRESSES_KEPT", 10)
    judge = judge_of("band: 13-15")
    for number in range(100):
        told(connects("www.wikipedia.org", bytes([198, 51, 100, number])), judge)
        assert told(connects("www.wikipedia.org", RESOLVER), judge) == ("block", "encrypted_dns")
    assert len(judge._plain_addresses) <= 10
