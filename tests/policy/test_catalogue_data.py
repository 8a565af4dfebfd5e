"""The service catalogue that ships: read as it stands, then looked up as the daemon does."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names.categories import parse_categories
from gateway.policy.names.hosts import is_under, normalise
from gateway.policy.names.services import Catalogue, GroupFile, parse_group

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
FILES = sorted((PROFILES / "services").glob("*.yaml"))
RAW: dict[str, Any] = {path.stem: yaml.safe_load(path.read_bytes()) for path in FILES}
SERVICES: dict[str, Any] = {key: one for file in RAW.values() for key, one in file["services"].items()}

# What families ask for by name; a catalogue without one of these is incomplete.
OTHER_NAMES = ("except", "update", "companions", "shared")
EXPECTED = [
    "youtube", "youtube-kids", "youtube-music", "tiktok", "instagram", "facebook", "messenger",
    "whatsapp", "snapchat", "discord", "reddit", "x", "threads", "bluesky", "mastodon", "telegram",
    "signal", "viber", "microsoft-teams", "zoom", "google-meet", "twitch", "kick", "netflix",
    "disney-plus", "prime-video", "hbo-max", "spotify", "apple-music", "soundcloud", "roblox",
    "minecraft", "fortnite", "epic-games", "steam", "xbox", "playstation", "nintendo", "brawl-stars",
    "clash-of-clans", "clash-royale", "pubg", "mobile-legends", "hoyoverse", "valorant", "riot", "ea",
    "ubisoft", "battle-net", "chess-com", "lichess", "chatgpt", "claude", "gemini", "copilot",
    "deepseek", "midjourney", "character-ai", "replika", "ome-tv", "chatroulette", "tinder", "bumble",
    "badoo", "grindr", "windows-update", "apple-software-update", "android-update", "duolingo",
    "khan-academy", "wikipedia", "scratch", "code-org", "geogebra", "google-classroom", "kahoot",
    "quizlet", "vk", "ok", "rutube", "vk-video", "kinopoisk", "ivi", "okko", "wildberries", "ozon",
    "kaspi", "kolesa", "krisha", "mail-ru", "dzen", "likee", "2gis", "kundelik", "bilimland", "daryn",
    "yandex-music", "yandex-search", "max-messenger", "wechat", "qq", "bilibili", "douyin", "weibo",
    "temu", "shein", "google-play", "app-store", "1xbet", "nordvpn", "tor", "encrypted-dns",
    "icloud-private-relay", "pornhub", "onlyfans", "binance", "aitu", "egov-kz", "tengrinews", "nur-kz",
    "beetv", "opiq", "damumed", "halyk-bank", "halyk-market",
]  # fmt: skip


def bare(entry: str) -> str:
    """A name that the entry stands for."""
    return entry.removeprefix("=").removeprefix("*.").replace("*", "x1")


def is_like(host: str, entry: str) -> bool:
    return re.fullmatch(re.escape(entry).replace(r"\*", "[^.]*"), host) is not None


def owns(one: Any, host: str) -> bool:
    """A second, simple opinion on what a service's entries say."""
    if any(is_under(host, name) for name in one.get("except", [])):
        return False
    return any(
        host == bare(name)
        if name.startswith("=")
        else is_like(host, name)
        if "*" in bare_star(name)
        else is_under(host, bare(name))
        for name in one["domains"]
    )


def bare_star(entry: str) -> str:
    return entry.removeprefix("*.")


@pytest.fixture(scope="module")
def files() -> list[GroupFile]:
    path = PROFILES / "categories.yaml"
    known = parse_categories(path.read_bytes(), path.name).by_id
    check = public_suffix_check()
    return [parse_group(path.read_bytes(), path.name, known, check) for path in FILES]


@pytest.fixture(scope="module")
def catalogue(files: list[GroupFile]) -> Catalogue:
    return Catalogue(files)


def test_is_large_enough(catalogue: Catalogue) -> None:
    assert len(catalogue.services) >= 190
    assert len(catalogue.groups) >= 14


def test_has_what_families_ask_for() -> None:
    assert [one for one in EXPECTED if one not in SERVICES] == []


def test_a_file_is_named_after_its_group() -> None:
    assert [stem for stem, file in RAW.items() if file["group"]["id"] != stem] == []


