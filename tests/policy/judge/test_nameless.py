"""Flows that name no host, on a device that asked for a service a moment ago."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.policy.judge.decide import Judge
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import Decision, Fault, Observation, Proto, Verdict
from tests.policy.homes import a_judge, almaty

DAY = almaty("2026-11-24T12:00")
SERVER, OTHER = bytes([198, 51, 100, 7]), bytes([198, 51, 100, 8])
ROBLOX, MINECRAFT = 50_000, 19_132  # ports; that of Roblox is in discord's range too


class Asked:
    def __init__(self, *services: str, gave: bytes = b"") -> None:
        self._services = services
        self._gave = gave

    def asked(self, service: str) -> bool:
        return service in self._services

    def gave(self, service: str, address: bytes) -> bool:
        return service in self._services and address == self._gave


def decided(
    judge: Judge, port: int, recent: Asked, *, known: tuple[bytes, ...] = (), proto: Proto = Proto.UDP
) -> Decision:
    situation = Situation(recent=recent, addresses=frozenset(known))
    return judge.decide(Observation(proto, None, SERVER, port), situation, DAY)


LIMITED = "{band: 10-12, limits: {'service:roblox': 1h, play: 2h}}"
BLOCKED = "{band: 10-12, block: ['service:roblox']}"


def test_it_has_the_gates_of_the_service_that_was_asked_for() -> None:
    found = decided(a_judge(LIMITED), ROBLOX, Asked("roblox"))
    assert (found.verdict, found.gates) == (
        Verdict.ALLOW,
        frozenset({"device", "bedtime", "service:roblox", "play"}),
    )


@pytest.mark.parametrize(
    ("port", "recent", "proto"),
    [
        (ROBLOX, Asked(), Proto.UDP),  # nobody asked
        (40_000, Asked("roblox"), Proto.UDP),  # another port
        (ROBLOX, Asked("roblox"), Proto.TCP),  # the catalogue knows no such port of TCP
        (MINECRAFT, Asked("roblox"), Proto.UDP),  # the port of another service
    ],
)
def test_any_other_flow_has_those_of_the_device_alone(port: int, recent: Asked, proto: Proto) -> None:
    for text in (LIMITED, BLOCKED):
        found = decided(a_judge(text), port, recent, proto=proto)
        assert (found.verdict, found.gates) == (Verdict.ALLOW, frozenset({"device", "bedtime"}))


def test_the_services_refusal_is_the_flows() -> None:
    found = decided(a_judge(BLOCKED), ROBLOX, Asked("roblox"))
    assert (found.verdict, found.rule, found.owner) == (Verdict.BLOCK, "block: service:roblox", "family")
    category = decided(a_judge("{band: 10-12, categories: {games: block}}"), MINECRAFT, Asked("minecraft"))
    assert (category.verdict, category.rule) == (Verdict.BLOCK, "category:games = block")


def test_an_address_that_another_allowed_name_gave_is_the_others() -> None:
    judge = a_judge(BLOCKED)
    assert decided(judge, ROBLOX, Asked("roblox"), known=(SERVER,)).verdict is Verdict.ALLOW
    assert decided(judge, ROBLOX, Asked("roblox"), known=(OTHER,)).verdict is Verdict.BLOCK


def test_an_address_that_the_services_own_name_gave_is_its() -> None:
    found = decided(a_judge(LIMITED), ROBLOX, Asked("roblox", gave=SERVER), known=(SERVER,))
    assert "service:roblox" in found.gates


def test_of_several_services_the_refused_one_decides() -> None:
    both = Asked("roblox", "discord")
    found = decided(a_judge("{band: 16-17, block: ['service:discord']}"), ROBLOX, both)
    assert found.rule == "block: service:discord"
    text = "{band: 16-17, allow: ['service:roblox'], categories: {social_networks: block}}"
    assert decided(a_judge(text), ROBLOX, both).rule == "category:social_networks = block"


def test_of_several_open_services_each_may_close_it() -> None:
    text = "{band: 16-17, limits: {'service:roblox': 1h, 'service:discord': 2h}}"
    found = decided(a_judge(text), ROBLOX, Asked("roblox", "discord"))
    assert {"service:roblox", "service:discord"} <= found.gates


def test_what_is_refused_anyway_is_refused_as_before() -> None:
    strict = a_judge("{band: 10-12, strict: true}")
    assert decided(strict, ROBLOX, Asked("roblox")).rule == "strict = true"
    seen = Observation(Proto.UDP, None, SERVER, ROBLOX, fault=Fault.MALFORMED)
    found = a_judge(LIMITED).decide(seen, replace(Situation(), recent=Asked("roblox")), DAY)
    assert found.rule == "fault: malformed"


def test_it_has_the_limits_of_the_services_group() -> None:
    found = decided(a_judge("{band: 13-15, limits: {'group:games': 1h}}"), ROBLOX, Asked("roblox"))
    assert "group:games" in found.gates


def test_a_service_that_a_guardian_opened_for_a_while_is_open_without_names_too() -> None:
    judge, end = a_judge(BLOCKED), DAY + timedelta(hours=1)
    seen = Observation(Proto.UDP, None, SERVER, ROBLOX)
    opened = Situation(recent=Asked("roblox"), allowed=(("service:roblox", end),))
    found = judge.decide(seen, opened, DAY)
    assert (found.verdict, found.until) == (Verdict.ALLOW, end)
    assert judge.decide(seen, opened, DAY) is found
    other = Situation(recent=Asked("roblox"), allowed=(("service:tiktok", end), ("roblox.com", end)))
    assert judge.decide(seen, other, DAY).verdict is Verdict.BLOCK
    assert judge.decide(seen, opened, end).verdict is Verdict.BLOCK


# Xbox consoles talk to each other through Teredo, which is a VPN otherwise.

TEREDO_PORTS = pytest.mark.parametrize("port", [3544, 3074, 61_234])


@TEREDO_PORTS
@pytest.mark.parametrize("band", ["10-12", "13-15", "16-17"])
def test_a_console_plays_through_teredo_as_long_as_xbox_is_open(band: str, port: int) -> None:
    found = decided(
        a_judge(f"{{band: {band}, limits: {{'service:xbox': 1h}}}}"), port, Asked("xbox"), proto=Proto.TEREDO
    )
    assert found.verdict is Verdict.ALLOW
    assert "service:xbox" in found.gates


@TEREDO_PORTS
def test_its_server_may_have_a_name_that_is_not_xboxs(port: int) -> None:
    found = decided(a_judge("band: 10-12"), port, Asked("xbox"), known=(SERVER,), proto=Proto.TEREDO)
    assert found.verdict is Verdict.ALLOW


@TEREDO_PORTS
@pytest.mark.parametrize(
    ("text", "recent", "reason"),
    [
        ("band: 10-12", Asked(), "vpn"),
        ("band: 10-12", Asked("roblox"), "vpn"),
        ("{band: 10-12, block: ['service:xbox']}", Asked("xbox"), "family_block"),
        ("{band: 10-12, categories: {games: block}}", Asked("xbox"), "category"),
        ("band: 6-9", Asked("xbox"), "no_name"),  # another player has no name
    ],
)
def test_and_is_refused_otherwise(text: str, recent: Asked, reason: str, port: int) -> None:
    found = decided(a_judge(text), port, recent, proto=Proto.TEREDO)
    assert (found.verdict, str(found.reason)) == (Verdict.BLOCK, reason)


@TEREDO_PORTS
def test_teredo_to_the_internet_is_no_console(port: int) -> None:
    found = decided(a_judge("band: 10-12"), port, Asked("xbox"), proto=Proto.IP_IN_IP)
    assert (found.verdict, str(found.reason)) == (Verdict.BLOCK, "vpn")
