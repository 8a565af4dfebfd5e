"""The seed lists, the published lists and the innocent names that ship: each in order, then all of them."""

from __future__ import annotations

import mmap
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.core.errors import PolicyError
from gateway.lists.build import BuildReport, BuildSource, survey
from gateway.lists.canaries import Canaries, parse_canaries, parse_shared_networks
from gateway.lists.formats import Format
from gateway.lists.public_suffixes import public_suffix_check
from gateway.lists.sources import PublishedList, parse_sources
from gateway.lists.update import Seed, Shelf, build_all
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.categories import parse_categories
from gateway.policy.names.countries import help_names, parse_country
from gateway.policy.names.domain_table import DomainTable, TableInfo
from gateway.policy.names.hosts import PublicSuffixCheck, is_under, normalise, suffixes
from gateway.policy.names.packs import parse_sites
from tests.pace import longest

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
SEEDS = {path.stem: path for path in sorted((PROFILES / "lists").glob("*.txt"))}

# The least that a first start without internet must know of each category.
LEAST = {
    "adult": 120,
    "gambling": 80,
    "drugs_alcohol_tobacco_sales": 25,
    "weapons_sales": 100,
    "gore_violence": 12,
    "selfharm_promotion": 8,
    "hate_extremism": 10,
    "dating": 40,
    "random_video_chat": 25,
    "social_networks": 30,
    "messaging": 20,
    "video_sharing": 25,
    "games": 60,
    "ai_companions": 25,
    "proxy_vpn_doh": 150,
    "tor": 8,
    "piracy": 40,
    "ads_trackers": 100,
    "search_without_safe_mode": 12,
    "malware": 1,
    "phishing": 1,
}
LEAST_RESOLVERS, LEAST_TUNNELS = 100, 50
LEAST_LISTS, LEAST_CANARIES = 30, 300
BUILD_SECONDS = 2.0
NEEDS_A_LIST = {"new_domain"}  # names change every day: only a fetched list can know them


@cache
def names(category: str) -> tuple[str, ...]:
    lines = SEEDS[category].read_text("ascii").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def section(category: str, title: str) -> list[str]:
    """The names below the comment ``title``, down to the next comment."""
    lines = SEEDS[category].read_text("ascii").splitlines()
    below = lines[lines.index(f"# {title}") + 1 :]
    end = next((at for at, line in enumerate(below) if line.startswith("#")), len(below))
    return [line for line in below[:end] if line]


@pytest.fixture(scope="module")
def is_public_suffix() -> PublicSuffixCheck:
    return public_suffix_check()


@pytest.fixture(scope="module")
def canaries() -> Canaries:
    path = PROFILES / "canaries.yaml"
    return Canaries(parse_canaries(path.read_bytes(), path.name))


@pytest.fixture(scope="module")
def published() -> dict[str, PublishedList]:
    path = PROFILES / "categories.yaml"
    categories = parse_categories(path.read_bytes(), path.name)
    path = PROFILES / "sources.yaml"
    return dict(parse_sources(path.read_bytes(), path.name, categories))


@pytest.mark.parametrize(("category", "least"), LEAST.items())
def test_a_seed_has_enough_names(category: str, least: int) -> None:
    assert len(names(category)) >= least


def test_resolvers_and_tunnels_are_there_in_number() -> None:
    assert len(section("proxy_vpn_doh", "Encrypted DNS")) >= LEAST_RESOLVERS
    assert len(section("proxy_vpn_doh", "VPN services")) >= LEAST_TUNNELS
    assert {"torproject.org", "tails.net"} <= set(section("proxy_vpn_doh", "Tor"))
    assert set(names("tor")) < set(section("proxy_vpn_doh", "Tor")), "who refuses proxies refuses Tor"
    assert {"croxyproxy.com", "kproxy.com"} <= set(section("proxy_vpn_doh", "Web proxies"))


def test_each_file_is_a_category_and_says_what_it_is() -> None:
    known = yaml.safe_load((PROFILES / "categories.yaml").read_bytes())["categories"]
    assert set(SEEDS) == set(LEAST)
    assert [one for one in SEEDS if one not in known] == []
    assert [one for one, path in SEEDS.items() if not path.read_text().startswith("# ")] == []