def test_ids_are_unique_and_well_formed() -> None:
    keys = [key for file in RAW.values() for key in file["services"]]
    assert [key for key, times in Counter(keys).items() if times > 1] == []
    assert [key for key in keys if re.fullmatch(r"[a-z0-9][a-z0-9-]*", key) is None] == []


def test_no_key_is_written_twice() -> None:
    """PyYAML keeps the last of two equal keys and says nothing."""
    written = [
        line for path in FILES for line in path.read_text().splitlines() if re.fullmatch(r"  \S+:", line)
    ]
    assert len(written) == len(SERVICES)


def test_groups_and_services_are_named() -> None:
    for file in RAW.values():
        assert set(file["group"]["name"]) == {"en"}
        assert file["group"]["name"]["en"].strip()
    names = Counter(one["name"] for one in SERVICES.values())
    assert [name for name, times in names.items() if times > 1] == []


def test_names_are_normalised_hosts() -> None:
    for key, one in SERVICES.items():
        for name in [*one["domains"], *(n for key in OTHER_NAMES for n in one.get(key, []))]:
            assert bare(name) == normalise(bare(name)), key
            assert "." in bare(name), key


def test_no_name_is_a_public_suffix() -> None:
    check = public_suffix_check()
    found = {
        (key, name)
        for key, one in SERVICES.items()
        for name in [*one["domains"], *one.get("update", []), *one.get("companions", [])]
        if check(bare(name)) or name.startswith("*.")
    }
    ngrok = ("app", "dev", "io", "pizza", "pro")
    assert found == {
        ("discord", "*.discordsays.com"),
        ("chatgpt", "*.oaiusercontent.com"),
        ("playstation", "*.playstation-cloud.com"),
        *(("tunnel-services", f"*.ngrok.{ending}") for ending in ngrok),
        *(("tunnel-services", f"*.ngrok-free.{ending}") for ending in ("app", "dev", "pizza")),
    }
    assert check("discordsays.com")
    assert check("oaiusercontent.com")


def test_no_shared_content_network_is_a_domain() -> None:
    """One customer's exact name on such a network is precise; the network itself is half the web."""
    shared = (
        "akamaized.net", "akamaihd.net", "akamai.net", "edgesuite.net", "cloudfront.net", "fastly.net",
        "amazonaws.com", "b-cdn.net", "azureedge.net", "googleusercontent.com", "cdn77.org",
    )  # fmt: skip
    own = {"play-lh.googleusercontent.com"}
    found = [
        (key, name)
        for key, one in SERVICES.items()
        for name in one["domains"]
        if not name.startswith("=")
        and name not in own
        and any(is_under(name, network) for network in shared)
        # A network's name for the names of one firm, which it is made of.
        and not any(name == f"{maker}.akamaized.net" for maker in SERVICES[key]["domains"])
    ]
    assert found == []


def test_a_name_belongs_to_one_service() -> None:
    for key, one in SERVICES.items():
        for name in one["domains"]:
            others = [other for other, its in SERVICES.items() if other != key and owns(its, bare(name))]
            # What has a star is longer than the domain of another service that it lies under.
            assert others == [] or "*" in bare_star(name), f"{key}: {name}"


def test_no_name_is_under_another_of_its_service() -> None:
    for key, one in SERVICES.items():
        names = one["domains"]
        wider = [name for name in names if not name.startswith("=")]
        found = [(a, b) for a in names for b in wider if a != b and is_under(bare(a), b)]
        assert found == [], key


def test_what_is_excluded_belongs_to_somebody_else() -> None:
    for key, one in SERVICES.items():
        for name in one.get("except", []):
            assert any(is_under(name, wider) for wider in one["domains"]), f"{key}: {name}"
            owners = [other for other, its in SERVICES.items() if other != key and owns(its, name)]
            assert len(owners) == 1, f"{key}: {name}"


def test_updates_are_names_of_their_service(catalogue: Catalogue) -> None:
    counted = 0
    for key, one in SERVICES.items():
        for name in one.get("update", []):
            assert owns(one, bare(name)), f"{key}: {name}"
            assert catalogue.updates_of(bare(name)) == (key,)
            counted += 1
    assert counted >= 100


