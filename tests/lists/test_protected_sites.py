"""Popular sites that no fetched list blocks, and names of weak lists that need a hint or a second list."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.household.list_library import read_protected_sites
from gateway.lists.build import BuildSource, build_table
from gateway.lists.canaries import Canaries
from gateway.lists.formats import Format
from gateway.lists.protected_sites import ProtectedSites
from gateway.policy.names.domain_table import DomainTable
from tests.policy.homes import product

GUARD = ProtectedSites(
    {"shop.example"}, {"adult": ("sex", "tube")}, {"adult": ("news",)}, binding={"phishing"}
)


def no_suffix(_name: str) -> bool:
    return False


def built(
    tmp_path: Path, *lists: tuple[str, bool, str], category: str = "adult", own: bool = False
) -> DomainTable:
    """Build a table of lists: each its id, whether it is weak, and its names."""
    sources = []
    for key, weak, names in lists:
        path = tmp_path / f"{key}.txt"
        path.write_text("\n".join(names.split()) + "\n")
        sources.append(BuildSource(key, category, path, Format.DOMAINS, True, own, weak))
    target = tmp_path / "categories.table"
    canaries = Canaries((), guard=GUARD)
    build_table(sources, target, built="2026-11-24T06:00:00Z", canaries=canaries, is_public_suffix=no_suffix)
    return DomainTable(target.read_bytes())


def test_an_entry_for_a_popular_site_is_left_out(tmp_path: Path) -> None:
    names = "shop.example www.shop.example example bad.shop.example other.example"
    table = built(tmp_path, ("one", False, names))
    assert table.categories("shop.example") == frozenset()
    assert table.categories("www.shop.example") == frozenset()
    assert table.categories("bad.shop.example") == {"adult"}, "an entry below it is more precise"
    assert table.categories("other.example") == {"adult"}


def test_a_packaged_list_is_not_weighed(tmp_path: Path) -> None:
    assert built(tmp_path, ("one", False, "shop.example"), own=True).categories("shop.example") == {"adult"}


def test_a_name_of_one_weak_list_needs_a_hint(tmp_path: Path) -> None:
    table = built(tmp_path, ("weak", True, "freesex.example innocent.example bad-sex.shop.example"))
    assert table.categories("freesex.example") == {"adult"}
    assert table.categories("innocent.example") == frozenset()
    assert table.categories("bad-sex.shop.example") == frozenset(), (
        "a weak list blocks no part of a popular site"
    )


def test_a_name_of_two_lists_counts(tmp_path: Path) -> None:
    lists = (
        ("one", True, "a.example b.example"),
        ("two", True, "b.example c.example"),
        ("good", False, "c.example"),
    )
    table = built(tmp_path, *lists)
    assert [table.categories(f"{name}.example") for name in "abc"] == [frozenset(), {"adult"}, {"adult"}]


def test_a_doubtful_name_needs_a_second_list(tmp_path: Path) -> None:
    one, two = "city-news.example a.example", "other-news.example city-news.example"
    table = built(tmp_path, ("one", False, one), ("two", False, two))
    assert table.categories("a.example") == {"adult"}
    assert table.categories("other-news.example") == frozenset()
    assert table.categories("city-news.example") == {"adult"}


@pytest.mark.parametrize(
    ("category", "listed", "spared"),
    [
        ("adult", "xxx.lanl.gov", True),
        ("adult", "school.edu.kz", True),
        ("phishing", "school.ac.in", True),
        ("phishing", "mail.hacked.school.ac.in", False),  # a machine of the school, and not the school
        ("phishing", "shop.example", True),
        ("law:kz", "shop.example", False),  # a register is a state's decision
        ("adult", "unknown.example", False),
    ],
)
def test_schools_and_governments_are_spared(category: str, listed: str, spared: bool) -> None:
    assert GUARD.spares(category, listed) is spared


KNOWN_MISTAKES = [
    "tripadvisor.com", "yelp.com", "researchgate.net", "academia.edu", "slashdot.org", "disqus.com",
    "gaystarnews.com", "gaytoday.com", "sfsi.org", "refinery29.com", "eventbrite.com", "meetup.com",
    "timeout.com", "unizar.es", "baixaki.com.br", "17173.com", "goaskalice.columbia.edu",
    "pogo.com", "newgrounds.com", "intercom.com", "scarleteen.com", "asexuality.org", "pbs.org",
    "infourok.ru", "tlum.ru",
]  # fmt: skip


@pytest.mark.parametrize("site", KNOWN_MISTAKES)
def test_what_published_lists_are_known_to_have_by_mistake_is_guarded(site: str) -> None:
    guard = read_protected_sites(product())
    assert guard.spares("adult", site)
    assert guard.spares("phishing", site)
    assert guard.spares("adult", f"www.{site}")


def test_the_guard_of_the_product_has_no_site_of_a_blocked_category() -> None:
    """A site that the packaged lists or words call bad would be bad and innocent at the same time."""
    guard, seeds = read_protected_sites(product()), Path("profiles/lists")
    names = {
        file.stem: [line for line in file.read_text("ascii").splitlines() if line and line[0] != "#"]
        for file in seeds.glob("*.txt")
    }
    both = [
        (category, name)
        for category, listed in names.items()
        if category not in {"games", "messaging", "social_networks", "video_sharing", "ads_trackers"}
        for name in listed
        if guard.spares(category, name)
    ]
    assert both == []
