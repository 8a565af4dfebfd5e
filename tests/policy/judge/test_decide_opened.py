"""What a guardian opened for a while, what finds itself online, and what grants open."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.policy.time.standing import FOREVER, PLAIN, Grant, Situation
from gateway.policy.values import Proto, Reason, Verdict
from tests.policy.decided import DAY, JUDGE, NIGHT, PAUSED, QUARANTINED, USED_UP, verdict
from tests.policy.homes import (
    a_judge,
    almaty,
    asks,
    connects,
    used_up,
)

WAYS = (Proto.HTTP, Proto.TLS, Proto.QUIC)


# What a guardian opened for a while.

OPENED = Situation(
    allowed=(
        ("example.com", DAY + timedelta(hours=1)),
        ("service:tiktok", DAY + timedelta(hours=1)),
        ("porn.example", DAY + timedelta(hours=1)),
        ("virus.example", DAY + timedelta(hours=1)),
        ("casino.example", NIGHT + timedelta(hours=1)),
    )
)
STRICT = a_judge("""
    band: 6-9
    block: [example.com, "service:tiktok"]
    limits: {internet: 2h}
    """)


@pytest.mark.parametrize("host", ["www.example.com", "www.tiktok.com", "porn.example", "casino.example"])
def test_what_a_guardian_opened_for_a_while_is_open(host: str) -> None:
    decision = STRICT.decide(asks(host), OPENED, DAY)
    assert (decision.verdict, decision.reason) == (Verdict.ALLOW, Reason.FAMILY_ALLOW)
    assert decision.rule.startswith("opened for a while: ")
    assert "internet" in decision.gates
    assert STRICT.decide(asks(host), OPENED, DAY) is decision
    assert verdict(asks(host), PLAIN, judge=STRICT)[0] == "block"
    explained = STRICT.decide(asks(host), OPENED, DAY, explain=True)
    assert explained.until == (
        DAY + timedelta(hours=1) if host != "casino.example" else almaty("2026-11-24T20:00")
    )


def test_no_longer_than_that_nor_what_binds_everyone_nor_against_time() -> None:
    assert verdict(asks("www.example.com"), OPENED, DAY + timedelta(hours=1), STRICT)[0] == "block"
    assert verdict(asks("virus.example"), OPENED, DAY, STRICT) == ("block", "refused_for_everyone")
    assert verdict(asks("casino.example"), OPENED, NIGHT, STRICT) == ("block", "bedtime")
    assert verdict(asks("casino.example"), replace(OPENED, paused_until=NIGHT), DAY, STRICT) == (
        "block",
        "paused",
    )
    used = replace(OPENED, day=USED_UP.day, used=USED_UP.used)
    assert verdict(asks("casino.example"), used, DAY, STRICT) == ("block", "out_of_time")
    hidden = asks("mask.icloud.com"), replace(OPENED, allowed=(("icloud.com", NIGHT),))
    assert verdict(*hidden, DAY, STRICT) == ("block", "resolver_signal")
    tunnel = connects("casino.example")._replace(dport=853)
    assert verdict(tunnel, OPENED, DAY, STRICT) == ("block", "encrypted_dns")
    assert verdict(asks("other.example"), OPENED, DAY, STRICT) == verdict(
        asks("other.example"), PLAIN, DAY, STRICT
    )


def test_what_is_open_anyway_stays_as_it_is() -> None:
    opened = Situation(allowed=(("bilimland.kz", NIGHT),))
    assert verdict(asks("bilimland.kz"), opened) == ("allow", "homework")


# Probes, and the portal.


@pytest.mark.parametrize("at", [DAY, NIGHT])
@pytest.mark.parametrize("situation", [PLAIN, USED_UP, PAUSED])
def test_a_device_finds_itself_online_whatever_is_shut(situation: Situation, at: datetime) -> None:
    for seen in (asks("captive.apple.com"), *(connects("captive.apple.com", proto=one) for one in WAYS)):
        decision = JUDGE.decide(seen, situation, at)
        assert (decision.verdict, decision.reason) == (Verdict.ALLOW, Reason.DEVICE_NEEDS)
        assert decision.gates == frozenset()


def test_a_new_device_is_led_to_the_page_and_gets_no_further() -> None:
    assert verdict(asks("captive.apple.com"), QUARANTINED) == ("allow", "device_needs"), (
        "else it asks no page"
    )
    for proto in WAYS:
        assert verdict(connects("captive.apple.com", proto=proto), QUARANTINED) == ("block", "quarantined")
    assert verdict(asks("time.apple.com"), QUARANTINED) == ("block", "quarantined")


@pytest.mark.parametrize(
    ("situation", "at", "reason"),
    [
        (PLAIN, NIGHT, "bedtime"),
        (USED_UP, DAY, "out_of_time"),
        (PAUSED, DAY, "paused"),
        (PLAIN, DAY, "device_needs"),
        (used_up("service:youtube"), DAY, "device_needs"),
    ],
)
def test_with_the_portal_probes_are_refused_while_the_device_is_shut(
    situation: Situation, at: datetime, reason: str
) -> None:
    portal = replace(situation, portal=True)
    for proto in WAYS:
        assert verdict(connects("captive.apple.com", proto=proto), portal, at)[1] == reason
    assert verdict(asks("captive.apple.com"), portal, at) == ("allow", "device_needs"), "else it asks no page"
    assert verdict(asks("time.apple.com"), replace(situation, portal=True), at)[1] in (
        "device_needs",
        "paused",
    )


def test_a_probe_spends_nothing_and_is_cut_with_the_rest_where_the_portal_is() -> None:
    gates = JUDGE.decide(connects("captive.apple.com"), Situation(portal=True), DAY).gates
    assert gates == {"device", "bedtime", "internet", "uncounted"}
    assert JUDGE.decide(asks("time.apple.com"), PLAIN, DAY).gates == {"device"}


def test_off_says_until_when() -> None:
    off = Situation(off_until=DAY + timedelta(hours=1))
    assert JUDGE.decide(asks("porn.example"), off, DAY).until == DAY + timedelta(hours=1)
    assert JUDGE.decide(asks("porn.example"), Situation(off_until=FOREVER), DAY).until is None


def test_a_grant_opens_what_was_shut() -> None:
    grant = Situation(grants=(Grant("bedtime", NIGHT + timedelta(minutes=15)),))
    assert verdict(asks("www.example.org"), grant, NIGHT)[0] == "allow"
    assert verdict(asks("porn.example"), grant, NIGHT) == ("block", "category")
    assert verdict(asks("www.example.org"), grant, NIGHT + timedelta(minutes=15)) == ("block", "bedtime")


def test_a_grant_for_a_service_opens_its_flows_alone_and_marks_them() -> None:
    grant = Situation(grants=(Grant("bedtime", NIGHT + timedelta(minutes=15), "whatsapp"),))
    judge = a_judge("band: 10-12")
    decision = judge.decide(connects("web.whatsapp.com"), grant, NIGHT)
    assert decision.verdict is Verdict.ALLOW
    assert decision.gates == {"device", "bedtime", "service:whatsapp"}
    assert verdict(asks("www.example.org"), grant, NIGHT, judge) == ("block", "bedtime")
    assert judge.decide(connects("web.whatsapp.com"), PLAIN, DAY).gates == {"device", "bedtime"}
