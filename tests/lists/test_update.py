"""Fetch and build over real files and a real server: what is bad never replaces what is good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from gateway.lists.build import Canaries
from gateway.lists.fetch import Fetcher
from gateway.lists.formats import Format
from gateway.lists.sources import PublishedList
from gateway.lists.update import Seed, Shelf, build_all
from gateway.policy.domains import DomainTable

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
INNOCENT = Canaries(["www.help.example"])


class Server(BaseHTTPRequestHandler):
    bodies: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = self.bodies[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


@pytest.fixture
def address():  # type: ignore[no-untyped-def]
    Server.bodies.clear()
    Server.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


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


def test_only_good_copies_replace_good_copies(address: str, tmp_path: Path) -> None:
    lists = [published(address, "adult-list", "adult"), published(address, "games-list", "games")]
    (tmp_path / "own.txt").write_text("seed.example\n")
    seeds = [Seed("dating", tmp_path / "own.txt")]
    shelf = Shelf(tmp_path / "lists")
    assert table_of(tmp_path, shelf, lists, seeds).categories("seed.example") == {"dating"}

    Server.bodies.update({"/adult-list": b"bad.example\n", "/games-list": b"play.example\n"})
    assert shelf.fetch(lists, Fetcher(), INNOCENT, NOW) == []
    table = table_of(tmp_path, shelf, lists, seeds)
    assert table.categories("www.bad.example") == {"adult"}
    assert table.categories("play.example") == {"games"}

    Server.bodies.update({"/adult-list": b"help.example\n", "/games-list": b"<html>"})
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


def test_what_is_fresh_is_not_asked_for_again(address: str, tmp_path: Path) -> None:
    lists = [published(address, "adult-list", "adult")]
    Server.bodies["/adult-list"] = b"bad.example\n"
    shelf = Shelf(tmp_path / "lists")
    shelf.fetch(lists, Fetcher(), INNOCENT, NOW)
    shelf.fetch(lists, Fetcher(), INNOCENT, NOW + timedelta(hours=2))
    assert len(Server.asked) == 1
    shelf.fetch(lists, Fetcher(), INNOCENT, NOW + timedelta(hours=2), force=True)
    shelf.fetch(lists, Fetcher(), INNOCENT, NOW + timedelta(hours=30))
    assert len(Server.asked) == 3


def test_a_broken_book_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "sources.json").write_text("{'")
    assert Shelf(tmp_path).copies == {}
