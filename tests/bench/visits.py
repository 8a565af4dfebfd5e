"""Run on a device: a browser that fetches pages one after the other, and says how long each took.

One JSON object comes in and one goes out. The way is HTTP/1.1 on a socket that stays open, as of a browser;
what comes back is read to its end. Nothing is drawn.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPResponse
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urljoin

FORM = "application/x-www-form-urlencoded"
WAIT = 20  # seconds for one answer


@dataclass(frozen=True, slots=True)
class Visit:
    """One page, once."""

    path: str
    status: int
    kind: str  # its Content-Type, without the charset
    size: int  # bytes on the wire, headers and all
    ms: float
    busy: float  # ms of processor time that `watched` spent on it


@dataclass(slots=True)
class Browser:
    """Keeps cookies, asks for one language, sends forms as pages do."""

    gateway: str  # address and port
    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)
    watched: list[int] = field(default_factory=list)  # processes
    _open: HTTPConnection | None = None

    def get(self, path: str) -> tuple[Visit, bytes]:
        return self._ask("GET", path, None)

    def send(self, path: str, values: dict[str, str]) -> tuple[Visit, bytes]:
        """A form."""
        return self._ask("POST", path, urlencode(values))

    def _ask(self, method: str, path: str, body: str | None) -> tuple[Visit, bytes]:
        headers = {"Accept-Language": self.language, "Accept-Encoding": "gzip, deflate"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            headers |= {"Content-Type": FORM, "Origin": f"http://{self.gateway}"}
        if self._open is None:
            self._open = HTTPConnection(self.gateway, timeout=WAIT)
        spent, began = _spent(self.watched), time.perf_counter()
        self._open.request(method, path, body, headers)
        answer = self._open.getresponse()
        kind = answer.headers.get_content_type()
        if kind == "text/event-stream":  # has no end
            self._open = None
            answer.close()
            return Visit(path, answer.status, kind, 0, 0.0, 0.0), b""
        content = answer.read()
        ms = (time.perf_counter() - began) * 1000
        self._keep(answer)
        busy = _spent(self.watched) - spent
        return Visit(path, answer.status, kind, _heading(answer) + len(content), ms, busy), content

    def _keep(self, answer: HTTPResponse) -> None:
        for line in answer.headers.get_all("Set-Cookie", ()):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value


def _spent(processes: list[int]) -> float:
    """Milliseconds of processor time of all their threads."""
    tasks = (task for one in processes for task in Path(f"/proc/{one}/task").iterdir())
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def _undisturbed(processes: list[int]) -> None:
    """Before whatever else runs on this machine: what is measured is a page, not its neighbours."""
    tasks = (int(task.name) for one in processes for task in Path(f"/proc/{one}/task").iterdir())
    for task in (0, *tasks):
        os.sched_setscheduler(task, os.SCHED_RR, os.sched_param(1))


def _heading(answer: HTTPResponse) -> int:
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += [f"{name}: {value}" for name, value in answer.getheaders()]
    return sum(len(line) + 2 for line in lines) + 2


class _Parts(HTMLParser):
    """What a browser fetches by itself for a document."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        source = values.get("href") if tag == "link" else values.get("src")
        if source and tag in {"link", "script", "img"} and values.get("rel") in {None, "stylesheet", "icon"}:
            self.found.append(source)


def weigh(browser: Browser, path: str) -> int:
    """A first visit, with nothing in the browser's cache: the document and all that it loads."""
    visit, content = browser.get(path)
    parts = _Parts()
    parts.feed(content.decode())
    total = visit.size
    for source in dict.fromkeys(parts.found):
        total += browser.get(urljoin(path, source))[0].size
    return total


def main() -> None:
    asked = json.load(sys.stdin)
    browser = Browser(asked["gateway"], asked["language"], asked["cookies"], asked["watched"])
    if asked["watched"]:
        _undisturbed(asked["watched"])
    forms = [asdict(browser.send(path, values)[0]) for path, values in asked["forms"]]
    visits = [asdict(browser.get(path)[0]) for path in asked["paths"]]
    weights = {path: weigh(browser, path) for path in asked["weigh"]}
    json.dump({"cookies": browser.cookies, "forms": forms, "visits": visits, "weights": weights}, sys.stdout)


if __name__ == "__main__":
    main()
