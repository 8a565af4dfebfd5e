"""The whole order of decision, with the clock, situations, protocols and faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.policy.judge.decide import Judge
from gateway.policy.profile.profile import guest_profile, home_profile
from gateway.policy.time.gates import counted_gates, limit_gates
from gateway.policy.time.standing import PLAIN, Situation
from gateway.policy.values import Decision, Fault, Reason, Verdict
from tests.policy.decided import (
    CHILD,
    DAY,
    HELP_ADDRESS,
    JUDGE,
    NIGHT,
    OTHER_ADDRESS,
    PAUSED,
    QUARANTINED,
    USED_UP,
    verdict,
)
from tests.policy.homes import (
    CALENDAR,
    a_judge,
    a_profile,
    almaty,
    asks,
    connects,
    product,
    the_world,
    used_up,
)

# 1. Help is always reachable.


@pytest.mark.parametrize("band", ["0-5", "6-9", "10-12", "13-15", "16-17", "adult"])
@pytest.mark.parametrize("situation", [PLAIN, PAUSED, QUARANTINED, USED_UP])
@pytest.mark.parametrize("at", [DAY, NIGHT])
def test_help_is_open_in_every_band_and_state(band: str, situation: Situation, at: datetime) -> None:
    judge = a_judge(f"{{band: {band}, block: [childline.org.uk]}}")
    decision = judge.decide(asks("www.childline.org.uk"), situation, at)
    assert (decision.verdict, decision.reason, decision.gates) == (Verdict.ALLOW, Reason.HELP, frozenset())


def test_a_connection_to_help_needs_an_address_that_the_gateway_resolved() -> None:
    world = replace(the_world(), help_address=lambda _host, dst: dst == HELP_ADDRESS)
    judge = a_judge(CHILD, world)
    assert verdict(connects("childline.org.uk", HELP_ADDRESS), at=NIGHT, judge=judge) == ("allow", "help")
    assert verdict(connects("childline.org.uk", OTHER_ADDRESS), at=NIGHT, judge=judge) == ("block", "bedtime")


def test_a_name_that_looks_like_help_gets_no_pass() -> None:
    for host in ("fakechildline.org.uk", "childline.org.uk.evil.example", "childline.com"):
        assert verdict(asks(host), at=NIGHT) == ("block", "bedtime")


def test_a_hidden_name_is_no_help() -> None:
    world = replace(the_world(), help_address=lambda _host, _dst: True)
    seen = connects("childline.org.uk")._replace(fault=Fault.ECH)
    assert verdict(seen, judge=a_judge(CHILD, world)) == ("block", "ech")


# 2. and 3. What is refused for everyone.


@pytest.mark.parametrize("host", ["virus.example", "a.phish.example", "sealed.example"])
@pytest.mark.parametrize("band", ["0-5", "10-12", "16-17", "adult"])
def test_what_binds_everyone_is_refused_for_everyone_alike(host: str, band: str) -> None:
    name = host.removeprefix("a.")
    judge = a_judge(f"{{band: {band}, allow: [{name}], homework: [{name}]}}")
    for seen in (asks(host), connects(host)):
        decision = judge.decide(seen, PLAIN, DAY)
        assert decision == Decision(
            Verdict.BLOCK, Reason.REFUSED_FOR_EVERYONE, "refused for everyone", "product"
        )


def test_it_is_refused_while_filtering_is_off_and_for_things_of_the_house() -> None:
    off = Situation(off_until=DAY + timedelta(hours=1))
    assert verdict(asks("virus.example"), off) == ("block", "refused_for_everyone")
    home = Judge(home_profile(product().bands), the_world(), CALENDAR)
    assert verdict(asks("virus.example"), judge=home) == ("block", "refused_for_everyone")
    assert verdict(asks("porn.example"), judge=home, at=NIGHT) == ("allow", "unfiltered")


# 4. The device's state.


@pytest.mark.parametrize(
    ("situation", "at", "reason"),
    [
        (QUARANTINED, NIGHT, "quarantined"),
        (PAUSED, NIGHT, "paused"),
        (PLAIN, NIGHT, "bedtime"),
        (USED_UP, DAY, "out_of_time"),
        (replace(PAUSED, quarantined=True), DAY, "quarantined"),
    ],
)
@pytest.mark.parametrize("host", ["www.example.org", "porn.example", "www.tiktok.com", "www.google.com"])
def test_the_state_of_the_device_goes_before_what_is_refused_for_good(
    situation: Situation, at: datetime, reason: str, host: str
) -> None:
    assert verdict(asks(host), situation, at) == ("block", reason)
    assert verdict(connects(host), situation, at) == ("block", reason)


def test_a_refusal_by_time_says_until_when_and_whether_one_can_ask() -> None:
    bedtime = JUDGE.decide(asks("www.example.org"), PLAIN, NIGHT)
    assert (bedtime.until, bedtime.askable) == (almaty("2026-11-25T07:00"), True)
    assert bedtime.rule == "band 10-12: bedtime: 20:45-07:00"
    paused = JUDGE.decide(asks("www.example.org"), PAUSED, DAY)
    assert (paused.until, paused.askable, paused.owner) == (PAUSED.paused_until, False, "Mum")


def test_homework_stays_open_when_only_time_is_used_up() -> None:
    assert verdict(asks("bilimland.kz"), USED_UP) == ("allow", "homework")
    assert verdict(asks("bilimland.kz"), PLAIN, NIGHT) == ("block", "bedtime")
    assert verdict(asks("bilimland.kz"), PAUSED) == ("block", "paused")


def test_updates_pass_at_bedtime_and_not_in_a_pause() -> None:
    assert verdict(asks("swcdn.apple.com"), PLAIN, NIGHT) == ("allow", "device_needs")
    assert verdict(asks("swcdn.apple.com"), USED_UP) == ("allow", "device_needs")
    assert verdict(asks("swcdn.apple.com"), PAUSED) == ("block", "paused")
    assert verdict(asks("swcdn.apple.com"), QUARANTINED) == ("block", "quarantined")
    assert verdict(asks("x.push.apple.com"), USED_UP) == ("allow", "device_needs")
    assert verdict(asks("x.push.apple.com"), PLAIN, NIGHT) == ("block", "bedtime")


def test_while_filtering_is_off_all_passes_but_for_a_pause() -> None:
    off = Situation(off_until=NIGHT + timedelta(hours=1))
    for seen in (asks("porn.example"), connects("www.google.com"), asks("mask.icloud.com"), connects(None)):
        decision = JUDGE.decide(seen, off, NIGHT)
        assert (decision.verdict, decision.reason, decision.rewrite) == (
            Verdict.ALLOW,
            Reason.UNFILTERED,
            None,
        )
        assert decision.gates == {"device"}
    assert verdict(asks("porn.example"), replace(off, paused_until=off.off_until), NIGHT) == (
        "block",
        "paused",
    )
    assert verdict(asks("porn.example"), off, NIGHT + timedelta(hours=1)) == ("block", "bedtime")


# 6. Services and their time.


def test_a_services_window_and_limit() -> None:
    assert verdict(asks("www.minecraft.net")) == ("block", "window")
    assert verdict(asks("www.minecraft.net"), at=almaty("2026-11-24T17:00")) == ("allow", "open")
    used = used_up("service:youtube")
    decision = JUDGE.decide(connects("r1---sn-abc.googlevideo.com"), used, DAY)
    assert (decision.reason, decision.rule) == (Reason.OUT_OF_TIME, "limits: service:youtube: 1h")
    assert verdict(asks("www.example.org"), used)[0] == "allow"


def test_a_group_s_limit_closes_all_of_its_services() -> None:
    judge = a_judge('{band: 13-15, limits: {"group:games": 1h}, windows: {"group:video": ["08:00-11:00"]}}')
    used = used_up("group:games", minutes=60)
    for host in ("www.roblox.com", "www.minecraft.net"):
        assert judge.decide(asks(host), PLAIN, DAY).gates >= {"group:games"}
        assert verdict(asks(host), used, judge=judge) == ("block", "out_of_time")
    assert verdict(asks("www.youtube.com"), used, judge=judge) == ("block", "window")
    assert verdict(asks("www.wikipedia.org"), used, judge=judge)[0] == "allow"


def test_school_and_health_spend_nothing_and_close_with_the_rest() -> None:
    judge = a_judge("{band: 10-12, limits: {internet: 1h}}")
    school = judge.decide(asks("www.khanacademy.org"), PLAIN, DAY).gates
    assert counted_gates(school) == frozenset()
    assert "internet" in school
    assert verdict(asks("www.khanacademy.org"), used_up("internet"), judge=judge) == ("block", "out_of_time")
    game = judge.decide(asks("www.prodigygame.com"), PLAIN, DAY).gates
    assert counted_gates(game) == {"internet", "play"}  # a game that teaches is a game
    assert counted_gates(judge.decide(asks("www.example.org"), PLAIN, DAY).gates) == {"internet"}
    # What a family limits by name is counted, school or not.
    named = a_judge('{band: 10-12, limits: {internet: 1h, "service:khan-academy": 30m}}')
    gates = named.decide(asks("www.khanacademy.org"), PLAIN, DAY).gates
    assert counted_gates(gates) == {"internet", "service:khan-academy"}
    # Homework stays open, and has nothing to spend.
    assert not limit_gates(JUDGE.decide(asks("bilimland.kz"), PLAIN, DAY).gates)


@pytest.mark.parametrize(("switch", "reason"), [("true", "open"), ("false", "bedtime")])
def test_a_switch_makes_updates_like_the_other_names_of_their_service(switch: str, reason: str) -> None:
    judge = a_judge(f"{{band: 10-12, updates: {switch}}}")
    assert verdict(asks("setup.rbxcdn.com"), at=NIGHT, judge=judge)[1] == reason
    gates = judge.decide(asks("setup.rbxcdn.com"), PLAIN, DAY).gates
    assert ("play" in gates) is (switch == "false")
    assert verdict(asks("captive.apple.com"), at=NIGHT, judge=judge) == ("allow", "device_needs")


# Guests.


def test_a_guest() -> None:
    profiles = [a_profile("band: 6-9"), a_profile("{band: 13-15, block: [example.org]}", "son")]
    guest = Judge(guest_profile(profiles, product().bands), the_world(), CALENDAR)
    assert verdict(asks("www.example.org"), judge=guest) == ("allow", "open")
    assert verdict(asks("porn.example"), judge=guest) == ("block", "category")
    assert verdict(asks("nobody-knows.example"), judge=guest) == ("allow", "open")
    assert verdict(asks("www.example.org"), at=almaty("2026-11-24T20:00"), judge=guest) == (
        "block",
        "bedtime",
    )
