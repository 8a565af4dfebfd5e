"""The catalogue goes before published lists, in matters that it knows about."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.household.list_library import read_library
from gateway.lists.build import BuildSource, build_table
from gateway.lists.canaries import DOUBTFUL, LEARNING, OTHER_MATTERS, Canaries, CatalogueNames
from gateway.lists.formats import Format
from gateway.policy.names.domain_table import DomainTable
from tests.policy.homes import product

KNOWN = CatalogueNames(product().catalogue.services.values(), product().sites, product().categories.binding)


@pytest.mark.parametrize(
    ("category", "listed"),
    [
        ("adult", "vk.com"),  # a social network, says the catalogue
        ("adult", "kinopoisk.ru"),
        ("social_networks", "whatsapp.com"),  # messages, which a child of ten may send
        ("phishing", "csdnevnik.ru"),  # of a school's diary
        ("piracy", "pbs.org"),  # above names of approved sites
        ("adult", "d35aaqx5ub95lt.cloudfront.net"),
    ],
)
def test_a_list_that_contradicts_the_catalogue_is_not_believed(category: str, listed: str) -> None:
    assert KNOWN.disputes(category, listed)


@pytest.mark.parametrize(
    ("category", "listed"),
    [
        ("social_networks", "vk.com"),  # as the catalogue has it
        ("adult", "shop.vk.com"),  # below it, lists know more
        ("ads_trackers", "snapads.com"),  # every service has its own
        ("malware", "vk.com"),  # anybody can hand such things on there
        ("phishing", "telegram.org"),
        ("adult", "thepiratebay.org"),  # may well be both
        ("proxy_vpn_doh", "thepiratebay.org"),
        ("adult", "unknown.example"),
        ("adult", "com"),
    ],
)
def test_and_otherwise_it_is(category: str, listed: str) -> None:
    assert not KNOWN.disputes(category, listed)


def test_the_categories_that_are_named_exist() -> None:
    assert product().categories.by_id.keys() >= DOUBTFUL | LEARNING | OTHER_MATTERS


def test_what_is_disputed_is_left_out_of_published_lists_alone(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("vk.com\nshop.vk.com\nbad.example\n")
    for own, expected in ((False, frozenset()), (True, {"adult"})):
        source = BuildSource("one", "adult", listed, Format.DOMAINS, packaged=own)
        target = tmp_path / "table"
        _, (report,) = build_table(
            [source],
            target,
            built="",
            canaries=Canaries((), known=KNOWN),
            is_public_suffix=lambda name: False,
        )
        table = DomainTable(target.read_bytes())
        assert table.categories("vk.com") == expected
        assert table.categories("shop.vk.com") == table.categories("bad.example") == {"adult"}
        assert report.disputed == (() if own else ("vk.com",))


def test_the_gateways_own_build_knows_the_catalogue(tmp_path: Path) -> None:
    assert read_library(tmp_path).canaries.known.disputes("adult", "vk.com")
