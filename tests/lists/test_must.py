"""Sites that have to open from ten years on: the list, what refuses one, and that nothing of ours does."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from gateway.age.bands import AgeBand
from gateway.check import lists as check_lists
from gateway.core.errors import PolicyError
from gateway.household.list_library import ListLibrary, read_library
from gateway.lists.build import BuildSource, build_table
from gateway.lists.canaries import Canaries
from gateway.lists.formats import Format
from gateway.lists.must_resolve import TOPICS, MustResolve, MustSite, content_categories, parse_must_resolve
from gateway.lists.public_suffixes import public_suffix_check
from gateway.lists.update import Shelf
from gateway.policy.judge.decide import Judge
from gateway.policy.names.domain_table import DomainTable
from gateway.policy.time.time_rules import PLAIN
from profiles import DATA
from tests.lists.served import Served, fetcher, served
from tests.lists.test_update import published
from tests.policy.homes import CALENDAR, a_profile, almaty, asks, product

NOW = datetime(2026, 11, 27, 6, tzinfo=UTC)
FILE = DATA / "must_resolve.yaml"
OLDER = [band for band in AgeBand if band.is_child and band.rank >= AgeBand.AGE_10_12.rank]


@pytest.fixture(scope="module")
def sites() -> tuple[MustSite, ...]:
    return parse_must_resolve(FILE.read_bytes(), FILE.name, public_suffix_check())


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> DomainTable:
    """The table of a gateway that has fetched nothing."""
    folder = tmp_path_factory.mktemp("seeds")
    read_library(folder).build(NOW)
    return DomainTable((folder / "categories.table").read_bytes())


def test_there_are_three_hundred_in_many_languages_on_every_topic(sites: tuple[MustSite, ...]) -> None:
    assert len(sites) >= 300
    assert {one.topic for one in sites} == set(TOPICS)
    by_language = Counter(one.language for one in sites)
    assert by_language.keys() >= {"en", "ru", "kk", "de", "fr", "es", "it", "pl", "nl"}
    assert min(by_language[one] for one in ("ru", "kk", "de", "fr")) >= 20
    for topic in TOPICS:
        assert len({one.language for one in sites if one.topic == topic}) >= 6, topic


def test_content_is_what_some_child_of_ten_or_more_is_refused() -> None:
    content = content_categories(product().bands)
    assert {"adult", "selfharm_promotion", "hate_extremism", "social_networks", "proxy_vpn_doh"} <= content
    assert "ads_trackers" in content, "for whatever it is refused, it would not open"
    assert content.isdisjoint({"games", "video_sharing", "messaging"}), "counted kinds are open"


@pytest.mark.parametrize("band", OLDER, ids=lambda band: band.value)
def test_the_gateways_rules_open_each_of_them(
    band: AgeBand, sites: tuple[MustSite, ...], seeded: DomainTable
) -> None:
    """Through the real judge: bands, catalogue, categories, seeds and ways all count."""
    world = replace(product().world(("en", "ru", "kk")), table=seeded)
    judge = Judge(a_profile(f'band: "{band.value}"'), world, CALENDAR)
    refused = {}
    for site in sites:
        for name in (site.name, f"www.{site.name}"):
            decision = judge.decide(asks(name), PLAIN, almaty("2026-11-24T16:00"))
            if not decision.allowed:
                refused[name] = f"{decision.reason}: {decision.rule}"
    assert refused == {}


def test_no_service_of_the_catalogue_has_one_under_a_refused_kind(sites: tuple[MustSite, ...]) -> None:
    content = content_categories(product().bands)
    catalogue = product().catalogue
    found = {
        site.name: kinds & content
        for site in sites
        if (kinds := catalogue.categories_of(catalogue.services_of(site.name))) & content
    }
    assert found == {}


def test_no_list_that_ships_names_one(tmp_path: Path) -> None:
    library = read_library(tmp_path)
    assert len(library.seeds) > 15
    assert [line for seed in library.seeds for line in library.refusing(seed.source)] == []


MUST = MustResolve(
    [MustSite("support.example", "lgbtq", "en"), MustSite("=www.help.gov.example", "health", "en")], ["adult"]
)


@pytest.mark.parametrize(
    ("category", "listed", "site"),
    [
        ("adult", "support.example", "support.example"),
        ("adult", "www.support.example", "support.example"),
        ("adult", "gov.example", "www.help.gov.example"),
        ("adult", "shop.support.example", None),  # below it a list may know more
        ("adult", "nosupport.example", None),
        ("games", "support.example", None),  # not of the kinds that were given
    ],
)
def test_which_entry_refuses_which_site(category: str, listed: str, site: str | None) -> None:
    assert MUST.hit(category, listed) == site
    assert MUST.hits(category, [listed]) == ({} if site is None else {listed: site})


@pytest.fixture
def bodies() -> dict[str, bytes]:
    return {}


@pytest.fixture
def server(bodies: dict[str, bytes]) -> Iterator[Served]:
    with served(bodies) as running:
        yield running


def test_an_update_that_begins_to_refuse_one_is_not_taken(
    server: Served, bodies: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = [published(server.address, "adult-list", "adult")]
    canaries = Canaries([], must=MUST)
    library = ListLibrary({one.id: one for one in lists}, (), canaries, tmp_path)
    bodies["/adult-list"] = b"bad.example\n"
    assert library.shelf.fetch(lists, fetcher(), canaries, NOW) == []

    bodies["/adult-list"] = b"bad.example\nworse.example\nsupport.example\n"
    later = NOW + timedelta(days=1)
    line = (
        "adult-list: it now lists support.example, and so blocks support.example, which must open from "
        "age 10 on; keeping the previous copy"
    )
    assert library.shelf.fetch(lists, fetcher(), canaries, later) == [line]
    assert library.shelf.path("adult-list").read_bytes() == b"bad.example\n"
    # What Lists and Health read of it.
    assert Shelf(tmp_path / "lists").copies["adult-list"].error == line
    found = [one.text for one in check_lists.copy_findings(tmp_path)]
    assert any(line in one for one in found)

    bodies["/adult-list"] = b"bad.example\nworse.example\n"
    assert library.shelf.fetch(lists, fetcher(), canaries, later + timedelta(days=1)) == []
    assert Shelf(tmp_path / "lists").copies["adult-list"].error == ""


def test_of_a_first_copy_such_entries_are_left_out_of_the_table(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    lists = [published(server.address, "adult-list", "adult")]
    canaries = Canaries([], must=MUST)
    bodies["/adult-list"] = b"bad.example\nwww.support.example\n"
    shelf = Shelf(tmp_path / "lists")
    assert shelf.fetch(lists, fetcher(), canaries, NOW) == []
    # The next copy names it as the one before did: that is no news.
    bodies["/adult-list"] = b"bad.example\nother.example\nwww.support.example\n"
    assert shelf.fetch(lists, fetcher(), canaries, NOW + timedelta(days=1)) == []
    copy = BuildSource("adult-list", "adult", shelf.path("adult-list"), Format.DOMAINS)
    _, (report,) = build_table(
        [copy], tmp_path / "table", built="", canaries=canaries, is_public_suffix=lambda name: False
    )
    table = DomainTable((tmp_path / "table").read_bytes())
    assert table.categories("other.example") == {"adult"}
    assert table.categories("www.support.example") == frozenset()
    assert report.disputed == ("www.support.example",)


def test_the_command_says_which_lists_refuse_one(tmp_path: Path) -> None:
    shelf = tmp_path / "lists"
    shelf.mkdir()
    config = tmp_path / "qalqan.yaml"
    config.write_text(f"state: {tmp_path}\n")
    (shelf / "oisd-nsfw.list").write_text("thetrevorproject.org\nbad.example\n")
    ran = subprocess.run(
        [sys.executable, "-m", "gateway", "lists", "check", "--config", str(config)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert lines[0] == ("oisd-nsfw: thetrevorproject.org refuses thetrevorproject.org; left out of the table")
    assert lines[-1].endswith("; entries that block a site that must open from age 10 on: 1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{source: s, date: 2026-11-27, topics: {helth: {en: [a.example]}}}", "did you mean 'health'?"),
        ("{source: s, date: soon, topics: {}}", "'soon' is no date"),
        ("{source: s, date: 2026-11-27, topics: {news: {en: [a.example], de: [a.example]}}}", "twice"),
        ("{source: s, date: 2026-11-27, topics: {news: {en: [co.uk]}}}", "is a public suffix"),
        ("{date: 2026-11-27, topics: {}}", "has no 'source'"),
    ],
)
def test_what_is_wrong_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_must_resolve(text, "must_resolve.yaml", public_suffix_check())
    assert says in str(refused.value)


def test_the_file_says_where_it_is_from() -> None:
    assert {"source", "date"} <= yaml.safe_load(FILE.read_text()).keys()
