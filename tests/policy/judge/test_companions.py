"""Names that a service needs and another service owns: when they open, and what keeps them blocked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.policy.judge.world import World
from gateway.policy.time.time_rules import PLAIN, Situation
from gateway.policy.values import Decision, Reason
from tests.policy.homes import TABLE, a_judge, a_world, almaty, asks, connects, product, table, used_up

DAY, NIGHT = almaty("2026-11-24T16:00"), almaty("2026-11-24T23:00")
MESSENGER = ("static.xx.fbcdn.net", "scontent-arn2-1.xx.fbcdn.net", "edge-mqtt.facebook.com", "cdn.fbsbx.com")
FACEBOOK = (
    "www.facebook.com",
    "m.facebook.com",
    "graph.facebook.com",
    "b-graph.facebook.com",
    "video.fbsbx.com",
)
CHILD = "{band: 10-12"


def decided(
    text: str, host: str, situation: Situation = PLAIN, world: World | None = None, *, night: bool = False
) -> Decision:
    return a_judge(text, world).decide(asks(host), situation, NIGHT if night else DAY)


EXAMPLES = pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("band: 10-12", MESSENGER),
        (f"{CHILD}, block: ['service:facebook']}}", MESSENGER),
        (f"{CHILD}, block: ['category:social_networks']}}", MESSENGER),
        (f"{CHILD}, block: ['service:tiktok']}}", ("log.byteoversea.com", "api.byteoversea.com")),
        ("band: 10-12", ("id.vk.com", "login.vk.com")),
        (f"{CHILD}, block: ['service:xbox']}}", ("profile.xboxlive.com", "sisu.xboxlive.com")),
        (
            f"{CHILD}, block: ['service:epic-games']}}",
            ("account-public-service-prod.ol.epicgames.com", "www.epicgames.com", "api.epicgames.dev"),
        ),
        ("{band: 0-5, allow: ['service:minecraft']}", ("profile.xboxlive.com", "sisu.xboxlive.com")),
    ],
)


@EXAMPLES
def test_what_an_open_service_needs_is_open(text: str, hosts: tuple[str, ...]) -> None:
    found = {host: decided(text, host) for host in hosts}
    assert {host: one.allowed for host, one in found.items()} == dict.fromkeys(hosts, True)
    assert all(one.rule.startswith("companion of service:") for one in found.values())


@EXAMPLES
def test_none_of_it_is_counted(text: str, hosts: tuple[str, ...]) -> None:
    """Not in a limit of the whole internet either, which everything else is in."""
    limited = f"{{{text.strip('{}')}, limits: {{internet: 2h}}}}"
    for host in hosts:
        found = decided(limited, host)
        assert {"internet", "uncounted"} <= found.gates, host
        assert decided(limited, host, used_up("internet")).reason is Reason.OUT_OF_TIME, host
    assert "uncounted" not in decided("{band: 16-17, limits: {internet: 2h}}", "www.facebook.com").gates


NEEDED = [(key, name) for key, one in product().catalogue.services.items() for name in one.companions]


@pytest.mark.parametrize(("service", "name"), NEEDED)
def test_each_companion_of_the_catalogue_opens_with_its_service(service: str, name: str) -> None:
    host = name.removeprefix("=").removeprefix("*.")
    owners = [f"'service:{owner}'" for owner in product().catalogue.services_of(host)]
    blocked = f"{CHILD}, limits: {{internet: 2h}}, block: [{', '.join(owners)}]"
    found = decided(f"{blocked}, allow: ['service:{service}']}}", host)
    assert found.allowed, found
    if owners and found.reason is not Reason.DEVICE_NEEDS:  # which consoles sign in with, whatever is allowed
        assert "uncounted" in found.gates, found
        needing = product().catalogue.companions_of(host)
        others = ", ".join(f"'service:{service}'" for service in needing)
        assert not decided(f"{blocked[:-1]}, {others}]}}", host).allowed, "with all that need it"


@pytest.mark.parametrize(
    "host",
    [
        "login.live.com",  # the Microsoft account
        "sisu.xboxlive.com",  # the launcher and minecraft.net
        "device.auth.xboxlive.com",
        "user.auth.xboxlive.com",
        "title.auth.xboxlive.com",
        "title.mgt.xboxlive.com",
        "xsts.auth.xboxlive.com",
        "api.minecraftservices.com",
        "20ca2.playfabapi.com",  # Bedrock's account at PlayFab
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "{band: 0-5, allow: ['service:minecraft']}",
        "band: 6-9",
        f"{CHILD}, block: ['service:xbox']}}",
    ],
)
def test_minecraft_can_sign_in(text: str, host: str) -> None:
    assert decided(text, host).allowed


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("band: 10-12", FACEBOOK),
        ("band: 10-12", ("vk.com", "api.vk.com", "web.vk.me", "sun9-77.userapi.com")),
        (f"{CHILD}, block: ['service:tiktok']}}", ("www.tiktok.com", "api16-normal-useast5.tiktokv.us")),
        (f"{CHILD}, block: ['service:xbox']}}", ("www.xbox.com", "catalog.gamepass.com")),
        (f"{CHILD}, block: ['service:epic-games']}}", ("store.epicgames.com",)),
        # An app of YouTube needs no other names than these, so an open YouTube Kids does not open them.
        (
            f"{CHILD}, block: ['service:youtube']}}",
            ("youtubei.googleapis.com", "r1---sn-abc.googlevideo.com"),
        ),
    ],
)
def test_the_owner_itself_stays_blocked(text: str, hosts: tuple[str, ...]) -> None:
    assert {host: decided(text, host).allowed for host in hosts} == dict.fromkeys(hosts, False)


def test_the_chats_of_sferum_on_vk_open_only_if_the_family_allows_sferum() -> None:
    """Any VK account works on these names, so the age group alone must not open them."""
    for host in ("web.vk.me", "api.vk.com", "api.vk.ru"):
        assert decided("band: 10-12", "web.sferum.ru").allowed
        assert not decided("band: 10-12", host).allowed, host
        assert decided(f"{CHILD}, allow: ['service:sferum']}}", host).allowed, host
    for host in ("vk.com", "vk.ru", "sun9-77.userapi.com"):
        assert not decided(f"{CHILD}, allow: ['service:sferum']}}", host).allowed, host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (f"{CHILD}, block: ['service:messenger']}}", MESSENGER[0]),
        (f"{CHILD}, categories: {{messaging: ask}}}}", MESSENGER[0]),
        ("band: 6-9", MESSENGER[0]),
        ("band: 0-5", MESSENGER[0]),
        (f"{CHILD}, block: [fbcdn.net]}}", MESSENGER[0]),
        (f"{CHILD}, block: [facebook.com]}}", "edge-mqtt.facebook.com"),
        (f"{CHILD}, block: [fbcdn.net], allow: ['service:messenger']}}", MESSENGER[0]),
        (f"{CHILD}, laws: {{au-under-16-social: Mum}}}}", MESSENGER[0]),
    ],
)
def test_it_stays_blocked_where_the_service_or_its_own_name_is(text: str, host: str) -> None:
    assert not decided(text, host).allowed


@pytest.mark.parametrize(
    "category", ["malware", "phishing", "csam", "proxy_vpn_doh", "tor", "adult", "gambling"]
)
def test_it_opens_no_name_that_a_list_blocks_for_another_reason(category: str) -> None:
    listed = replace(a_world(), table=table({**TABLE, "static.xx.fbcdn.net": {category}}))
    assert not decided("band: 10-12", MESSENGER[0], world=listed).allowed
    social = replace(a_world(), table=table({**TABLE, "static.xx.fbcdn.net": {"social_networks"}}))
    assert decided("band: 10-12", MESSENGER[0], world=social).allowed


def test_a_service_that_the_family_allows_opens_it_over_a_list_but_no_bypass_method() -> None:
    text = f"{CHILD}, allow: ['service:messenger']}}"
    for category, opened in (("ads_trackers", True), ("proxy_vpn_doh", False), ("malware", False)):
        listed = replace(a_world(), table=table({**TABLE, "static.xx.fbcdn.net": {category}}))
        assert decided(text, MESSENGER[0], world=listed).allowed is opened, category


def test_time_rules_of_the_device_close_it() -> None:
    assert decided("band: 10-12", MESSENGER[0], night=True).reason is Reason.BEDTIME
    paused = Situation(paused_until=DAY + timedelta(hours=1))
    assert decided("band: 10-12", MESSENGER[0], paused).reason is Reason.PAUSED


def test_it_has_the_services_hours_and_limits_and_uses_none_of_them() -> None:
    text = "{band: 10-12, limits: {'service:messenger': 30m}, block: ['service:facebook']}"
    found = decided(text, MESSENGER[0])
    assert {"service:messenger", "uncounted"} <= found.gates
    assert decided(text, MESSENGER[0], used_up("service:messenger")).reason is Reason.OUT_OF_TIME
    hours = "{band: 10-12, windows: {'service:messenger': '17:00-18:00'}}"
    assert decided(hours, MESSENGER[0]).reason is Reason.WINDOW


def test_a_hello_with_its_name_is_counted_where_no_answer_gave_the_address() -> None:
    class Answers:
        def gave(self, host: str, address: bytes) -> bool:
            return (host, address) == (MESSENGER[0], b"\x9d\xf0\x01\x23")

        def vouched(self, host: str, address: bytes) -> bool:
            return self.gave(host, address)

        def hosts(self, address: bytes) -> list[str]:
            return []

    judge = a_judge("{band: 10-12, limits: {internet: 2h}}")
    situation = Situation(resolved=Answers())
    own = judge.decide(connects(MESSENGER[0], b"\x9d\xf0\x01\x23"), situation, DAY)
    other = judge.decide(connects(MESSENGER[0], b"\xc6\x33\x64\x07"), situation, DAY)
    assert "uncounted" in own.gates
    assert other.allowed
    assert "uncounted" not in other.gates


def test_an_open_owner_is_counted_as_ever() -> None:
    text = "{band: 16-17, limits: {'service:facebook': 30m}}"
    found = decided(text, MESSENGER[0])
    assert "service:facebook" in found.gates
    assert "uncounted" not in found.gates


def test_a_guardians_opening_of_the_service_opens_it() -> None:
    opened = Situation(allowed=(("service:messenger", DAY + timedelta(hours=1)),))
    assert not decided("band: 6-9", MESSENGER[0]).allowed
    assert decided("band: 6-9", MESSENGER[0], opened).allowed
    assert not decided("band: 6-9", FACEBOOK[0], opened).allowed
    assert not decided("{band: 6-9, block: [fbcdn.net]}", MESSENGER[0], opened).allowed


def test_why_names_the_service() -> None:
    found = a_judge("band: 10-12").decide(asks(MESSENGER[0]), PLAIN, DAY, explain=True)
    assert found.rule == "companion of service:messenger"
    assert "band 10-12: category:social_networks = block" in [step.rule for step in found.passed]