@pytest.mark.parametrize(
    "host",
    [
        "cache1-fra1.steamcontent.com",
        "assets1.xboxlive.com",
        "gs2.ww.prod.dl.playstation.net",
        "atum.hac.lp1.d4c.nintendo.net",
        "download.epicgames.com",
        "updates.cdn-apple.com",
        "tlu.dl.delivery.mp.microsoft.com",
        "redirector.gvt1.com",
        "bigota.d.miui.com",
        "otnprd9.samsungcloudsolution.net",
    ],
)
def test_a_known_update_host_is_never_counted(catalogue: Catalogue, host: str) -> None:
    assert len(catalogue.updates_of(host)) == 1


@pytest.mark.parametrize(
    "host", ["store.steampowered.com", "www.xbox.com", "store.playstation.com", "www.roblox.com"]
)
def test_play_is_no_update(catalogue: Catalogue, host: str) -> None:
    assert catalogue.updates_of(host) == ()


def test_each_service_finds_its_own_names(catalogue: Catalogue, files: list[GroupFile]) -> None:
    for file in files:
        for key, (match, miss) in file.tests.items():
            assert len(match) >= 2, key
            assert miss, key
            assert {host: catalogue.services_of(host) for host in match} == dict.fromkeys(match, (key,))
            assert [host for host in miss if key in catalogue.services_of(host)] == []
            assert [host for host in match if not owns(SERVICES[key], host)] == []


def test_youtube_and_youtube_kids_are_told_apart(catalogue: Catalogue) -> None:
    """`block: service:youtube` with `allow: service:youtube-kids`."""
    assert catalogue.services_of("www.youtubekids.com") == ("youtube-kids",)
    assert catalogue.services_of("kids.youtube.com") == ("youtube-kids",)
    assert catalogue.services_of("www.youtube.com") == ("youtube",)
    for shared in ("r1---sn-abc.googlevideo.com", "i.ytimg.com", "yt3.ggpht.com"):
        assert catalogue.services_of(shared) == ("youtube",)
        assert set(catalogue.shared_by(shared)) == {"youtube-kids", "youtube-music"}


def test_companions_are_nobodys_own_name(catalogue: Catalogue) -> None:
    for key, one in SERVICES.items():
        for word, found in (("companions", catalogue.companions_of), ("shared", catalogue.shared_by)):
            for name in one.get(word, []):
                assert key not in catalogue.services_of(bare(name)), f"{key}: {name}"
                assert key in found(bare(name))


def test_a_companion_leads_to_no_whole_site_and_past_no_rule(catalogue: Catalogue) -> None:
    """A companion is part of its owner: no domain of the owner, except content servers, and no method."""
    content = {"fbcdn.net", "byteoversea.com", "alicdn.com", "kcdn.kz", "kcdn.online"}
    for key, one in SERVICES.items():
        for name in one.get("companions", []):
            owners = catalogue.services_of(bare(name))
            assert not catalogue.categories_of(owners) & {"proxy_vpn_doh", "tor", "adult"}, f"{key}: {name}"
            whole = {domain for owner in owners for domain in SERVICES[owner]["domains"]}
            assert name not in whole or name in content, f"{key}: {name} is all of {owners}"


@pytest.mark.parametrize(
    ("host", "services"),
    [
        ("instagram.fala2-1.fna.fbcdn.net", ("instagram",)),
        ("scontent.fala2-1.fna.fbcdn.net", ("facebook",)),
        ("x.instagram.fala2-1.fna.fbcdn.net", ("facebook",)),
        ("vd331.okcdn.ru", ("ok",)),
        ("vkvd331.okcdn.ru", ("vk-video",)),
        ("calls.okcdn.ru", ()),
        ("123.discordsays.com", ("discord",)),
        ("d2v7.eu-west-1.playback.live-video.net", ()),
        ("docs.unrealengine.com", ()),
        ("mail.yahoo.com", ("yahoo-mail",)),
        ("login.yahoo.com", ()),
        ("news.yahoo.com", ()),
        ("images.search.yahoo.com", ("yahoo",)),
        ("p16-common-sign.ibyteimg.com", ()),
    ],
)
def test_firms_that_share_a_name_are_told_apart(
    catalogue: Catalogue, host: str, services: tuple[str, ...]
) -> None:
    assert catalogue.services_of(host) == services


