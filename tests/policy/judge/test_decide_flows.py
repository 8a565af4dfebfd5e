"""Searches, flows without a name, encrypted DNS and other protocols, decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.policy.config.web import Https
from gateway.policy.time.standing import PLAIN, Situation
from gateway.policy.values import Fault, Observation, Proto, Reason, Verdict
from tests.policy.decided import (
    CHILD,
    DAY,
    HELP_ADDRESS,
    JUDGE,
    NIGHT,
    OTHER_ADDRESS,
    PAUSED,
    QUARANTINED,
    verdict,
)
from tests.policy.homes import (
    a_judge,
    asks,
    connects,
    product,
    the_world,
)

# 9. Safe search.


def test_a_search_host_is_answered_with_its_safe_name() -> None:
    for qtype in (1, 28, 65):
        decision = JUDGE.decide(asks("www.google.com", qtype), PLAIN, DAY)
        assert (decision.verdict, decision.rewrite) == (Verdict.REWRITE, "forcesafesearch.google.com")


@pytest.mark.parametrize("proto", [Proto.TLS, Proto.QUIC, Proto.HTTP])
@pytest.mark.parametrize(
    ("host", "known_as"),
    [("www.google.com", "forcesafesearch.google.com"), ("ya.ru", "ya.ru")],  # answered in place: by the host
)
def test_a_connection_to_a_search_host_needs_its_safe_address(proto: Proto, host: str, known_as: str) -> None:
    world = replace(the_world(), safe_address=lambda name, dst: (name, dst) == (known_as, b"safe"))
    judge = a_judge(CHILD, world)
    safe = judge.decide(connects(host, b"safe", proto), PLAIN, DAY)
    assert (safe.verdict, safe.reason) == (Verdict.ALLOW, Reason.SAFE_SEARCH)
    assert "internet" in safe.gates
    unsafe = judge.decide(connects(host, b"else", proto), PLAIN, DAY)
    assert (unsafe.verdict, unsafe.reason) == (Verdict.BLOCK, Reason.SAFE_SEARCH_ADDRESS)


# What names no host, or hides it.


@pytest.mark.parametrize(
    "fault", [Fault.MALFORMED, Fault.FRAGMENT, Fault.OVERFLOW, Fault.BAD_NAME, Fault.ECH]
)
@pytest.mark.parametrize("band", ["0-5", "10-12", "16-17"])
@pytest.mark.parametrize("host", [None, "www.example.org", "captive.apple.com"])
def test_faults_that_are_always_refused(fault: Fault, band: str, host: str | None) -> None:
    seen = connects(host)._replace(fault=fault)
    known = Situation(addresses={seen.dst})
    assert verdict(seen, known, judge=a_judge(f"band: {band}")) == ("block", fault.value)


def test_a_hello_with_ech_to_a_bare_address_hides_nothing() -> None:
    """Chromium's GREASE goes to https://192.0.2.1 as well."""
    seen = connects(None)._replace(fault=Fault.ECH)
    assert verdict(seen, judge=a_judge("band: 10-12")) == ("allow", "open")
    assert verdict(seen, judge=a_judge("band: 6-9")) == ("block", "no_name")
    assert verdict(seen, Situation(addresses={seen.dst}), judge=a_judge("band: 10-12")) == ("block", "ech")


def test_an_adults_faults_are_their_own() -> None:
    for fault in Fault:
        seen = connects(None)._replace(fault=fault)
        assert verdict(seen, judge=a_judge("band: adult")) == ("allow", "unfiltered")


@pytest.mark.parametrize(
    ("text", "passes", "passes_known"),
    [
        ("band: 10-12", True, True),
        ("band: 16-17", True, True),
        ("{band: 10-12, strict: true}", False, True),
        ("{band: 10-12, mode: allow-list}", False, True),
        ("band: 6-9", False, True),
        ("band: 0-5", False, True),
        ("{band: 6-9, strict: false}", True, True),
        ("{band: 0-5, strict: false}", False, True),
    ],
)
@pytest.mark.parametrize(
    "seen",
    [
        connects(None)._replace(fault=Fault.NO_NAME),
        connects(None, proto=Proto.UDP)._replace(fault=Fault.UNANSWERED),
        connects(None, proto=Proto.TCP)._replace(fault=Fault.UNANSWERED),
        connects(None, proto=Proto.TCP),
        connects(None, proto=Proto.UDP),
    ],
)
def test_flows_without_a_name(text: str, passes: bool, passes_known: bool, seen: Observation) -> None:
    judge = a_judge(text)
    if seen.proto is Proto.TCP and seen.fault is Fault.UNANSWERED:
        passes_known = passes
    reason = "unanswered" if seen.fault is Fault.UNANSWERED else "no_name"
    assert verdict(seen, judge=judge) == (("allow", "open") if passes else ("block", reason))
    known = Situation(addresses={seen.dst})
    assert (verdict(seen, known, judge=judge)[0] == "allow") is passes_known
    assert verdict(seen, known, at=NIGHT, judge=judge)[0] == ("block" if "16-17" not in text else "allow")


