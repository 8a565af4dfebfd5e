"""A real web server on loopback that has some lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from gateway.lists.fetch import Fetcher
from gateway.outgoing import Outside


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
def served(bodies: Mapping[str, bytes]) -> Iterator[Served]:
    """``bodies`` by path; may change meanwhile."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = bodies[self.path]
            self.send_response(200)
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
