"""A real web server on loopback that has some lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2s
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from gateway.core.http_client import Outside
from gateway.lists.fetch import Fetcher


class Anywhere(Outside):
    """Takes loopback, on which the servers of tests are, for the internet."""

    def addresses(self, host: str, port: int) -> list[str]:
        return self._resolve(host, port)


def fetcher(**options: Any) -> Fetcher:
    return Fetcher(outside=Anywhere(), **options)


@dataclass(frozen=True, slots=True)
class Served:
    address: str  # without a path
    asked: list[str]  # paths, in order


@contextmanager
def served(bodies: Mapping[str, bytes], *, tags: bool = False) -> Iterator[Served]:
    """Serve ``bodies``, which may change meanwhile, by path; another path is not found.

    With ``tags`` each has an ETag, and a conditional request for the same bytes gets 304.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = bodies.get(self.path)
            if body is None:
                self.send_error(404)
                return
            tag = f'"{blake2s(body).hexdigest()}"'
            if tags and self.headers["If-None-Match"] == tag:
                self.send_response(304)
                self.end_headers()
                return
            self.send_response(200)
            if tags:
                self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Served(f"http://127.0.0.1:{server.server_port}", asked)
        server.shutdown()
        thread.join()
