"""What ships beside the catalogue: approved sites, what devices need, and the engines' safe names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names.categories import parse_categories
from gateway.policy.names.hosts import host_map, is_under, normalise
from gateway.policy.names.packs import parse_engines, parse_needs, parse_sites
from gateway.policy.names.services import Catalogue, parse_group

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
LANGUAGES = ("en", "kk", "ru")
BANDS = ("0-5", "6-9")
KINDS = ("probes", "time", "updates", "push", "certificates", "store")


def read(name: str) -> Any:
    return yaml.safe_load((PROFILES / name).read_bytes())


SITES: dict[str, list[dict[str, Any]]] = {one: read(f"starter/{one}.yaml")["sites"] for one in LANGUAGES}
PACKS: list[dict[str, Any]] = read("starter/device-needs.yaml")["packs"]
ENGINES: dict[str, dict[str, Any]] = read("safesearch.yaml")["engines"]


def needs() -> list[tuple[str, str, str]]:
    return [(pack["id"], kind, name) for pack in PACKS for kind in KINDS for name in pack.get(kind, [])]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    path = PROFILES / "categories.yaml"
    known, check = parse_categories(path.read_bytes(), path.name).by_id, public_suffix_check()
    files = sorted((PROFILES / "services").glob("*.yaml"))
    return Catalogue([parse_group(file.read_bytes(), file.name, known, check) for file in files])


def test_the_daemon_reads_all_of_it() -> None:
    check = public_suffix_check()
    for language, sites in SITES.items():
        path = PROFILES / f"starter/{language}.yaml"
        assert [one.id for one in parse_sites(path.read_bytes(), path.name, check)] == [
            one["id"] for one in sites
        ]
    path = PROFILES / "starter/device-needs.yaml"
    assert parse_needs(path.read_bytes(), path.name, check) == {name: kind for _, kind, name in needs()}
    path = PROFILES / "safesearch.yaml"
    engines = {one.id: one for one in parse_engines(path.read_bytes(), path.name, check)}
    assert set(engines) == set(ENGINES)
    assert engines["youtube"].safe_name("moderate") == "restrictmoderate.youtube.com"
    assert engines["google"].safe_name("moderate") == "forcesafesearch.google.com"
    assert engines["yandex"].safe_name("strict") == "213.180.193.56"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("band", BANDS)
def test_enough_sites_for_each_band(language: str, band: str) -> None:
    assert len([one for one in SITES[language] if band in one["bands"] and one["id"] != "web-basics"]) >= 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_entry_is_a_site_and_not_a_bare_domain(language: str) -> None:
    assert read(f"starter/{language}.yaml")["language"] == language
    for one in SITES[language]:
        assert set(one) == {"id", "name", "bands", "domains", "companions"}, one
        assert one["name"].strip()
        assert one["domains"]
        assert one["bands"]
        assert set(one["bands"]) <= set(BANDS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sites_are_unique(language: str) -> None:
    for key in ("id", "name"):
        counted = Counter(one[key] for one in SITES[language])
        assert [value for value, times in counted.items() if times > 1] == []
    domains = Counter(name for one in SITES[language] for name in one["domains"])
    assert [name for name, times in domains.items() if times > 1] == []


def test_a_site_is_the_same_in_every_language() -> None:
    seen: dict[str, tuple[object, ...]] = {}
    for sites in SITES.values():
        for one in sites:
            what = (one["name"], tuple(one["domains"]), tuple(one["companions"]))
            assert seen.setdefault(one["id"], what) == what


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_sites_are_hosts_and_no_public_suffixes(language: str) -> None:
    check = public_suffix_check()
    for one in SITES[language]:
        names = [*one["domains"], *one["companions"]]
        assert len(names) == len(set(names)), one["id"]
        for name in names:
            assert name == normalise(name)
            assert not check(name), f"{one['id']}: {name}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_companion_is_under_its_own_site(language: str) -> None:
    for one in SITES[language]:
        inside = [c for c in one["companions"] if any(is_under(c, name) for name in one["domains"])]
        assert inside == [], one["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_approved_site_is_of_a_kind_refused_to_children(language: str, catalogue: Catalogue) -> None:
    refused = {
        "adult", "gambling", "dating", "random_video_chat", "social_networks", "messaging", "video_sharing",
        "ai_companions", "proxy_vpn_doh", "piracy", "search_without_safe_mode", "forums",
    }  # fmt: skip
    for one in SITES[language]:
        for name in [*one["domains"], *one["companions"]]:
            assert not catalogue.categories_of(catalogue.services_of(name)) & refused, f"{one['id']}: {name}"


def test_each_maker_has_a_pack() -> None:
    ids = [pack["id"] for pack in PACKS]
    assert len(ids) == len(set(ids))
    wanted = {"apple", "google", "samsung", "xiaomi", "huawei", "microsoft", "linux", "amazon", "lg", "sony"}
    assert wanted | {"nintendo", "xbox", "clocks", "certificates"} <= set(ids)
    for pack in PACKS:
        assert set(pack) <= {"id", "name", *KINDS}, pack["id"]
        assert any(pack.get(kind) for kind in KINDS), pack["id"]


@pytest.mark.parametrize(
    ("pack", "kind", "name"),
    [
        ("apple", "probes", "captive.apple.com"),
        ("apple", "push", "push.apple.com"),
        ("google", "probes", "connectivitycheck.gstatic.com"),
        ("google", "probes", "=clients3.google.com"),
        ("google", "push", "mtalk.google.com"),
        ("google", "time", "time.android.com"),
        ("microsoft", "probes", "msftconnecttest.com"),
        ("microsoft", "time", "time.windows.com"),
        ("clocks", "time", "pool.ntp.org"),
        ("certificates", "certificates", "lencr.org"),
    ],
)
def test_the_best_known_needs_are_there(pack: str, kind: str, name: str) -> None:
    assert (pack, kind, name) in needs()


def test_needs_are_unique_hosts_and_no_public_suffixes() -> None:
    check = public_suffix_check()
    names = [name.removeprefix("=").replace("*", "x1") for _, _, name in needs()]
    assert [name for name, times in Counter(names).items() if times > 1] == []
    assert len(names) >= 250
    for name in names:
        assert name == normalise(name)
        assert not check(name), name


def test_a_need_opens_no_front_door(catalogue: Catalogue) -> None:
    """Open in every band: so none may be the site of a game, a video service or a network."""
    doors = (
        "www.youtube.com", "store.steampowered.com", "www.xbox.com", "store.playstation.com",
        "www.nintendo.com", "www.google.com", "play.google.com", "www.apple.com", "apps.apple.com",
        "www.amazon.com", "www.bing.com", "music.apple.com", "tv.apple.com", "www.microsoft.com",
        "docs.google.com", "mail.google.com",
    )  # fmt: skip
    for _, _, name in needs():
        assert not any(door == name.removeprefix("=") or is_under(door, name) for door in doors), name
    for pack, kind, name in needs():
        belongs = catalogue.categories_of(catalogue.services_of(name.removeprefix("=")))
        refused = belongs & {"social_networks", "messaging", "adult", "gambling", "dating", "proxy_vpn_doh"}
        assert not refused, f"{pack} {kind}: {name}"


def test_every_engine_names_its_safe_mode_and_its_source() -> None:
    wanted = {"google", "youtube", "bing", "duckduckgo", "yandex", "ecosia", "pixabay", "brave", "qwant"}
    assert set(ENGINES) == wanted
    for key, one in ENGINES.items():
        assert set(one) <= {"name", "strict", "moderate", "address", "source", "hosts"}, key
        assert one["source"].startswith("https://")
        assert ("strict" in one) != ("address" in one), key
        for safe in (one.get("strict"), one.get("moderate")):
            assert safe is None or safe == normalise(safe)


def test_hosts_of_engines_are_exact_and_in_one_engine() -> None:
    hosts = [host for one in ENGINES.values() for host in one["hosts"]]
    assert [host for host, times in Counter(hosts).items() if times > 1] == []
    safe = {one.get(level) for one in ENGINES.values() for level in ("strict", "moderate")}
    for host in hosts:
        assert host.startswith("="), f"{host}: names under it are other services, or the safe name itself"
        assert host[1:] == normalise(host[1:])
        assert host[1:] not in safe, f"{host}: would answer itself"


def test_google_in_every_country() -> None:
    hosts = ENGINES["google"]["hosts"]
    assert len(hosts) >= 185
    assert all(host.startswith("=www.google.") for host in hosts)
    for country in (
        "com",
        "kz",
        "ru",
        "kg",
        "co.uz",
        "com.tj",
        "tm",
        "de",
        "co.uk",
        "com.au",
        "co.jp",
        "com.br",
    ):
        assert f"=www.google.{country}" in hosts


def test_youtube_has_two_levels() -> None:
    one = ENGINES["youtube"]
    assert (one["strict"], one["moderate"]) == ("restrict.youtube.com", "restrictmoderate.youtube.com")
    assert "=youtubei.googleapis.com" in one["hosts"]


def test_yandex_is_an_address_for_its_search_names_alone() -> None:
    one = ENGINES["yandex"]
    assert one["address"] == {"v4": "213.180.193.56"}
    assert {"=ya.ru", "=yandex.kz", "=yandex.ru", "=www.yandex.com"} <= set(one["hosts"])
    assert {"=xn--d1acpjx3f.xn--p1ai", "=yandex.com.ru", "=www.yandex.de"} <= set(one["hosts"])
    assert not {"=mail.yandex.ru", "=passport.yandex.ru", "=mc.yandex.net"} & set(one["hosts"])


def test_a_search_host_is_in_the_catalogue(catalogue: Catalogue) -> None:
    """So that a family can refuse the engine by name, wherever it is reached."""
    owners = {
        "google": "google-search", "youtube": "youtube", "bing": "bing", "duckduckgo": "duckduckgo",
        "yandex": "yandex-search", "ecosia": "ecosia", "pixabay": "pixabay",
        "brave": "brave-search", "qwant": "qwant",
    }  # fmt: skip
    for key, one in ENGINES.items():
        for host in one["hosts"]:
            assert catalogue.services_of(host[1:]) == (owners[key],), host


def test_every_system_s_probe_is_a_need_unless_people_use_its_name() -> None:
    probes = read("probes.yaml")["probes"]
    known = host_map((name, kind) for _, kind, name in needs())
    for one in probes:
        host = urlsplit(one["url"]).hostname
        assert (known.get(host) == "probes") is not one.get("shared", False), one["by"]
        assert (one.get("source") is None) is (one.get("seen") is None), one["by"]
    assert len({one["by"] for one in probes}) == len(probes)
