"""`make sources` against a real server: what is alive, what has moved, and what is no longer as described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.household.loading import load_product
from gateway.lists.formats import Format
from gateway.lists.sources import PublishedList, parse_sources
from profiles import DATA
from tests.lists.served import Served, fetcher, served
from tests.sources import SourceCheck, check_sources, report

NAMES = b"".join(b"site-%d.example\n" % number for number in range(100))
HOSTS = b"".join(b"0.0.0.0 site-%d.example\n" % number for number in range(100))
# A hundred entries in each format, with the comments that makers put before them.
BODIES = {
    Format.DOMAINS: b"# Title: a list\n" + NAMES.replace(b"site-0", b"*.site-0"),
    Format.HOSTS: b"# Title: a list\n127.0.0.1 localhost\n" + HOSTS,
    Format.ADBLOCK: b"[Adblock Plus]\n! Title: a list\n"
    + b"".join(b"||site-%d.example^\n" % number for number in range(100)),
    Format.RPZ: b"$TTL 300\n@ SOA localhost. root.localhost. 1 43200 3600 259200 300\n  NS localhost.\n"
    + b"".join(b"site-%d.example CNAME .\n" % number for number in range(100)),
    Format.ADDRESSES: b"".join(b"198.51.100.%d # site.example\n" % number for number in range(100)),
}


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


def known_lists() -> list[PublishedList]:
    data = DATA.joinpath("sources.yaml").read_bytes()
    return list(parse_sources(data, "sources.yaml", load_product().categories).values())


def moved(one: PublishedList, address: str, bodies: dict[str, bytes]) -> PublishedList:
    """Return a list at addresses of ``address``, whose bodies are put there: split lists at any byte."""
    assert one.form is not None
    whole, places = BODIES[one.form], []
    for number, place in enumerate(one.places):
        paths = [f"/{one.id}/{number}/{part}" for part in range(len(place))]
        size = len(whole) // len(paths) + 1
        bodies.update({path: whole[part * size : (part + 1) * size] for part, path in enumerate(paths)})
        places.append(tuple(address + path for path in paths))
    (first, *further), *mirrors = places
    return replace(
        one, url=first, further=tuple(further), mirrors=tuple(mirrors), size=100, max_bytes=100_000
    )


def test_every_list_is_checked_at_each_of_its_addresses_in_its_format(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All lists of sources.yaml, from a server of the test: the internet is not reached from here."""
    bodies: dict[str, bytes] = {}
    with served(bodies) as server:
        lists = [moved(published, server.address, bodies) for published in known_lists()]
        assert report(checked(*lists)) == 0, capsys.readouterr().out
        assert sorted(server.asked) == sorted(bodies)
    rows = capsys.readouterr().out.splitlines()[1:-1]
    assert len(rows) == sum(len(published.places) for published in known_lists()) > len(known_lists())
    assert {row.split()[3] for row in rows} >= {"domains", "hosts", "adblock", "rpz", "addresses"}
    assert any(len(place) > 1 for published in lists for place in published.places), "one is cut into files"


def test_no_address_of_an_emptied_list_is_left() -> None:
    """On a first install, no previous copy shows that a list with one name was emptied."""
    (porn,) = (listed for listed in known_lists() if listed.id == "blp-porn")
    assert all("f2bdd1deab05f6a22739671cc20a17444e53699f" in url for place in porn.places for url in place)
