"""`make sources` against a real server: what is alive, what has moved, and what is no longer as described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.lists.formats import Format
from gateway.lists.sources import PublishedList
from tests.lists.served import Served, fetcher, served
from tests.sources import SourceCheck, check_sources, report

NAMES = b"".join(b"site-%d.example\n" % number for number in range(100))
HOSTS = b"".join(b"0.0.0.0 site-%d.example\n" % number for number in range(100))


@pytest.fixture
def server() -> Iterator[Served]:
    bodies = {
        "/names": NAMES,
        "/hosts": HOSTS,
        "/page": b"<!doctype html><title>Moved</title>",
        "/part-0": NAMES[:1000],
        "/part-1": NAMES[1000:],
    }
    with served(bodies) as running:
        yield running


def published(server: Served, path: str, **values: object) -> PublishedList:
    one = PublishedList(
        id=path, name=path, url=f"{server.address}/{path}", form=Format.DOMAINS, licence="CC0-1.0",
        category="adult", size=100, max_bytes=100_000, skip_canaries=True, tier=None,
    )  # fmt: skip
    return replace(one, **values)  # type: ignore[arg-type]


def checked(*lists: PublishedList) -> list[SourceCheck]:
    return list(check_sources(lists, fetcher(sleep=lambda _: None)))


def test_a_list_is_checked_at_each_of_its_addresses(server: Served) -> None:
    address = server.address
    mirrors = ((f"{address}/part-0", f"{address}/part-1"), (f"{address}/gone",))
    good, split, dead = checked(published(server, "names", mirrors=mirrors))
    assert (good.entries, good.form, good.problem) == (100, "domains", "")
    assert (split.entries, split.problem) == (100, "")
    assert (dead.row[2], dead.entries) == ("dead", 0)
    assert dead.problem == (
        f"the server responded with 404 Not Found; check whether {address}/gone has moved"
    )


@pytest.mark.parametrize(
    ("path", "values", "problem"),
    [
        ("hosts", {}, "it looks like hosts, and sources.yaml says domains"),
        ("page", {}, "line 1: a web page, not a list"),
        ("names", {"size": 301}, "it has 100 entries; correct its size in sources.yaml"),
        ("names", {"size": 33}, "it has 100 entries; correct its size in sources.yaml"),
        ("names", {"max_bytes": len(NAMES) + 100}, "raise its max_bytes"),
        ("names", {"max_bytes": len(NAMES) - 1}, "raise its `max_bytes` if it has grown"),
        ("names", {"licence": "free for all"}, "its licence 'free for all' is no SPDX identifier"),
    ],
)
def test_what_is_wrong_is_named(server: Served, path: str, values: dict[str, object], problem: str) -> None:
    (check,) = checked(published(server, path, **values))
    assert problem in check.problem


def test_the_table_names_each_address_and_one_problem_fails_it(
    server: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(checked(published(server, "names"), published(server, "hosts", form=Format.HOSTS))) == 0
    head, first, second, end = capsys.readouterr().out.splitlines()
    assert head.split() == ["LIST", "SERVER", "STATE", "FORMAT", "ENTRIES", "SIZE", "PROBLEM"]
    host = server.address.removeprefix("http://")
    assert first.split() == ["names", host, "ok", "domains", "100", "100"]
    assert second.split() == ["hosts", host, "ok", "hosts", "100", "100"]
    assert end == "2 addresses, 0 with a problem"
    assert report(checked(published(server, "names"), published(server, "gone"))) == 1
    assert "2 addresses, 1 with a problem" in capsys.readouterr().out