@pytest.mark.parametrize(
    ("service", "hosts"),
    [
        ("max-messenger", ("api.oneme.ru", "ws-api.oneme.ru", "i.oneme.ru", "fu.oneme.ru", "web.max.ru")),
        ("vk-video", ("vkvideo.ru",)),
        ("likee", ("likee.video", "like.video")),
        ("aitu", ("passport.aitu.io",)),
        ("kaspi", ("resources.cdn-kaspi.kz",)),
        ("kolesa", ("id.kolesa.kz", "alaps-photos-kl.kcdn.kz", "krisha-photos.kcdn.online")),
        ("kundelik", ("login.kundelik.kz", "api.kundelik.kz", "portal.kundelik.kz")),
        ("bilimland", ("onlinemektep.org", "onlinemektep.net", "vb-lb-4.onlinemektep.org")),
    ],
)
def test_names_that_were_compared_by_hand(catalogue: Catalogue, service: str, hosts: tuple[str, ...]) -> None:
    """`docs/developers/list-quality.md` says when and with what."""
    assert {host: catalogue.services_of(host) for host in hosts} == dict.fromkeys(hosts, (service,))


@pytest.mark.parametrize(
    "host",
    [
        "example.com", "www.gstatic.com", "fonts.googleapis.com", "accounts.google.com", "www.apple.com",
        "login.microsoftonline.com", "passport.yandex.ru", "yastatic.net", "www.cloudflare.com",
        "cdn.jsdelivr.net", "someone.github.io", "a1234.akamaized.net", "d111111abcdef8.cloudfront.net",
        "www.gov.uk", "childline.org.uk",
    ],
)  # fmt: skip
def test_a_host_that_everybody_uses_is_in_no_service(catalogue: Catalogue, host: str) -> None:
    assert catalogue.services_of(host) == ()


def test_companions_and_assistants_are_told_apart() -> None:
    assert SERVICES["chatgpt"]["categories"] == ["ai"]
    assert SERVICES["claude"]["categories"] == ["ai_adults"]
    assert "ai" not in SERVICES["character-ai"]["categories"]
    for key in RAW["companions"]["services"]:
        assert "ai_companions" in SERVICES[key]["categories"]


@pytest.mark.parametrize(
    ("group", "category"),
    [("adult", "adult"), ("gambling", "gambling"), ("dating", "dating"), ("privacy", "proxy_vpn_doh"),
     ("random-chat", "random_video_chat"), ("piracy", "piracy"), ("crypto", "crypto"), ("games", "games"),
     ("education", "education"), ("updates", "device_updates")],
)  # fmt: skip
def test_a_group_of_one_kind_carries_its_category(group: str, category: str) -> None:
    assert [key for key, one in RAW[group]["services"].items() if category not in one["categories"]] == []


def test_a_search_engine_has_a_safe_mode_or_says_that_it_has_none() -> None:
    for key, one in RAW["search"]["services"].items():
        assert ("search" in one["categories"]) != ("search_without_safe_mode" in one["categories"]), key


def test_every_category_is_known() -> None:
    known = yaml.safe_load((PROFILES / "categories.yaml").read_bytes())["categories"]
    used = {category for one in SERVICES.values() for category in one["categories"]}
    assert used - set(known) == set()
    assert not used & {"malware", "phishing", "csam"}


def test_addresses_have_a_source_and_a_date(catalogue: Catalogue) -> None:
    blocks = [block for one in catalogue.services.values() for block in one.addresses]
    assert len(blocks) >= 10
    assert all(block.source.startswith("https://") and block.date >= date(2026, 11, 29) for block in blocks)


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("149.154.167.51", "telegram"),
        ("149.154.175.53", "telegram"),
        ("91.108.56.130", "telegram"),
        ("2001:67c:4e8:f002::a", "telegram"),
        ("2a0a:f280:203:a:5000::100", "telegram"),
        ("95.161.76.100", "telegram"),
        ("128.116.1.2", "roblox"),
        ("2620:135:6000::2", "roblox"),
        ("155.133.248.36", "steam"),
        ("2404:3fc0:1::2", "steam"),
        ("170.114.10.1", "zoom"),
        ("2407:30c0::1", "zoom"),
    ],
)
def test_an_address_of_one_service_alone(catalogue: Catalogue, address: str, service: str) -> None:
    assert catalogue.owners_of(ip_address(address).packed) == ((service,), False)


