"""A walk through pages that call other names: one page after the other in one browser, each says what it got.

The file ``walk.json`` has the pages in order, each with its ``host`` and the names that it calls (``parts``).
``/walk/N`` is page N; ``/walk/part.*`` are the parts of pages, at any name; a page tells what did not load to
``/walked/N?failed=``, and then goes on to the next.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = "walk.json"
Answer = tuple[bytes, str]

_JS, _JSON, _CSS, _SVG = "text/javascript", "application/json", "text/css", "image/svg+xml"
_PICTURE = b"<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'><rect width='8' height='8'/></svg>"
_WORKER = b"""
self.addEventListener("install", event => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", event => event.respondWith(fetch(event.request)));
"""
_FIXED: dict[str, Answer] = {
    "/walk/part.js": (b"self.parts = (self.parts || 0) + 1;", _JS),
    "/walk/part.json": (b'{"part": true}', _JSON),
    "/walk/part.css": (
        b"@font-face { font-family: walk; src: url(/walk/part.woff2) } p { font: 1em walk }",
        _CSS,
    ),
    "/walk/part.svg": (_PICTURE, _SVG),
    "/walk/worker.js": (_WORKER, _JS),
}
# Each part as pages load it; all at once, as browsers do it. A page with a service worker waits for it first.
_PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>%(host)s</title>%(hints)s<h1>%(host)s</h1>
<script>
const parts = %(parts)s, failed = [], MOST = 10000;
const element = (tag, fields) => new Promise((good, bad) => {
  const one = Object.assign(document.createElement(tag), fields, {onload: good, onerror: bad});
  document.head.append(one);
});
const socket = host => new Promise((good, bad) => {
  const one = new WebSocket(`wss://${host}/walk/socket`);
  one.onmessage = good; one.onerror = bad;
});
const ways = [
  host => element("script", {src: `https://${host}/walk/part.js`}),
  host => element("img", {src: `https://${host}/walk/part.svg`}),
  host => fetch(`https://${host}/walk/part.json`).then(answer => answer.json()),
  host => element("link", {rel: "stylesheet", href: `https://${host}/walk/part.css`}),
  host => fetch(`https://${host}/walk/part.json`, {method: "POST", body: "x".repeat(3000), mode: "no-cors"}),
  socket,
];
const late = new Promise((_, bad) => setTimeout(bad, MOST));
// What is refused is refused again; a busy machine is not.
async function load(host, number) {
  const one = () => Promise.race([ways[number %% ways.length](host), late]);
  try { await one(); } catch {
    await new Promise(done => setTimeout(done, 500));
    try { await one(); } catch { failed.push(host); }
  }
}
(async () => {
  if (%(worker)s) {
    await navigator.serviceWorker.register("/walk/worker.js");
    await navigator.serviceWorker.ready;
  }
  await Promise.all(parts.map(load));
  await fetch("/walked/%(number)d?failed=" + failed.join(","));
  if (%(next)s) location.replace(%(next)s);
})();
</script>"""


class Walk:
    """``answer`` is None for what belongs to no walk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0
        self._pages: list[dict[str, Any]] = []

    def answer(self, target: str) -> Answer | None:
        path = target.partition("?")[0]
        if path in _FIXED:
            return _FIXED[path]
        if path.startswith("/walked/"):
            return b"", "text/plain"
        if not path.startswith("/walk/") or not path.removeprefix("/walk/").isdigit():
            return None
        return self._page(int(path.removeprefix("/walk/"))), "text/html; charset=utf-8"

    def _page(self, number: int) -> bytes:
        written = self._path.stat().st_mtime_ns
        if written != self._written:
            self._written, self._pages = written, json.loads(self._path.read_text())
        page = self._pages[number]
        following = self._pages[number + 1] if number + 1 < len(self._pages) else None
        further = f"https://{following['host']}/walk/{number + 1}" if following else ""
        first = page["parts"][:3]
        hints = [f"<link rel=preconnect href=https://{name}>" for name in first]
        hints += [f"<link rel=preconnect crossorigin href=https://{name}>" for name in first[:1]]
        hints += [f"<link rel=dns-prefetch href=//{name}>" for name in page["parts"][3:6]]
        values = {
            "host": page["host"],
            "hints": "".join(hints),
            "parts": json.dumps(page["parts"]),
            "worker": json.dumps(number % 5 == 0),
            "number": number,
            "next": json.dumps(further),
        }
        return (_PAGE % values).encode()
