"""Fetch and build over real files and a real server: what is bad never replaces what is good."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.core.errors import ListError
from gateway.lists.book import Copy, Validators
from gateway.lists.canaries import Canaries
from gateway.lists.formats import Format
from gateway.lists.sources import PublishedList
from gateway.lists.update import Seed, Shelf, build_all
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.domain_table import DomainTable
from tests.lists.served import Served, fetcher, served

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
INNOCENT = Canaries(["www.help.example"])


@pytest.fixture
def bodies() -> dict[str, bytes]:
    return {}


@pytest.fixture
def server(bodies: dict[str, bytes]) -> Iterator[Served]:
    with served(bodies) as running:
        yield running


def published(address: str, name: str, category: str) -> PublishedList:
    return PublishedList(
        id=name,
        name=name,
        url=f"{address}/{name}",
        form=Format.DOMAINS,
        licence="CC0-1.0",
        category=category,
        size=1,
        max_bytes=10_000,
        skip_canaries=False,
        tier=ListTier.SMALL,
    )


def table_of(state: Path, shelf: Shelf, lists: list[PublishedList], seeds: list[Seed]) -> DomainTable:
    build_all(
        shelf,
        lists,
        seeds,
        state,
        canaries=INNOCENT,
        is_public_suffix={"com", "example"}.__contains__,
        now=NOW,
    )
    return DomainTable((state / "categories.table").read_bytes())


def test_only_good_copies_replace_good_copies(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    address = server.address
    lists = [published(address, "adult-list", "adult"), published(address, "games-list", "games")]
    (tmp_path / "own.txt").write_text("seed.example\n")
    seeds = [Seed("dating", tmp_path / "own.txt")]
    shelf = Shelf(tmp_path / "lists")
    assert table_of(tmp_path, shelf, lists, seeds).categories("seed.example") == {"dating"}

    bodies.update({"/adult-list": b"bad.example\n", "/games-list": b"play.example\n"})
    assert shelf.fetch(lists, fetcher(), INNOCENT, NOW) == []
    table = table_of(tmp_path, shelf, lists, seeds)
    assert table.categories("www.bad.example") == {"adult"}
    assert table.categories("play.example") == {"games"}

    bodies.update({"/adult-list": b"help.example\n", "/games-list": b"<html>"})
    later = NOW + timedelta(days=1)
    problems = shelf.fetch(lists, fetcher(), INNOCENT, later)
    assert [line.split(":")[0] for line in problems] == ["adult-list", "games-list"]
    assert "well-known" in problems[0]
    assert "web page" in problems[1]
    table = table_of(tmp_path, shelf, lists, seeds)
    assert table.categories("bad.example") == {"adult"}
    assert table.categories("help.example") == frozenset()

    again = Shelf(tmp_path / "lists")
    assert again.copies["adult-list"].fetched == NOW
    assert "well-known" in again.copies["adult-list"].error


def in_parts(address: str, count: int, most: int = 10_000) -> PublishedList:
    one = published(address, "part-0", "adult")
    further = tuple(f"{address}/part-{number}" for number in range(1, count))
    return replace(one, id="split", further=further, max_bytes=most)


def test_a_list_in_several_files_is_one_copy(bodies: dict[str, bytes], tmp_path: Path) -> None:
    """A maker cuts it at any byte. All files are fetched again when one has changed."""
    bodies.update({"/part-0": b"bad.exam", "/part-1": b"ple\nworse.example", "/part-2": b"\nworst.example\n"})
    shelf = Shelf(tmp_path)
    with served(bodies, tags=True) as server:
        split = in_parts(server.address, 3)
        assert shelf.fetch([split], fetcher(), INNOCENT, NOW) == []
        copy = tmp_path / "split.list"
        assert copy.read_bytes() == b"bad.example\nworse.example\nworst.example\n"
        before = copy.stat().st_ino

        assert shelf.fetch([split], fetcher(), INNOCENT, NOW + timedelta(days=1)) == []
        assert copy.stat().st_ino == before, "none has changed"
        assert len(server.asked) == 6

        bodies["/part-2"] = b"\nnew.example\n"
        assert shelf.fetch([split], fetcher(), INNOCENT, NOW + timedelta(days=2)) == []
        assert copy.read_bytes() == b"bad.example\nworse.example\nnew.example\n"
        assert server.asked[6:] == [f"/part-{number}" for number in (0, 1, 2, 0, 1)]

        fewer = in_parts(server.address, 2)
        assert shelf.fetch([fewer], fetcher(), INNOCENT, NOW + timedelta(days=3)) == []
        assert copy.read_bytes() == b"bad.example\nworse.example"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["sources.json", "split.list"]


def test_a_list_with_a_missing_file_keeps_its_copy(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    bodies.update({"/part-0": b"bad.example\n", "/part-1": b"worse.example\n"})
    shelf, split = Shelf(tmp_path), in_parts(server.address, 2)
    assert shelf.fetch([split], fetcher(), INNOCENT, NOW) == []
    bodies["/part-0"] = b"other.example\n"
    del bodies["/part-1"]
    (line,) = shelf.fetch([split], fetcher(), INNOCENT, NOW + timedelta(days=1))
    moved = f"check whether {server.address}/part-1 has moved; keeping the previous copy"
    assert line == f"split: the server responded with 404 Not Found; {moved}"
    bodies["/part-1"] = b"worse.example\n"
    (line,) = shelf.fetch(
        [in_parts(server.address, 2, most=20)], fetcher(), INNOCENT, NOW + timedelta(days=1)
    )
    assert line == "split: more than 20 bytes; raise its `max_bytes` if it has grown"
    assert (tmp_path / "split.list").read_bytes() == b"bad.example\nworse.example\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["sources.json", "split.list"]


def test_a_copy_that_is_damaged_is_left_out_and_fetched_again(
    bodies: dict[str, bytes], tmp_path: Path
) -> None:
    """As after a power failure: an empty file with a name that is known."""
    bodies.update({"/adult-list": b"bad.example\n", "/games-list": b"play.example\n"})
    with served(bodies, tags=True) as server:
        lists = [
            published(server.address, "adult-list", "adult"),
            published(server.address, "games-list", "games"),
        ]
        shelf = Shelf(tmp_path / "lists")
        assert shelf.fetch(lists, fetcher(), INNOCENT, NOW) == []
        (tmp_path / "lists" / "adult-list.list").write_bytes(b"")
        table = table_of(tmp_path, shelf, lists, [])
        assert table.categories("play.example") == {"games"}
        assert [one["id"] for one in table.info.sources] == ["games-list"]
        again = Shelf(tmp_path / "lists")
        assert again.copies["adult-list"].error.startswith("adult-list: no domain in 0 lines")
        assert not again.path("adult-list").exists()
        assert again.fetch(lists, fetcher(), INNOCENT, NOW) == []
        assert table_of(tmp_path, again, lists, []).categories("bad.example") == {"adult"}


def test_a_copy_that_cannot_be_read_keeps_the_old_table(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    bodies["/adult-list"] = b"bad.example\n"
    lists = [published(server.address, "adult-list", "adult")]
    shelf = Shelf(tmp_path / "lists")
    shelf.fetch(lists, fetcher(), INNOCENT, NOW)
    table_of(tmp_path, shelf, lists, [])
    before = (tmp_path / "categories.table").read_bytes()
    shelf.path("adult-list").unlink()
    shelf.path("adult-list").mkdir()
    with pytest.raises(ListError, match=r"adult-list: .* cannot be read \(Is a directory\)"):
        table_of(tmp_path, shelf, lists, [])
    assert (tmp_path / "categories.table").read_bytes() == before


def test_what_is_fresh_is_not_asked_for_again(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    lists = [published(server.address, "adult-list", "adult")]
    bodies["/adult-list"] = b"bad.example\n"
    shelf = Shelf(tmp_path / "lists")
    shelf.fetch(lists, fetcher(), INNOCENT, NOW)
    shelf.fetch(lists, fetcher(), INNOCENT, NOW + timedelta(hours=1))
    assert len(server.asked) == 1
    shelf.fetch(lists, fetcher(), INNOCENT, NOW + timedelta(hours=1), force=True)
    shelf.fetch(lists, fetcher(), INNOCENT, NOW + timedelta(hours=4))
    assert len(server.asked) == 3


@pytest.mark.parametrize("written", ["{'", "[]", "7", "null", '{"a":' * 100_000, "\u00ff"])
def test_a_broken_book_is_begun_anew(tmp_path: Path, written: str) -> None:
    (tmp_path / "sources.json").write_bytes(written.encode("latin-1"))
    assert Shelf(tmp_path).copies == {}


@pytest.mark.parametrize(
    "row",
    [
        '{"fetched": "2026-11-24T06:00:00", "etag": "1"}',  # without an offset
        '{"fetched": 7, "etag": "1"}',
        '{"fetched": [], "etag": "1", "modified": {}, "error": []}',
        '{"fetched": "soon", "etag": "1", "modified": "a\\r\\nb"}',
    ],
)
def test_of_a_broken_row_what_is_right_is_known(tmp_path: Path, row: str) -> None:
    (tmp_path / "sources.json").write_text(f'{{"a": {row}, "b": [], "c": {{"etag": "2"}}}}')
    copies = Shelf(tmp_path).copies
    assert copies["a"] == Copy(Validators("1"))
    assert copies["b"] == Copy()
    assert copies["c"].validators.etag == "2"


def test_what_the_book_keeps_of_a_copy_is_read_again(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    first, second = (
        Validators('"1"', None, "https://a.example/0"),
        Validators(None, "Tue", "https://a.example/1"),
    )
    copy = shelf.copies["a"] = Copy(first, NOW, "a line", (second,))
    shelf.save()
    assert Shelf(tmp_path).copies == {"a": copy}


@contextmanager
def small_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond ``limit`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_no_failed_download(server: Served, bodies: dict[str, bytes], tmp_path: Path) -> None:
    bodies.update({"/adult-list": b"bad.example\n" * 500, "/games-list": b"play.example\n"})
    lists = [published(server.address, one, "adult") for one in ("adult-list", "games-list")]
    waits: list[float] = []
    says = rf"^{tmp_path}: cannot be written \(File too large\); the old table stays in force$"
    with small_disk(4096), pytest.raises(ListError, match=says):
        Shelf(tmp_path).fetch(lists, fetcher(sleep=waits.append), INNOCENT, NOW)
    assert (waits, server.asked) == ([], ["/adult-list"])
    assert [one.name for one in tmp_path.iterdir()] == ["sources.json"]


def test_a_book_that_cannot_be_written_is_named_and_nothing_is_left(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    bodies["/adult-list"] = b"bad.example\n"
    with small_disk(20), pytest.raises(ListError, match=rf"^{tmp_path}/sources\.json: cannot be written"):
        Shelf(tmp_path).fetch([published(server.address, "adult-list", "adult")], fetcher(), INNOCENT, NOW)
    assert [one.name for one in tmp_path.iterdir()] == ["adult-list.list"]


# No route leads to a broadcast or multicast address over TCP: the kernel says so, and nothing is sent.
NOWHERE, NOWHERE_ELSE = "http://255.255.255.255", "http://224.0.0.1"


def test_without_internet_it_ends_at_the_second_host(tmp_path: Path) -> None:
    lists = [published(NOWHERE, f"list-{number}", "adult") for number in range(20)]
    lists += [published(NOWHERE_ELSE, f"more-{number}", "adult") for number in range(20)]
    waits: list[float] = []
    shelf = Shelf(tmp_path)
    says = r"^no internet: neither 224\.0\.0\.1 nor 255\.255\.255\.255 can be reached \(.*unreachable\); kee"
    with pytest.raises(ListError, match=says):
        shelf.fetch(lists, fetcher(sleep=waits.append), INNOCENT, NOW)
    assert waits == []
    assert shelf.copies == {}
    with pytest.raises(ListError, match=r"^no internet: 224\.0\.0\.1 cannot be reached"):
        shelf.fetch(lists[20:], fetcher(sleep=waits.append), INNOCENT, NOW)


def test_one_host_that_cannot_be_reached_keeps_nothing_from_the_others(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    bodies["/games-list"] = b"play.example\n"
    lists = [published(NOWHERE, "adult-list", "adult"), published(server.address, "games-list", "games")]
    waits: list[float] = []
    problems = Shelf(tmp_path).fetch(lists, fetcher(sleep=waits.append), INNOCENT, NOW)
    assert len(waits) == 3
    assert [line.partition(":")[0] for line in problems] == ["adult-list"]
    assert (tmp_path / "games-list.list").exists()


def test_a_mirror_takes_over_where_the_first_address_fails(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    """A missing file, a web page and a server that is down: each is followed by the mirror, in order."""
    bodies.update({"/page": b"<html>", "/mirror": b"bad.example\n"})
    mirrors = ((f"{server.address}/page",), (f"{server.address}/mirror",))
    gone = replace(published(server.address, "gone", "adult"), mirrors=mirrors)
    down = replace(published("http://127.0.0.1:1", "down", "adult"), mirrors=mirrors[1:])
    shelf = Shelf(tmp_path)
    assert shelf.fetch([gone, down], fetcher(sleep=lambda _: None), INNOCENT, NOW) == []
    assert server.asked == ["/gone", "/page", "/mirror", "/mirror"]
    assert (tmp_path / "gone.list").read_bytes() == (tmp_path / "down.list").read_bytes() == b"bad.example\n"
    assert shelf.copies["down"].validators.url == f"{server.address}/mirror"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["down.list", "gone.list", "sources.json"]


def test_validators_are_those_of_the_address_that_sent_the_copy(
    bodies: dict[str, bytes], tmp_path: Path
) -> None:
    """The mirror's ETag is never sent to the first address, which may be back with an older file."""
    bodies["/mirror"] = b"bad.example\n"
    shelf = Shelf(tmp_path)
    with served(bodies, tags=True) as server:
        one = replace(published(server.address, "list", "adult"), mirrors=((f"{server.address}/mirror",),))
        assert shelf.fetch([one], fetcher(), INNOCENT, NOW) == []
        before = shelf.path("list").stat().st_ino
        assert shelf.fetch([one], fetcher(), INNOCENT, NOW + timedelta(days=1)) == []
        assert shelf.path("list").stat().st_ino == before, "the mirror has confirmed its copy"
        bodies["/list"] = b"bad.example\nworse.example\n"
        assert shelf.fetch([one], fetcher(), INNOCENT, NOW + timedelta(days=2)) == []
    assert shelf.path("list").read_bytes() == bodies["/list"]