def test_what_a_band_does_not_leave_open_has_a_seed_or_services() -> None:
    bands = [yaml.safe_load(path.read_bytes()) for path in (PROFILES / "bands").glob("*.yaml")]
    closed = {key for band in bands for key, action in band["categories"].items() if action != "allow"}
    assert len(closed) > 15
    groups = [yaml.safe_load(path.read_bytes()) for path in (PROFILES / "services").glob("*.yaml")]
    named = Counter(
        kind for group in groups for one in group["services"].values() for kind in one["categories"]
    )
    by_services = {kind for kind in closed - set(SEEDS) if named[kind] > 1}
    assert closed - set(SEEDS) - by_services == NEEDS_A_LIST


@pytest.mark.parametrize("category", SEEDS)
def test_names_are_normal_and_no_public_suffix(category: str, is_public_suffix: PublicSuffixCheck) -> None:
    assert [one for one in names(category) if normalise(one) != one] == []
    # All names under them are the tunnels of one operator.
    suffixes_of_our_own = {
        "proxy_vpn_doh": {"translate.goog", "trycloudflare.com", "tunnelmole.net", "telebit.io"}
        | {f"ngrok{rest}" for rest in (".io", ".app", ".dev", "-free.app", "-free.dev")}
    }
    found = [one for one in names(category) if is_public_suffix(one)]
    assert sorted(found) == sorted(suffixes_of_our_own.get(category, ()))


@pytest.mark.parametrize("category", SEEDS)
def test_no_name_is_there_twice_or_under_another(category: str) -> None:
    found = names(category)
    assert len(set(found)) == len(found)
    all_names = set(found)
    assert [one for one in found if any(up in all_names for up in list(suffixes(one))[1:])] == []


@pytest.mark.parametrize("category", SEEDS)
def test_refuses_no_innocent_site(category: str, canaries: Canaries) -> None:
    """`survey` refuses the whole file for one such name, as it would a published list."""
    source = BuildSource(category, category, SEEDS[category], Format.DOMAINS)
    report = survey(source, canaries)
    assert (report.domains, report.odd_lines) == (len(names(category)), 0)


@pytest.mark.parametrize("category", SEEDS)
def test_refuses_no_approved_site_and_no_help(category: str, is_public_suffix: PublicSuffixCheck) -> None:
    open_names = set(help_of_all_countries(is_public_suffix))
    for language in ("en", "kk", "ru"):
        path = PROFILES / f"starter/{language}.yaml"
        sites = parse_sites(path.read_bytes(), path.name, is_public_suffix)
        open_names |= {name for site in sites for name in site.names}
    refused = Canaries(one.removeprefix("=") for one in open_names)
    assert len(open_names) > 150
    assert [one for one in names(category) if refused.hit(one)] == []


def help_of_all_countries(is_public_suffix: PublicSuffixCheck) -> dict[str, str]:
    files = sorted((PROFILES / "countries").glob("*.yaml"))
    return help_names(parse_country(one.read_bytes(), one.name, is_public_suffix) for one in files)


def test_our_test_names_exist_nowhere() -> None:
    for category in ("malware", "phishing"):
        assert all(one.endswith((".invalid", ".example")) for one in names(category))


def test_published_lists(published: dict[str, PublishedList]) -> None:
    assert len(published) >= LEAST_LISTS
    assert {one.form for one in published.values()} == set(Format)
    assert len({one.url for one in published.values()}) == len(published)
    in_every_tier = {one.category for one in published.values() if one.tier is ListTier.SMALL}
    in_medium = {one.category for one in published.values() if ListTier.MEDIUM.includes(one.tier)}
    assert {"gambling", "malware", "proxy_vpn_doh", "tor"} <= in_every_tier
    assert in_every_tier | {"adult", "phishing"} <= in_medium
    addresses = [one for one in published.values() if one.form is Format.ADDRESSES]
    assert {one.category for one in addresses} == {"proxy_vpn_doh", "tor"}
    assert all(one.skip_canaries for one in addresses)


