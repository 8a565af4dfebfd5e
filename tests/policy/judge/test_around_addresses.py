"""Names and the addresses that they gave."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from gateway.path.name_addresses import DeviceNames, NameBook
from gateway.policy.time.standing import PLAIN, Situation
from gateway.policy.values import Observation, Proto, Reason, Verdict
from tests.policy.around import DAY, KNOWN, NIGHT, OTHER, RELAY, RESOLVER, WORLD, Gave, judge_of, told
from tests.policy.homes import (
    asks,
    connects,
    used_up,
)


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

GIVEN = Situation(resolved=Gave({"www.wikipedia.org": [OTHER], "r1.googlevideo.com": [OTHER]}))


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
    judge, situation = judge_of(text), Situation(resolved=DeviceNames(book, 1, lambda: 0.0))
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

PROBE, PUPILS = "captive.apple.com", "www.khanacademy.org"
EVENING = judge_of("{band: 10-12, homework: [khanacademy.org], limits: {internet: 2h}}")


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