def test_a_mirror_may_be_cut_into_other_files(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    bodies.update({"/whole": b"bad.example\nworse.example\n", "/part-0": b"bad.example\n"})
    split = replace(in_parts(server.address, 2), mirrors=((f"{server.address}/whole",),))
    shelf = Shelf(tmp_path)
    assert shelf.fetch([split], fetcher(), INNOCENT, NOW) == []
    assert shelf.path("split").read_bytes() == bodies["/whole"]
    assert shelf.copies["split"].further == ()


def test_if_all_places_fail_the_first_and_the_last_problem_are_named(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    bodies["/mirror"] = b"<html>"
    one = replace(published(server.address, "gone", "adult"), mirrors=((f"{server.address}/mirror",),))
    (line,) = Shelf(tmp_path).fetch([one], fetcher(), INNOCENT, NOW)
    assert line.startswith("gone: the server responded with 404 Not Found; check whether ")
    assert "; its mirror failed too: line 1: a web page, not a list" in line


def test_a_server_that_failed_gets_one_try_for_each_further_list(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    """Nineteen lists of a server that is down would otherwise wait for their retries for half an hour."""
    bodies["/games-list"] = b"play.example\n"
    lists = [published(server.address, "games-list", "games")]
    lists += [published("http://127.0.0.1:1", f"list-{number}", "adult") for number in range(3)]
    waits: list[float] = []
    problems = Shelf(tmp_path).fetch(lists, fetcher(sleep=waits.append), INNOCENT, NOW)
    assert [line.partition(":")[0] for line in problems] == ["list-0", "list-1", "list-2"]
    assert len(waits) == 3
    assert "4 times" in problems[0]
    assert "times" not in problems[1]


def test_a_copy_that_was_emptied_does_not_replace_a_good_one(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    """A maker's script publishes one name of a hundred thousand; a mirror may have the others."""
    whole = b"".join(b"site-%d.example\n" % number for number in range(200))
    bodies["/large"] = whole
    one = published(server.address, "large", "adult")
    shelf = Shelf(tmp_path)
    assert shelf.fetch([one], fetcher(), INNOCENT, NOW, force=True) == []
    bodies["/large"] = b"site-7.example\n"
    (line,) = shelf.fetch([one], fetcher(), INNOCENT, NOW, force=True)
    assert line == "large: it has 15 bytes, and the copy before has 3,290; keeping the previous copy"
    assert shelf.path("large").read_bytes() == whole
    bodies["/mirror"] = whole + b"site-200.example\n"
    mirrored = replace(one, mirrors=((f"{server.address}/mirror",),))
    assert shelf.fetch([mirrored], fetcher(), INNOCENT, NOW, force=True) == []
    assert shelf.path("large").read_bytes() == bodies["/mirror"]
