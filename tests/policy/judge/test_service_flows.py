"""Connections without a service's name: recognised by address, by first bytes, or by port."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import NamedTuple

import pytest

from gateway.policy.judge.conclude import SIGNS
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.explanation import Names, sentence
from gateway.policy.judge.why import parse_question, why
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import (
    Decision,
    Fault,
    Observation,
    Proto,
    Reason,
    RecognitionSign,
    ServiceRecognition,
    Verdict,
)
from tests.policy.homes import a_judge, almaty, used_up
from tests.policy.judge.test_nameless import Asked

DAY = almaty("2026-11-24T12:00")
TELEGRAM = ip_address("149.154.167.51").packed
TELEGRAM6 = ip_address("2001:67c:4e8:f002::a").packed
META = ip_address("157.240.1.53").packed
TEAMS = ip_address("52.113.194.132").packed
ROBLOX = ip_address("128.116.1.2").packed
ELSEWHERE = ip_address("198.51.100.7").packed
BLOCKED = "{band: 10-12, categories: {messaging: allow}, block: ['service:telegram', 'service:whatsapp']}"
OPEN = "{band: 10-12, categories: {messaging: allow, social_networks: allow}}"
BY_ADDRESS = ServiceRecognition(("telegram",), RecognitionSign.ADDRESS)

PROTOCOLS = pytest.mark.parametrize(
    ("proto", "port"),
    [
        (Proto.TCP, 443),
        (Proto.TCP, 80),
        (Proto.TCP, 5222),
        (Proto.UDP, 599),
        (Proto.HTTP, 80),
        (Proto.TLS, 443),
    ],
)


class Resolved:
    """DNS answers: the addresses of each name."""

    def __init__(self, **given: bytes) -> None:
        self._given = {name.replace("_", "."): address for name, address in given.items()}

    def gave(self, host: str, address: bytes) -> bool:
        return self._given.get(host) == address

    vouched = gave

    def hosts(self, address: bytes) -> Iterable[str]:
        return [host for host, given in self._given.items() if given == address]


def decided(judge: Judge, seen: Observation, situation: Situation | None = None) -> Decision:
    return judge.decide(seen, situation or Situation(), DAY)


def flow(
    dst: bytes,
    port: int = 443,
    proto: Proto = Proto.TCP,
    *,
    fault: Fault | None = None,
    signature: tuple[str, ...] = (),
) -> Observation:
    return Observation(proto, None, dst, port, fault=fault, signature=signature)


@PROTOCOLS
@pytest.mark.parametrize("address", [TELEGRAM, TELEGRAM6], ids=["IPv4", "IPv6"])
def test_an_address_that_one_service_has_is_enough(proto: Proto, port: int, address: bytes) -> None:
    found = decided(a_judge(BLOCKED), flow(address, port, proto))
    assert (found.verdict, found.rule, found.owner) == (Verdict.BLOCK, "block: service:telegram", "family")
    assert found.recognised == BY_ADDRESS
    assert decided(a_judge(OPEN), flow(address, port, proto)).verdict is Verdict.ALLOW


def test_an_address_behind_nat64() -> None:
    behind = ip_address("64:ff9b::149.154.167.51").packed
    assert decided(a_judge(BLOCKED), flow(behind)).rule == "block: service:telegram"


def test_a_category_blocks_and_asks_by_address() -> None:
    found = decided(a_judge("{band: 10-12, categories: {messaging: block}}"), flow(TELEGRAM))
    assert (found.reason, found.rule) == (Reason.CATEGORY, "category:messaging = block")
    asks = "{band: 10-12, categories: {messaging: ask, social_networks: allow}}"
    found = decided(a_judge(asks), flow(TELEGRAM))
    assert (found.verdict, found.askable) == (Verdict.BLOCK, True)


@pytest.mark.parametrize(
    ("band", "rule", "askable"),
    [
        ("10-12", "band 10-12: category:social_networks = block", False),
        ("13-15", "band 13-15: category:social_networks = ask", True),
        ("16-17", None, False),
    ],
)
@pytest.mark.parametrize("address", [TELEGRAM, TELEGRAM6], ids=["IPv4", "IPv6"])
def test_the_stricter_of_two_categories_decides(
    band: str, rule: str | None, askable: bool, address: bytes
) -> None:
    """Every age group here allows messaging; Telegram is a social network too."""
    found = decided(a_judge(f"{{band: {band}}}"), flow(address))
    assert found.recognised == BY_ADDRESS
    if rule is None:
        assert found.verdict is Verdict.ALLOW
    else:
        assert (found.verdict, found.rule, found.askable) == (Verdict.BLOCK, rule, askable)


def test_each_of_its_categories_limits_and_counts_it() -> None:
    for category in ("messaging", "social_networks"):
        target = f"category:{category}"
        judge = a_judge(f"{{band: 16-17, limits: {{'{target}': 1h}}}}")
        assert target in decided(judge, flow(TELEGRAM)).gates
        assert decided(judge, flow(TELEGRAM), used_up(target)).reason is Reason.OUT_OF_TIME


def test_it_has_the_gates_of_its_limits_and_windows() -> None:
    limits = "{band: 16-17, limits: {'service:telegram': 1h}, windows: {'service:telegram': ['15:00-16:00']}}"
    judge = a_judge(limits)
    closed = decided(judge, flow(TELEGRAM))
    assert (closed.reason, closed.recognised) == (Reason.WINDOW, BY_ADDRESS)
    opened = judge.decide(flow(TELEGRAM), Situation(), almaty("2026-11-24T15:30"))
    assert {"service:telegram", "window:service:telegram"} <= opened.gates
    spent = judge.decide(flow(TELEGRAM), used_up("service:telegram"), almaty("2026-11-24T15:30"))
    assert (spent.reason, spent.recognised) == (Reason.OUT_OF_TIME, BY_ADDRESS)


def test_an_opening_by_a_guardian_opens_it() -> None:
    until = DAY + timedelta(hours=1)
    opened = Situation(allowed=(("service:telegram", until),))
    found = decided(a_judge(BLOCKED), flow(TELEGRAM), opened)
    assert (found.verdict, found.until, found.recognised) == (Verdict.ALLOW, until, BY_ADDRESS)


@pytest.mark.parametrize("text", ["{band: 6-9, allow: ['service:telegram']}", "{band: 16-17, strict: true}"])
def test_it_needs_no_dns_answer_where_others_do(text: str) -> None:
    found = decided(a_judge(text), flow(TELEGRAM))
    assert found.verdict is Verdict.ALLOW
    assert decided(a_judge(text), flow(ELSEWHERE)).reason is Reason.NO_NAME


def test_an_allow_list_without_it_blocks_it() -> None:
    found = decided(
        a_judge("{band: 0-5, categories: {messaging: allow, social_networks: allow}}"), flow(TELEGRAM)
    )
    assert (found.verdict, found.reason) == (Verdict.BLOCK, Reason.NOT_ON_LIST)


def test_faults_of_a_connection_are_refused_as_before() -> None:
    found = decided(a_judge(OPEN), flow(TELEGRAM, fault=Fault.MALFORMED))
    assert found.reason is Reason.MALFORMED


# ------------------------------------------------------------------ shared ranges


@pytest.mark.parametrize("port", [443, 5223])
def test_a_shared_address_is_not_enough(port: int) -> None:
    found = decided(a_judge(BLOCKED), flow(META, port))
    assert (found.verdict, found.recognised) == (Verdict.ALLOW, None)


def test_a_shared_address_with_a_port_that_one_of_its_services_has() -> None:
    found = decided(a_judge(BLOCKED), flow(META, 5222))
    assert (found.rule, found.recognised) == (
        "block: service:whatsapp",
        ServiceRecognition(("whatsapp",), RecognitionSign.ADDRESS),
    )
    call = decided(a_judge(BLOCKED), flow(META, 3480, Proto.UDP))  # a relay of WhatsApp's web client
    assert call.rule == "block: service:whatsapp"
    blocked = a_judge("{band: 13-15, block: ['service:microsoft-teams']}")
    assert decided(blocked, flow(TEAMS, 3479, Proto.UDP)).verdict is Verdict.BLOCK
    assert decided(blocked, flow(TEAMS, 443)).verdict is Verdict.ALLOW


def test_a_port_that_two_of_them_have_needs_a_name() -> None:
    judge, seen = a_judge(BLOCKED), flow(META, 3478, Proto.UDP)
    assert decided(judge, seen).verdict is Verdict.ALLOW
    assert decided(judge, seen, Situation(recent=Asked("whatsapp"))).rule == "block: service:whatsapp"
    assert decided(judge, seen, Situation(recent=Asked("messenger"))).verdict is Verdict.ALLOW


def test_a_shared_address_with_a_name_that_was_queried() -> None:
    found = decided(a_judge(BLOCKED), flow(META), Situation(recent=Asked("whatsapp")))
    assert found.recognised == ServiceRecognition(("whatsapp",), RecognitionSign.ADDRESS)
    assert found.verdict is Verdict.BLOCK


def test_a_shared_address_that_another_name_gave() -> None:
    given: Container[bytes] = frozenset({META})
    others = Situation(recent=Asked("whatsapp"), addresses=given)
    assert decided(a_judge(BLOCKED), flow(META), others).verdict is Verdict.ALLOW
    own = Situation(recent=Asked("whatsapp", gave=META), addresses=given)
    assert decided(a_judge(BLOCKED), flow(META), own).verdict is Verdict.BLOCK


# ------------------------------------------------------------------ first bytes


def test_first_bytes_are_enough() -> None:
    found = decided(a_judge(BLOCKED), flow(ELSEWHERE, signature=("whatsapp",)))
    assert found.rule == "block: service:whatsapp"
    assert found.recognised == ServiceRecognition(("whatsapp",), RecognitionSign.FIRST_BYTES)


def test_first_bytes_of_another_service_do_not_hide_an_address() -> None:
    found = decided(a_judge(BLOCKED), flow(TELEGRAM, signature=("discord",)))
    assert found.rule == "block: service:telegram"


def test_first_bytes_open_no_unknown_address_in_strict_mode() -> None:
    found = decided(
        a_judge("{band: 6-9, allow: ['service:whatsapp']}"), flow(ELSEWHERE, signature=("whatsapp",))
    )
    assert found.reason is Reason.NO_NAME


def test_a_service_that_left_the_catalogue() -> None:
    found = decided(a_judge(BLOCKED), flow(ELSEWHERE, signature=("former-service",)))
    assert (found.verdict, found.recognised) == (Verdict.ALLOW, None)


# ------------------------------------------------------------------ names


@pytest.mark.parametrize("proto", [Proto.TLS, Proto.QUIC, Proto.HTTP])
@pytest.mark.parametrize("host", ["www.example.org", "www.example.net"])
def test_a_fake_name_at_a_services_own_address(proto: Proto, host: str) -> None:
    judge = a_judge(BLOCKED)
    seen = Observation(proto, host, TELEGRAM, 443)
    for _ in range(2):
        found = decided(judge, seen)
        assert (found.rule, found.recognised) == ("block: service:telegram", BY_ADDRESS)
    assert decided(judge, seen._replace(dst=ELSEWHERE)).verdict is Verdict.ALLOW
    pointed = Situation(resolved=Resolved(www_example_org=TELEGRAM, www_example_net=TELEGRAM))
    assert decided(judge, seen, pointed).verdict is Verdict.BLOCK, "anyone may point a name there"


def test_a_fake_name_is_counted_for_the_service() -> None:
    judge = a_judge("{band: 16-17, limits: {'service:telegram': 1h}}")
    seen = Observation(Proto.TLS, "www.example.org", TELEGRAM, 443)
    found = decided(judge, seen)
    assert (found.verdict, found.recognised) == (Verdict.ALLOW, BY_ADDRESS)
    assert "service:telegram" in found.gates
    assert decided(judge, seen, used_up("service:telegram")).reason is Reason.OUT_OF_TIME


def test_the_name_of_another_service_counts_where_an_answer_gave_the_address() -> None:
    judge = a_judge(BLOCKED)
    seen = Observation(Proto.TLS, "www.spotify.com", TELEGRAM, 443)
    assert decided(judge, seen, Situation(resolved=Resolved())).rule == "block: service:telegram"
    given = Situation(resolved=Resolved(www_spotify_com=TELEGRAM))
    assert decided(judge, seen, given).verdict is Verdict.ALLOW
    # Without stored names, the addresses of its service count.
    assert decided(judge, seen).rule == "block: service:telegram"
    gave = Situation(recent=Asked("spotify", gave=TELEGRAM))
    assert decided(judge, seen, gave).verdict is Verdict.ALLOW


def test_a_name_that_the_family_chose() -> None:
    text = "{band: 10-12, block: ['service:telegram'], allow: [www.example.org]}"
    seen = Observation(Proto.TLS, "www.example.org", TELEGRAM, 443)
    given = Situation(resolved=Resolved(www_example_org=TELEGRAM))
    assert decided(a_judge(text), seen, given).verdict is Verdict.ALLOW
    assert decided(a_judge(text), seen, Situation(resolved=Resolved())).rule == "block: service:telegram"


def test_a_name_at_a_shared_address_is_judged_by_name() -> None:
    for host in ("www.example.org", "www.facebook.com"):
        found = decided(
            a_judge("{band: 16-17, block: ['service:whatsapp']}"), Observation(Proto.TLS, host, META, 443)
        )
        assert (found.verdict, found.recognised) == (Verdict.ALLOW, None)


def test_a_services_own_name_is_judged_by_name() -> None:
    found = decided(a_judge(BLOCKED), Observation(Proto.TLS, "web.telegram.org", TELEGRAM, 443))
    assert (found.rule, found.recognised) == ("block: service:telegram", None)


def test_help_lines_and_queries_do_not_depend_on_the_address() -> None:
    judge = a_judge(BLOCKED)
    assert decided(judge, Observation(Proto.DNS, "www.example.org", TELEGRAM, 53, 1)).verdict is Verdict.ALLOW
    assert decided(judge, Observation(Proto.DNS, "childline.org.uk", TELEGRAM, 53, 1)).reason is Reason.HELP


def test_an_adults_device_and_filtering_that_is_off() -> None:
    assert decided(a_judge("{band: adult}"), flow(TELEGRAM)).reason is Reason.UNFILTERED
    off = Situation(off_until=DAY + timedelta(hours=1))
    assert decided(a_judge(BLOCKED), flow(TELEGRAM), off).verdict is Verdict.ALLOW


# ------------------------------------------------------------------ the apps that families name


class AppFlow(NamedTuple):
    """How an app connects without a name. ``asked``: the device queried a name of the app before."""

    service: str
    sign: RecognitionSign
    proto: Proto
    port: int
    ipv4: str = "198.51.100.7"  # of no known service
    ipv6: str = "2001:db8::7"
    asked: bool = False

    def seen(self, version: int) -> Observation:
        signature = (self.service,) if self.sign is RecognitionSign.FIRST_BYTES else ()
        address = ip_address(self.ipv4 if version == 4 else self.ipv6).packed
        return flow(address, self.port, self.proto, signature=signature)

    def on(self, situation: Situation) -> Situation:
        return replace(situation, recent=Asked(self.service)) if self.asked else situation


BY_FIRST_BYTES, BY_PORT, OWN = RecognitionSign.FIRST_BYTES, RecognitionSign.PORT, RecognitionSign.ADDRESS
RIOT = ("104.160.141.3", "2a04:82c0::3")
APPS = [
    AppFlow("telegram", OWN, Proto.TCP, 443, "149.154.167.51", "2001:67c:4e8:f002::a"),
    AppFlow("telegram", OWN, Proto.UDP, 599, "91.108.13.2", "2001:b28:f23d::a"),
    AppFlow("whatsapp", OWN, Proto.TCP, 5222, "157.240.1.53", "2a03:2880::53"),
    AppFlow("whatsapp", OWN, Proto.UDP, 3478, "157.240.1.53", "2a03:2880::53", asked=True),
    AppFlow("whatsapp", OWN, Proto.UDP, 3480, "157.240.1.53", "2a03:2880::53"),
    AppFlow("whatsapp", BY_FIRST_BYTES, Proto.TCP, 443),
    AppFlow("viber", BY_PORT, Proto.TCP, 5242, asked=True),
    AppFlow("viber", BY_PORT, Proto.UDP, 7985, asked=True),
    AppFlow("viber", BY_FIRST_BYTES, Proto.TCP, 5242),
    AppFlow("discord", BY_FIRST_BYTES, Proto.UDP, 50_010),
    AppFlow("discord", BY_PORT, Proto.UDP, 50_010, asked=True),
    AppFlow("signal", BY_PORT, Proto.UDP, 10_000, asked=True),
    AppFlow("roblox", OWN, Proto.UDP, 53_000, "128.116.1.2", "2620:135:6000::2"),
    AppFlow("brawl-stars", BY_PORT, Proto.TCP, 9339, asked=True),
    AppFlow("clash-of-clans", BY_PORT, Proto.TCP, 9339, asked=True),
    AppFlow("clash-royale", BY_PORT, Proto.UDP, 9339, asked=True),
    AppFlow("steam", OWN, Proto.UDP, 27_020, "155.133.248.36", "2404:3fc0:1::2"),
    AppFlow("riot", OWN, Proto.TCP, 2099, *RIOT, asked=True),
    AppFlow("league-of-legends", OWN, Proto.UDP, 5100, *RIOT, asked=True),
    AppFlow("valorant", OWN, Proto.UDP, 7500, *RIOT, asked=True),
    AppFlow("pubg", BY_PORT, Proto.UDP, 7500, asked=True),
    AppFlow("pubg-mobile", BY_PORT, Proto.UDP, 17_500, asked=True),
    AppFlow("free-fire", BY_PORT, Proto.TCP, 39_698, asked=True),
    AppFlow("zoom", OWN, Proto.UDP, 8801, "170.114.10.1", "2407:30c0::1"),
    AppFlow("microsoft-teams", OWN, Proto.UDP, 3479, "52.113.194.132", "2603:1063::5"),
]


def _name(app: AppFlow) -> str:
    return f"{app.service} by {app.sign} {app.proto}"


EACH_APP = pytest.mark.parametrize("app", APPS, ids=_name)
FAMILIES = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])


@EACH_APP
@FAMILIES
def test_each_app_is_blocked_and_explained(app: AppFlow, version: int) -> None:
    target, situation = f"service:{app.service}", app.on(Situation())
    judge = a_judge(f"{{band: 16-17, block: ['{target}']}}")
    found = decided(judge, app.seen(version), situation)
    assert (found.verdict, found.rule) == (Verdict.BLOCK, f"block: {target}")
    assert found.recognised == ServiceRecognition((app.service,), app.sign)
    explained = why(judge, app.seen(version), DAY, situation).decision
    assert (explained.rule, explained.recognised) == (found.rule, found.recognised)
    said = sentence(explained, None, DAY, Names())
    assert SIGNS[app.sign] in said, said
    other = decided(a_judge("{band: 16-17, block: ['service:twitch']}"), app.seen(version), situation)
    assert other.verdict is Verdict.ALLOW


@EACH_APP
@FAMILIES
def test_each_app_has_hours_and_minutes(app: AppFlow, version: int) -> None:
    target, seen = f"service:{app.service}", app.seen(version)
    hours = f"windows: {{'{target}': ['15:00-16:00']}}"
    judge = a_judge(f"{{band: 16-17, limits: {{'{target}': 1h}}, {hours}}}")
    closed, opened = app.on(Situation()), almaty("2026-11-24T15:30")
    assert decided(judge, seen, closed).reason is Reason.WINDOW
    allowed = judge.decide(seen, closed, opened)
    assert allowed.verdict is Verdict.ALLOW
    assert {target, f"window:{target}"} <= allowed.gates, "its minutes are counted"
    explained = why(judge, seen, opened, closed).decision.passed
    assert (target, SIGNS[app.sign]) in [(step.rule, step.outcome) for step in explained]
    assert judge.decide(seen, app.on(used_up(target)), opened).reason is Reason.OUT_OF_TIME


@pytest.mark.parametrize("app", [app for app in APPS if app.asked], ids=_name)
@FAMILIES
def test_a_port_or_shared_range_needs_a_name_of_the_app(app: AppFlow, version: int) -> None:
    judge = a_judge(f"{{band: 16-17, block: ['service:{app.service}']}}")
    assert decided(judge, app.seen(version)).verdict is Verdict.ALLOW


# ------------------------------------------------------------------ explanation


def test_why_of_an_address() -> None:
    seen = parse_question(None, "149.154.167.51:443")
    decision = why(a_judge(BLOCKED), seen, DAY).decision
    assert decision.rule == "block: service:telegram"
    seen = parse_question(None, "149.154.167.51:599", "udp")
    decision = why(a_judge("{band: 16-17, limits: {'service:telegram': 1h}}"), seen, DAY).decision
    steps = {step.rule: step.outcome for step in decision.passed}
    assert steps["service:telegram"] in ("by its address", "open: 0m of 1h used")
    assert any(step.outcome == "by its address" for step in decision.passed)


def test_why_of_a_fake_name() -> None:
    decision = why(a_judge(BLOCKED), parse_question("www.example.org", "149.154.167.51:443"), DAY).decision
    assert (decision.rule, decision.recognised) == ("block: service:telegram", BY_ADDRESS)


def test_it_is_decided_anew_with_the_situation() -> None:
    judge, situation = a_judge("{band: 13-15, limits: {'service:roblox': 1h}}"), Situation()
    assert "service:roblox" in decided(judge, flow(ROBLOX, 53_000, Proto.UDP), situation).gates
    spent = replace(used_up("service:roblox"), recent=situation.recent)
    assert decided(judge, flow(ROBLOX, 53_000, Proto.UDP), spent).verdict is Verdict.BLOCK
