"""Downloads from a real server on loopback: new, unchanged, too large, cut, broken for a while, gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.core.errors import ListError
from gateway.lists.book import Validators
from gateway.lists.fetch import Fetcher
from tests.lists import served
from tests.pace import longest

BODY = b"bad.example\n" * 100


class _Lists(BaseHTTPRequestHandler):
    """What happens is written in the path."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        if self.path == "/flaky" and len(self.seen) < 3:
            self.send_error(503)
        elif self.path == "/gone":
            self.send_error(404)
        elif self.path == "/down":
            self.send_error(500)
        elif self.path == "/letters":
            self.send_response(200)
            self.end_headers()
            self._letter_by_letter(b"a")
        elif self.path == "/heads":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            self._letter_by_letter(b"a")
        elif self.path == "/silent":
            threading.Event().wait(2)
        elif self.headers["If-None-Match"] == '"1"':
            self.send_response(304)
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("ETag", '"1"')
            if self.path != "/unsized":
                self.send_header("Content-Length", str(len(BODY) + 10 * (self.path == "/cut")))
            self.end_headers()
            self.wfile.write(BODY)

    def _letter_by_letter(self, letter: bytes) -> None:
        with suppress(OSError):
            for _ in range(100):
                self.wfile.write(letter)
                threading.Event().wait(0.1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the overridden one
        return


@pytest.fixture
def lists() -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []
    handler = type("Lists", (_Lists,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def fetcher(
    pauses: list[float] | None = None,
    steps: list[tuple[int, int | None]] | None = None,
    stall: float = 10.0,
) -> Fetcher:
    return served.fetcher(
        progress=lambda source, done, total: (steps if steps is not None else []).append((done, total)),
        sleep=(pauses if pauses is not None else []).append,
        stall=stall,
    )


def test_a_new_copy_then_none(lists: tuple[str, list[str]], tmp_path: Path) -> None:
    url, seen = lists
    target = tmp_path / "list"
    steps: list[tuple[int, int | None]] = []
    first = fetcher(steps=steps).fetch("list", url + "/list", target, Validators(), 10_000)
    assert target.read_bytes() == BODY
    assert first.validators.etag == '"1"'
    assert steps[-1] == (len(BODY), len(BODY))
    second = fetcher().fetch("list", url + "/list", tmp_path / "new", first.validators, 10_000)
    assert second.path is None
    assert not (tmp_path / "new").exists()
    assert len(seen) == 2


def test_a_server_that_recovers_is_asked_again_with_growing_pauses(
    lists: tuple[str, list[str]], tmp_path: Path
) -> None:
    pauses: list[float] = []
    fetched = fetcher(pauses).fetch("list", lists[0] + "/flaky", tmp_path / "list", Validators(), 10_000)
    assert fetched.path is not None
    assert 2 <= pauses[0] <= 4 <= pauses[1] <= 8


@pytest.mark.parametrize(
    ("path", "limit", "words", "asked"),
    [
        ("/gone", 10_000, "the server responded with 404", 1),
        ("/down", 10_000, "the server responded with 500 .* 4 times; keeping the previous copy", 4),
        ("/cut", 10_000, "cut after 1200 of 1210 bytes", 4),
        ("/silent", 10_000, "timed out", 4),
        ("/list", 1000, "more than 1000 bytes", 1),
        ("/unsized", 1000, "more than 1000 bytes", 1),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_nothing(
    lists: tuple[str, list[str]], tmp_path: Path, path: str, limit: int, words: str, asked: int
) -> None:
    made = fetcher(stall=0.2 if path == "/silent" else 10.0)
    with pytest.raises(ListError, match=f"^my list: .*{words}"):
        made.fetch("my list", lists[0] + path, tmp_path / "list", Validators(), limit)
    assert len(lists[1]) == asked
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/letters", "/heads"])
def test_a_server_that_tells_a_letter_now_and_then_does_not_keep_the_other_lists(
    lists: tuple[str, list[str]], tmp_path: Path, path: str
) -> None:
    """No step of it is slow, and all of it would take weeks."""
    began = time.monotonic()
    one = served.fetcher(sleep=lambda _: None, stall=5, deadline=1)
    with pytest.raises(ListError, match=r"^my list: slower than 1 s; keeping the previous copy$"):
        one.fetch("my list", lists[0] + path, tmp_path / "list", Validators(), 10_000)
    assert time.monotonic() - began < longest(4.0, below=9.0)
    assert len(lists[1]) == 1
    assert list(tmp_path.iterdir()) == []


def test_validators_of_another_address_are_not_sent(lists: tuple[str, list[str]], tmp_path: Path) -> None:
    """A list that has moved is another file, which may have the same date."""
    old = Validators('"1"', url=lists[0] + "/old")
    fetched = fetcher().fetch("list", lists[0] + "/list", tmp_path / "list", old, 10_000)
    assert fetched.path is not None
    assert fetched.validators == Validators('"1"', url=lists[0] + "/list")


def test_only_web_addresses(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="a web address begins with https:// or http://"):
        fetcher().fetch("x", "file:///etc/passwd", tmp_path / "list", Validators(), 10)
