"""Fetch and build over real files and a real server: what is bad never replaces what is good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import ListError
from gateway.lists.build import Canaries
from gateway.lists.fetch import Fetcher
from gateway.lists.formats import Format
from gateway.lists.sources import PublishedList
from gateway.lists.update import Seed, Shelf, build_all
from gateway.policy.domains import DomainTable
from tests.lists.served import Served, served

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
        default=True,
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
    assert shelf.fetch(lists, Fetcher(), INNOCENT, NOW) == []
    table = table_of(tmp_path, shelf, lists, seeds)
    assert table.categories("www.bad.example") == {"adult"}
    assert table.categories("play.example") == {"games"}

    bodies.update({"/adult-list": b"help.example\n", "/games-list": b"<html>"})
    later = NOW + timedelta(days=1)
    problems = shelf.fetch(lists, Fetcher(), INNOCENT, later)
    assert [line.split(":")[0] for line in problems] == ["adult-list", "games-list"]
    assert "innocent" in problems[0]
    assert "web page" in problems[1]
    table = table_of(tmp_path, shelf, lists, seeds)
    assert table.categories("bad.example") == {"adult"}
    assert table.categories("help.example") == frozenset()

    again = Shelf(tmp_path / "lists")
    assert again.copies["adult-list"].fetched == NOW
    assert "innocent" in again.copies["adult-list"].error


def test_what_is_fresh_is_not_asked_for_again(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    lists = [published(server.address, "adult-list", "adult")]
    bodies["/adult-list"] = b"bad.example\n"
    shelf = Shelf(tmp_path / "lists")
    shelf.fetch(lists, Fetcher(), INNOCENT, NOW)
    shelf.fetch(lists, Fetcher(), INNOCENT, NOW + timedelta(hours=2))
    assert len(server.asked) == 1
    shelf.fetch(lists, Fetcher(), INNOCENT, NOW + timedelta(hours=2), force=True)
    shelf.fetch(lists, Fetcher(), INNOCENT, NOW + timedelta(hours=30))
    assert len(server.asked) == 3


def test_a_broken_book_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "sources.json").write_text("{'")
    assert Shelf(tmp_path).copies == {}


# No route leads to a broadcast or multicast address over TCP: the kernel says so, and nothing is sent.
NOWHERE, NOWHERE_ELSE = "http://255.255.255.255", "http://224.0.0.1"


def test_without_internet_it_ends_at_the_second_host(tmp_path: Path) -> None:
    lists = [published(NOWHERE, f"list-{number}", "adult") for number in range(20)]
    lists += [published(NOWHERE_ELSE, f"more-{number}", "adult") for number in range(20)]
    waits: list[float] = []
    shelf = Shelf(tmp_path)
    says = r"^no internet: neither 224\.0\.0\.1 nor 255\.255\.255\.255 can be reached \(.*unreachable\); the"
    with pytest.raises(ListError, match=says):
        shelf.fetch(lists, Fetcher(sleep=waits.append), INNOCENT, NOW)
    assert waits == []
    assert shelf.copies == {}
    with pytest.raises(ListError, match=r"^no internet: 224\.0\.0\.1 cannot be reached"):
        shelf.fetch(lists[20:], Fetcher(sleep=waits.append), INNOCENT, NOW)


def test_one_host_that_cannot_be_reached_keeps_nothing_from_the_others(
    server: Served, bodies: dict[str, bytes], tmp_path: Path
) -> None:
    bodies["/games-list"] = b"play.example\n"
    lists = [published(NOWHERE, "adult-list", "adult"), published(server.address, "games-list", "games")]
    waits: list[float] = []
    problems = Shelf(tmp_path).fetch(lists, Fetcher(sleep=waits.append), INNOCENT, NOW)
    assert len(waits) == 3
    assert [line.partition(":")[0] for line in problems] == ["adult-list"]
    assert (tmp_path / "games-list.list").exists()
