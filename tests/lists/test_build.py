"""Tables built from real files and read back by policy's reader; whatever fails, the old table stays."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import ListError
from gateway.lists.build import BuildSource, build_table, prune
from gateway.lists.canaries import Canaries
from gateway.lists.formats import Format
from gateway.policy.names.domain_table import DomainTable

SUFFIXES = frozenset({"com", "example", "co.example", "pages.example"})
BUILT = "2026-11-24T06:00:00Z"


def source(tmp_path: Path, category: str, *lines: str, name: str = "", skip: bool = False) -> BuildSource:
    path = tmp_path / f"{name or category}.txt"
    path.write_text("\n".join(lines) + "\n")
    return BuildSource(name or category, category, path, Format.DOMAINS, skip)


def build(tmp_path: Path, *sources: BuildSource, canaries: tuple[str, ...] = ()) -> DomainTable:
    target = tmp_path / "categories.table"
    build_table(
        sources, target, built=BUILT, canaries=Canaries(canaries), is_public_suffix=SUFFIXES.__contains__
    )
    return DomainTable(target.read_bytes())


def test_names_children_and_several_categories(tmp_path: Path) -> None:
    table = build(
        tmp_path,
        source(tmp_path, "adult", "bad.example", "www.bad.example", "both.example"),
        source(tmp_path, "dating", "both.example", "meet.co.example"),
        source(tmp_path, "dating", "x.meet.co.example", name="more"),
    )
    assert table.categories("www.bad.example") == {"adult"}
    assert table.categories("a.both.example") == {"adult", "dating"}
    assert table.categories("meet.co.example") == {"dating"}
    assert table.categories("good.example") == frozenset()
    assert len(table) == 3  # the children of a listed parent are not stored
    assert table.info.built == BUILT
    assert [(row["id"], row["domains"]) for row in table.info.sources] == [
        ("adult", 3),
        ("dating", 2),
        ("more", 1),
    ]


def test_public_suffixes_are_left_out(tmp_path: Path) -> None:
    table = build(tmp_path, source(tmp_path, "ads", "pages.example", "co.example", "me.pages.example"))
    assert table.categories("me.pages.example") == {"ads"}
    assert table.categories("you.pages.example") == frozenset()
    assert len(table) == 1


def test_a_public_suffix_of_our_own_data_stands_there_on_purpose(tmp_path: Path) -> None:
    from dataclasses import replace

    own = replace(source(tmp_path, "ads", "pages.example", name="own"), packaged=True)
    table = build(tmp_path, own, source(tmp_path, "ads", "co.example", "pages.example", "me.pages.example"))
    assert table.categories("you.pages.example") == {"ads"}
    assert table.categories("me.co.example") == frozenset()
    assert len(table) == 1


def test_what_a_list_leaves_out_is_not_in_the_table(tmp_path: Path) -> None:
    path = tmp_path / "filter.txt"
    path.write_text(
        "||a.good.example^\n||help.example^\n||bad.example^\n@@||good.example^\n@@||help.example^\n"
    )
    table = build(
        tmp_path, BuildSource("filter", "ads", path, Format.ADBLOCK), canaries=("www.help.example",)
    )
    assert table.categories("a.good.example") == frozenset()
    assert table.categories("bad.example") == {"ads"}
    assert len(table) == 1


@pytest.mark.parametrize("listed", ["help.example", "www.help.example"])
def test_a_list_that_hits_an_innocent_site_is_refused_and_the_old_table_stays(
    tmp_path: Path, listed: str
) -> None:
    build(tmp_path, source(tmp_path, "adult", "bad.example"))
    before = (tmp_path / "categories.table").read_bytes()
    with pytest.raises(ListError, match=rf"^new: it lists {listed}, and so blocks www\.help\.example"):
        build(tmp_path, source(tmp_path, "adult", listed, name="new"), canaries=("www.help.example",))
    assert (tmp_path / "categories.table").read_bytes() == before
    assert not list(tmp_path.glob(".categories*"))


def test_a_name_under_an_innocent_site_is_no_hit(tmp_path: Path) -> None:
    table = build(tmp_path, source(tmp_path, "ads", "ads.help.example"), canaries=("help.example",))
    assert table.categories("ads.help.example") == {"ads"}


def test_where_the_source_says_so_only_the_innocent_name_is_left_out(tmp_path: Path) -> None:
    listed = source(tmp_path, "ads", "help.example", "bad.example", skip=True)
    table = build(tmp_path, listed, canaries=("www.help.example",))
    assert table.categories("www.help.example") == frozenset()
    assert table.categories("bad.example") == {"ads"}


def test_a_missing_file_and_a_full_disk_are_named(tmp_path: Path) -> None:
    build(tmp_path, source(tmp_path, "adult", "bad.example"))
    before = (tmp_path / "categories.table").read_bytes()
    with pytest.raises(ListError, match=r"gone: .* cannot be read"):
        build(tmp_path, BuildSource("gone", "adult", tmp_path / "gone.txt", Format.DOMAINS))
    names = source(tmp_path, "adult", *(f"bad{n}.example" for n in range(2000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ListError, match=r"could not be written .*; the old one stays in force"):
            build(tmp_path, names)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "categories.table").read_bytes() == before
    assert not list(tmp_path.glob(".categories*"))


_labels = st.sampled_from(["a", "b", "c", "bad"])
_names = st.lists(_labels, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))


@settings(max_examples=60)
@given(st.lists(_names, min_size=1, max_size=12))
def test_pruning_keeps_what_is_refused_the_same(listed: list[str]) -> None:
    pruned = prune([lambda: listed], b"salt" * 4, SUFFIXES.__contains__)
    tops = {
        name for name in listed if not any(name != other and name.endswith("." + other) for other in listed)
    }
    assert len(pruned.digests) == len(tops)