@pytest.mark.parametrize("text", ["band: 16-17", "{band: 13-15, strict: false}", "band: 0-5"])
def test_quic_in_a_version_that_cannot_be_read_is_refused(text: str) -> None:
    """Some apps have one of their own; the names that they reach would go unread."""
    seen = connects(None, proto=Proto.QUIC)._replace(fault=Fault.VERSION)
    assert verdict(seen, judge=a_judge(text)) == ("block", "no_name")


def test_who_refuses_a_flow_without_a_name() -> None:
    decision = a_judge("band: 0-5").decide(connects(None), PLAIN, DAY)
    assert (decision.rule, decision.owner) == ("band 0-5: strict = true", "band:0-5")
    decision = a_judge("{band: 10-12, mode: allow-list}").decide(connects(None), PLAIN, DAY)
    assert (decision.rule, decision.owner) == ("mode = allow-list", "family")


@pytest.mark.parametrize("proto", [Proto.TLS, Proto.TCP, Proto.UDP, Proto.QUIC])
@pytest.mark.parametrize("host", [None, "dns.example", "captive.apple.com"])
def test_encrypted_dns_on_its_own_port_is_refused(proto: Proto, host: str | None) -> None:
    seen = connects(host, proto=proto)._replace(dport=853)
    for band in ("0-5", "16-17"):
        assert verdict(seen, Situation(addresses={seen.dst}), judge=a_judge(f"band: {band}")) == (
            "block",
            "encrypted_dns",
        )
    assert verdict(seen, judge=a_judge("band: adult")) == ("allow", "unfiltered")


def test_other_ip_protocols_are_refused() -> None:
    assert verdict(Observation(Proto.OTHER, None, OTHER_ADDRESS)) == ("block", "protocol")


def test_wifi_calling_is_help_at_the_carriers_addresses_alone() -> None:
    world = replace(the_world(), calling_address=lambda dst: dst == HELP_ADDRESS)
    judge = a_judge("band: 0-5", world)
    for port in (500, 4500):
        seen = Observation(Proto.UDP, None, HELP_ADDRESS, port)
        assert verdict(seen, PAUSED, NIGHT, judge) == ("allow", "help")
        assert verdict(seen._replace(dst=OTHER_ADDRESS), PAUSED, NIGHT, judge) == ("block", "paused")
        tunnel = seen._replace(proto=Proto.IPSEC)
        assert verdict(tunnel, PAUSED, NIGHT, judge) == ("allow", "help")
        assert verdict(tunnel._replace(dst=OTHER_ADDRESS), PAUSED, NIGHT, judge)[0] == "block"
    for proto in (Proto.OTHER, Proto.IPSEC):
        assert verdict(Observation(proto, None, HELP_ADDRESS), PAUSED, NIGHT, judge) == ("allow", "help")
    assert verdict(Observation(Proto.UDP, None, HELP_ADDRESS, 443), PAUSED, NIGHT, judge) == (
        "block",
        "paused",
    )


# The gateway's own name, signals, names of the home.


def test_the_pages_name_is_answered_always() -> None:
    for situation in (PLAIN, PAUSED, QUARANTINED):
        assert verdict(asks("qalqan.home.arpa"), situation, NIGHT) == ("allow", "gateway")
    assert verdict(asks("qalqan.home.arpa"), judge=a_judge("band: adult")) == ("allow", "gateway")


def test_a_trusted_name_of_the_pages_is_answered_as_their_own_is() -> None:
    https = Https("k7q2m9x4.gw.isp.test", "/chain.pem", "/key.pem")
    world = replace(the_world(), gateway_names=product().world((), https).gateway_names)
    for situation in (PLAIN, PAUSED, QUARANTINED):
        for band in ("0-5", "10-12", "adult"):
            judge = a_judge(f"band: {band}", world)
            assert verdict(asks(https.name), situation, NIGHT, judge=judge) == ("allow", "gateway")
            assert verdict(asks("qalqan.home.arpa"), situation, NIGHT, judge=judge) == ("allow", "gateway")
    toddler = a_judge("band: 0-5", world)
    assert verdict(connects(https.name), judge=toddler) == ("block", "no_name"), "it opens no way outside"
    assert verdict(asks(f"_acme-challenge.{https.name}"), judge=toddler)[1] != "gateway"
    assert verdict(asks("k7q2m9x4.gw.isp.test"), judge=a_judge("band: 0-5"))[1] != "gateway"


@pytest.mark.parametrize("host", ["qalqan.home.arpa", "printer.lan", "4.3.2.1.in-addr.arpa"])
def test_a_name_of_the_home_is_not_believed_of_a_connection(host: str) -> None:
    toddler = a_judge("band: 0-5")
    assert verdict(asks(host), judge=toddler)[0] == "allow"
    assert verdict(connects(host), judge=toddler) == ("block", "no_name")
    assert verdict(connects(host)) == ("allow", "open")


@pytest.mark.parametrize(
    "host", ["use-application-dns.net", "_dns.resolver.arpa", "mask.icloud.com", "mask-h2.icloud.com"]
)
def test_signals_to_browsers_and_phones(host: str) -> None:
    assert verdict(asks(host)) == ("block", "resolver_signal")
    assert verdict(asks(host), judge=a_judge("band: adult")) == ("allow", "unfiltered")


def test_known_resolvers_by_https_are_a_category() -> None:
    assert verdict(asks("dns.google"))[1] == "category"
    assert verdict(asks("cloudflare-dns.com"))[1] == "category"