def test_addresses_of_published_lists(published: dict[str, PublishedList]) -> None:
    addresses = [url for one in published.values() for place in one.places for url in place]
    assert len(set(addresses)) == len(addresses)
    assert all(url.startswith("https://") for url in addresses)
    parts = [url.rpartition("/")[2] for url in published["ut1-adult"].urls]
    assert parts == ["domains.0", "domains.1", "domains.2"]


# Lists with one address only, and why.
NO_MIRROR = {
    "ut1-adult": "the university has it as an archive only",
    "tor-exits": "the Tor Project's own server, in no tier; tor-nodes has them too",
    "threatfox": "abuse.ch's own server, in no tier",
    "hagezi-nrd7": "too large for jsDelivr and for GitLab's mirror, in no tier",
}
JSDELIVR_LIMIT = 20_000_000  # bytes of a file of GitHub
BYTES_A_NAME = 20  # on average at most


def test_every_list_has_a_mirror_or_a_reason(published: dict[str, PublishedList]) -> None:
    alone = {source.id for source in published.values() if not source.mirrors}
    assert alone == set(NO_MIRROR)
    assert {source for source in alone if published[source].tier is not None} == {"ut1-adult"}


def test_jsdelivr_is_named_for_no_file_that_it_refuses(published: dict[str, PublishedList]) -> None:
    found = {
        source.id
        for source in published.values()
        for place in source.places
        if any("cdn.jsdelivr.net/gh/" in url for url in place)
        and source.size * BYTES_A_NAME // len(place) > JSDELIVR_LIMIT
    }
    assert found == set()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[]", "sources.yaml:1: sources.one.url: is empty"),
        (
            "[https://a.example/0, http://a.example/1]",
            "sources.yaml:1: sources.one.url[2]: is not an HTTPS address",
        ),
        ("{a: b}", "sources.yaml:1: sources.one.url: is a mapping, not a text"),
        (str([f"https://a.example/{n}" for n in range(17)]), "has 17 entries, more than 16"),
    ],
)
def test_addresses_that_cannot_be_used(written: str, said: str) -> None:
    rest = "name: A, format: domains, licence: MIT, category: adult, size: 1"
    text = f"sources: {{one: {{url: {written}, {rest}}}}}"
    path = PROFILES / "categories.yaml"
    with pytest.raises(PolicyError) as refused:
        parse_sources(text, "sources.yaml", parse_categories(path.read_bytes(), path.name))
    assert said in str(refused.value)


def one_list(mirrors: str) -> PublishedList:
    rest = "url: https://a.example/x, name: A, format: domains, licence: MIT, category: adult, size: 1"
    path = PROFILES / "categories.yaml"
    known = parse_categories(path.read_bytes(), path.name)
    return parse_sources(f"sources: {{one: {{{rest}, mirrors: {mirrors}}}}}", "sources.yaml", known)["one"]


def test_mirrors_are_further_places_in_order() -> None:
    read = one_list("[https://b.example/x, [https://c.example/0, https://c.example/1]]")
    assert read.places == (
        ("https://a.example/x",),
        ("https://b.example/x",),
        ("https://c.example/0", "https://c.example/1"),
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[http://b.example/x]", "sources.one.mirrors[1]: is not an HTTPS address"),
        ("[https://a.example/x]", "sources.one.mirrors[1]: is an address of this list already"),
        (str([f"https://b.example/{n}" for n in range(5)]), "has 5 entries, more than 4"),
    ],
)
def test_mirrors_that_cannot_be_used(written: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        one_list(written)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("entry", "whose"),
    [
        ("104.16.132.229", "Cloudflare"),
        ("172.67.0.0/24", "Cloudflare"),
        ("2606:4700::6810:84e5", "Cloudflare"),
        ("151.101.1.140", "Fastly"),
        ("142.250.74.36", "Google"),
        ("2a00:1450:4001::/64", "Google"),
        ("23.215.0.136", "Akamai"),
        ("13.224.1.1", "Amazon CloudFront"),
        ("185.199.108.153", "GitHub"),
        ("199.36.158.100", "Site builders"),
        ("75.2.60.5", "Site builders"),
        ("75.2.60.6", None),
        # Both stood in a list of resolvers' addresses: names that were given up.
        ("199.59.242.150", "Parked names"),
        ("199.59.243.226", "Parked names"),
        ("1.1.1.1", None),
        ("8.8.8.8", None),
        ("9.9.9.9", None),
        ("185.220.101.33", None),
        ("2620:fe::fe", None),
    ],
)
def test_innocent_networks(entry: str, whose: str | None) -> None:
    path = PROFILES / "canaries.yaml"
    canaries = Canaries((), parse_shared_networks(path.read_bytes(), path.name))
    assert canaries.hit_by(Format.ADDRESSES)(entry) == whose