@pytest.mark.parametrize(
    ("address", "services"),
    [
        ("157.240.1.53", {"whatsapp", "messenger"}),
        ("2a03:2880:f12f:83:face:b00c::25de", {"whatsapp", "messenger"}),
        ("52.113.194.132", {"microsoft-teams"}),
        ("2603:1063::5", {"microsoft-teams"}),
        ("104.160.141.3", {"riot", "league-of-legends", "valorant"}),
        ("2a04:82c0::3", {"riot", "league-of-legends", "valorant"}),
    ],
)
def test_an_address_that_others_share(catalogue: Catalogue, address: str, services: set[str]) -> None:
    owners = catalogue.owners_of(ip_address(address).packed)
    assert owners is not None
    assert (set(owners.services), owners.shared) == (services, True)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "142.250.1.1", "104.16.0.1", "13.107.6.171", "17.253.1.1", "2606:4700::1"],
)
def test_the_addresses_of_clouds_and_resolvers_are_no_services(catalogue: Catalogue, address: str) -> None:
    assert catalogue.owners_of(ip_address(address).packed) is None


@pytest.mark.parametrize(
    ("proto", "start", "services"),
    [
        ("tcp", b"WA\x06\x03" + bytes(40), ("whatsapp",)),
        ("tcp", b"ED\x00\x01\x00\x00\x07" + bytes(40), ("whatsapp",)),
        ("tcp", b"WAIT" + bytes(40), ()),
        ("tcp", b"EDIT", ()),
        ("udp", b"\x00\x01\x00\x46" + bytes(70), ("discord",)),
        ("udp", b"\x00\x01\x00\x46" + bytes(69), ()),
        ("udp", b"\x00\x01\x00\x08!\x12\xa4B" + bytes(20), ()),  # a STUN request, of any video call
    ],
)
def test_first_bytes(catalogue: Catalogue, proto: str, start: bytes, services: tuple[str, ...]) -> None:
    assert catalogue.signed(proto, start, 443) == services


@pytest.mark.parametrize(
    ("proto", "start", "port", "services"),
    [
        ("tcp", "0b000000 0000 fcff 00 80 00", 5242, ("viber",)),
        ("tcp", "0b000000 0380 00000000 0a", 4244, ("viber",)),
        ("udp", "abcd 01000500 00", 7985, ("viber",)),
        ("udp", "abcd 01000500 00", 53, ()),  # any other protocol may have these bytes
        ("udp", "abcd 0100 0001 0000", 5243, ()),  # a DNS query
        ("tcp", "160301 0380 01 00037c 0303", 443, ()),  # a hello of TLS
    ],
)
def test_first_bytes_of_viber(
    catalogue: Catalogue, proto: str, start: str, port: int, services: tuple[str, ...]
) -> None:
    assert catalogue.signed(proto, bytes.fromhex(start), port) == services


@pytest.mark.parametrize(
    ("kind", "port", "services"),
    [
        ("tcp", 5222, {"whatsapp"}),
        ("tcp", 5242, {"whatsapp", "viber"}),
        ("tcp", 9339, {"brawl-stars", "clash-of-clans", "clash-royale"}),
        ("tcp", 27036, {"steam"}),
        ("tcp", 39698, {"free-fire"}),
        ("tcp", 17500, {"pubg-mobile"}),
        ("udp", 7500, {"pubg", "riot", "valorant"}),
        ("tcp", 443, set()),
        ("tcp", 80, set()),
    ],
)
def test_ports(catalogue: Catalogue, kind: str, port: int, services: set[str]) -> None:
    assert set(catalogue.services_at(kind, port)) == services


def test_signals_calls_are_known_by_the_names_of_its_relays(catalogue: Catalogue) -> None:
    for host in ("turn3.voip.signal.org", "sfu.voip.signal.org"):
        assert catalogue.services_of(host) == ("signal",)
    for port in (3478, 10_000):
        assert "signal" in catalogue.services_at("udp", port)
