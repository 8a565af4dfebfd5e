"""Every name of every ordinary page before the judge, in every band: with seeds, with published lists."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.age.bands import AgeBand
from gateway.household.list_library import read_library
from gateway.lists.build import BuildReport, BuildSource, build_table
from gateway.lists.formats import Format
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.names.domain_table import DomainTable
from gateway.policy.names.hosts import normalise
from gateway.policy.time.time_rules import PLAIN
from gateway.policy.values import Decision, Reason
from tests.ordinary.pages import CHILDREN, open_to, pages
from tests.policy.homes import CALENDAR, a_profile, almaty, asks, connects, product

AFTERNOON = almaty("2026-11-24T16:00")
LISTS = "QALQAN_TEST_LISTS"
"""A folder with published lists, one name a line, as `<category>.txt` or `<category>-<whose>.txt`."""

BANDS = pytest.mark.parametrize("band", CHILDREN, ids=lambda band: band.value)


def _world(folder: Path, published: tuple[BuildSource, ...] = ()) -> tuple[World, list[BuildReport]]:
    library = read_library(folder)
    target = folder / "table"
    _, reports = build_table(
        [*(seed.source for seed in library.seeds), *published],
        target,
        built="2026-11-24T06:00:00Z",
        canaries=library.canaries,
        is_public_suffix=public_suffix_check(),
    )
    world = product().world(("en", "ru", "kk"))
    table = DomainTable(target.read_bytes())
    # That a name is called at the address that the gateway resolved is for the lab.
    return replace(world, table=table, help_address=_resolved, safe_address=_resolved), reports


def _resolved(_host: str, _dst: bytes) -> bool:
    return True


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> World:
    return _world(tmp_path_factory.mktemp("seeds"))[0]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> World:
    where = os.environ.get(LISTS)
    if not where:
        pytest.skip(f"there are no published lists: set {LISTS} to a folder with <category>.txt files")
    files = sorted(Path(where).glob("*.txt"))
    sources = tuple(BuildSource(one.stem, _category(one.stem), one, Format.DOMAINS, True) for one in files)
    assert sources, f"{where} has no .txt file"
    return _world(tmp_path_factory.mktemp("published"), sources)[0]


def _category(stem: str) -> str:
    known = [one for one in product().categories.by_id if stem == one or stem.startswith(f"{one}-")]
    assert known, f"{stem}.txt: begins with no category"
    return max(known, key=len)


def _judge(band: AgeBand, world: World) -> Judge:
    return Judge(a_profile(f'band: "{band.value}"'), world, CALENDAR)


def _told(decision: Decision) -> str:
    return f"{decision.reason}: {decision.rule}"


def _wrongly_refused(band: AgeBand, world: World) -> dict[str, str]:
    judge = _judge(band, world)
    wrong = {}
    for page in open_to(band):
        for name in page.needs(band):
            for seen in (asks(name), asks(name, 28), asks(name, 65), connects(name)):
                decision = judge.decide(seen, PLAIN, AFTERNOON)
                if not decision.allowed:
                    wrong[f"{page.host} calls {name}"] = _told(decision)
    return wrong


def test_there_are_enough_pages() -> None:
    assert len(pages()) >= 200
    assert len({page.host for page in pages()}) == len(pages())
    for page in pages():
        for name in page.needs(AgeBand.AGE_16_17) + page.may_miss(AgeBand.AGE_16_17):
            assert name == normalise(name)
    for tail in (".kz", ".ru", ".de", ".com"):
        assert sum(page.host.endswith(tail) for page in pages()) >= 25, tail


@BANDS
def test_no_name_is_wrongly_refused(band: AgeBand, seeds: World) -> None:
    assert _wrongly_refused(band, seeds) == {}


@BANDS
def test_no_name_is_wrongly_refused_by_published_lists(band: AgeBand, published: World) -> None:
    assert _wrongly_refused(band, published) == {}


@BANDS
def test_what_may_be_missing_is_refused_for_what_it_is(band: AgeBand, seeds: World) -> None:
    """For advertising, or because names ask first or are of an older child's services: nothing else. Those
    of an older child always are; what no band has to load is refused where it is listed.
    """
    judge = _judge(band, seeds)
    for page in open_to(band):
        older = {name for name, youngest in page.names if youngest and youngest > band}
        for name in page.may_miss(band):
            decision = judge.decide(asks(name), PLAIN, AFTERNOON)
            expected = {Reason.CATEGORY, Reason.UNKNOWN_DOMAIN, Reason.NOT_ON_LIST}
            passes = decision.allowed and name not in older
            assert passes or decision.reason in expected, f"{name}: {_told(decision)}"


@BANDS
def test_a_page_opens_in_no_band_before_its_own(band: AgeBand, seeds: World) -> None:
    judge = _judge(band, seeds)
    early = [
        page.host
        for page in pages()
        if page.youngest > band and judge.decide(asks(page.host), PLAIN, AFTERNOON).allowed
    ]
    assert early == []


def test_advertising_is_refused_in_every_band(seeds: World) -> None:
    for band in CHILDREN:
        decision = _judge(band, seeds).decide(asks("securepubads.g.doubleclick.net"), PLAIN, AFTERNOON)
        assert not decision.allowed
        if band >= AgeBand.AGE_10_12:
            assert "category:ads_trackers" in decision.rule