def test_canaries_are_many_and_normal(canaries: Canaries, is_public_suffix: PublicSuffixCheck) -> None:
    path = PROFILES / "canaries.yaml"
    hosts = parse_canaries(path.read_bytes(), path.name)
    assert len(hosts) >= LEAST_CANARIES
    assert [one for one in hosts if normalise(one) != one] == []
    written: list[Any] = [
        one for theme in yaml.safe_load(path.read_bytes())["canaries"].values() for one in theme
    ]
    assert len(written) - len(hosts) <= 3, "too many are there twice"
    assert canaries.hit("nspcc.org.uk") == "www.nspcc.org.uk"
    assert not is_public_suffix("nspcc.org.uk")


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, canaries: Canaries, is_public_suffix: PublicSuffixCheck
) -> Iterator[tuple[DomainTable, TableInfo, list[BuildReport], float]]:
    folder = tmp_path_factory.mktemp("seed")
    started = time.perf_counter()
    info, reports = build_all(
        Shelf(folder),
        [],
        [Seed(category, path) for category, path in SEEDS.items()],
        folder,
        canaries=canaries,
        is_public_suffix=is_public_suffix,
        now=datetime(2026, 11, 24, tzinfo=UTC),
    )
    seconds = time.perf_counter() - started
    with (
        (folder / "categories.table").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        table = DomainTable(memoryview(mapped))
        yield table, info, reports, seconds
        table.close()


def test_the_whole_seed_builds_quickly(
    built: tuple[DomainTable, TableInfo, list[BuildReport], float],
) -> None:
    _, info, reports, seconds = built
    assert seconds < longest(BUILD_SECONDS)
    assert info.count == len({one for category in SEEDS for one in names(category)})
    assert {report.category: report.domains for report in reports} == {one: len(names(one)) for one in SEEDS}


@pytest.mark.parametrize(
    ("host", "categories"),
    [
        ("www.pornhub.com", {"adult"}),
        ("onlyfans.com", {"adult"}),
        ("1xbet.kz", {"gambling"}),
        ("m.olimpbet.kz", {"gambling"}),
        ("mozilla.cloudflare-dns.com", {"proxy_vpn_doh"}),
        ("www.torproject.org", {"proxy_vpn_doh", "tor"}),
        ("www.tinder.com", {"dating"}),
        ("stats.g.doubleclick.net", {"ads_trackers"}),
        ("old.character.ai", {"ai_companions"}),
        ("r1---sn-4g5e6nez.googlevideo.com", {"video_sharing"}),
        ("cdn.malware.test.qalqan.invalid", {"malware"}),
        ("phishing.test.qalqan.invalid", {"phishing"}),
        ("pornhub-com.translate.goog", {"proxy_vpn_doh"}),
        ("archive.ph", {"proxy_vpn_doh"}),
        ("www.translatetheweb.com", {"proxy_vpn_doh"}),
        ("search.seznam.cz", {"search_without_safe_mode"}),
        ("vkvd331.okcdn.ru", set()),
        ("notpornhub.com", set()),
        ("www.who.int", set()),
        ("www.google.com", set()),
        ("www.childline.org.uk", set()),
    ],
)
def test_look_ups(
    built: tuple[DomainTable, TableInfo, list[BuildReport], float], host: str, categories: set[str]
) -> None:
    assert built[0].categories(host) == categories


def test_the_table_knows_no_innocent_site(
    built: tuple[DomainTable, TableInfo, list[BuildReport], float],
) -> None:
    path = PROFILES / "canaries.yaml"
    hosts = parse_canaries(path.read_bytes(), path.name)
    assert [one for one in hosts if built[0].categories(one)] == []
    assert any(is_under("www.who.int", one) for one in hosts)
