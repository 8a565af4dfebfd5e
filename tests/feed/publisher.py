"""A publisher of a feed with keys of its own, and a web server on loopback that serves it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from gateway.feed.bundle import pack
from gateway.feed.data_set import packaged_data
from gateway.feed.repository import FeedRepository, KeyCounts, make_key
from gateway.feed.target import FeedTable
from profiles import DATA

FORMAT = packaged_data().format
FIRST = packaged_data().version + 1  # the first version that a gateway with this package takes
NEW_SERVICE = """\
group: {id: ai, name: {en: AI assistants}}
services:
  newchat:
    name: New Chat
    categories: [ai]
    domains: [newchat-feed.com]
    test: {match: [newchat-feed.com], miss: [example.com]}
"""


class Publisher:
    """Makes the keys and an empty feed in ``folder``; publishes with all of them at hand."""

    def __init__(self, folder: Path, counts: KeyCounts | None = None) -> None:
        self.folder, self.keys = folder / "feed", folder / "keys"
        self.ahead = timedelta()  # of the publisher's clock
        self.repository = FeedRepository(self.folder, lambda: datetime.now(UTC) + self.ahead)
        self.repository.init(self.keys, counts or KeyCounts())

    @property
    def public(self) -> Path:
        return self.folder / "public"

    @property
    def root(self) -> Path:
        return self.folder / "feed-root.json"

    def offline(self, *names: str) -> list[Path]:
        return [self.keys / "offline" / f"{name}.pem" for name in names]

    @property
    def online(self) -> list[Path]:
        return [self.keys / "online" / f"{name}.pem" for name in ("snapshot", "timestamp")]

    def stage(
        self,
        version: int,
        bundle: bytes | None = None,
        tables: Iterable[FeedTable] = (),
        rollout: int | None = None,
    ) -> None:
        made = bundle_of(version) if bundle is None else bundle
        self.repository.stage_bundle(made, FORMAT, version, tables, rollout)

    def publish(
        self,
        version: int | None = None,
        bundle: bytes | None = None,
        tables: Iterable[FeedTable] = (),
        rollout: int | None = None,
    ) -> None:
        """Publish a version of the data; None: renew the online signatures."""
        if version is not None:
            self.stage(version, bundle, tables, rollout)
            self.repository.sign(self.offline("targets-1"))
        self.repository.publish(self.online)

    def publish_staged(self, key: Path | None = None) -> None:
        """Sign what waits with a key, by default that of the targets, and publish it."""
        self.repository.sign([key or self.offline("targets-1")[0]])
        self.repository.publish(self.online)

    def set_percentage(self, percent: int) -> None:
        """Publish for which percentage of gateways the candidate is."""
        self.repository.stage_percentage("targets", percent)
        self.publish_staged()

    def add_provider(self, name: str) -> Path:
        """Publish the delegation to a provider with a new key; the key."""
        key = self.keys / f"{name}-{len(list(self.keys.glob('*.pem')))}.pem"
        make_key(key)
        self.repository.stage_provider(name, [key.with_suffix(".pub")])
        self.publish_staged()
        return key

    def saved(self, name: str) -> Path:
        """A copy of the whole feed as it is now."""
        place = self.folder / name
        shutil.copytree(self.public, place)
        return place


def bundle_of(version: int, folder: Path = DATA) -> bytes:
    return pack(folder, f"format: {FORMAT}\nversion: {version}\n".encode())


def data_with(folder: Path, files: Mapping[str, str]) -> Path:
    """A copy of the packaged data with other or more files."""
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


class Site:
    """A web server whose folder may change, and which can misbehave by path.

    ``bodies`` replace files; ``cut`` are paths whose answer ends after half of it; ``down`` answers 503.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bodies: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.down = False
        self.asked: list[str] = []
        self.headers = ""  # of all requests
        self.sent = 0  # bytes of bodies
        self.address = ""

    def body(self, path: str) -> bytes | None:
        file = self.folder / path.lstrip("/")
        if path in self.bodies:
            return self.bodies[path]
        return file.read_bytes() if file.is_file() else None

    def bundle_path(self) -> str:
        newest = max((self.folder / "targets").iterdir(), key=lambda file: file.stat().st_mtime_ns)
        return f"/targets/{newest.name}"


@contextmanager
def serving(folder: Path) -> Iterator[Site]:
    site = Site(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.headers += str(self.headers)
            body = site.body(self.path)
            if site.down or body is None:
                self.send_error(503 if site.down else 404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            shown = body[: len(body) // 2] if self.path in site.cut else body
            site.sent += len(shown)
            self.wfile.write(shown)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def metadata(path: Path) -> dict[str, Any]:
    """The signed part of a metadata file."""
    signed: dict[str, Any] = json.loads(path.read_bytes())["signed"]
    return signed
