"""The memory and the time of an update of the lists, for each tier, with made-up lists of the real sizes."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

from gateway.household.loading import load_product
from gateway.lists.formats import Format
from gateway.lists.sources import PublishedList, parse_sources
from gateway.lists.tier import NEEDED_MEMORY
from gateway.policy.config.list_tiers import ListTier
from profiles import DATA
from tests.bench.figures import Figure, Settings, at_most
from tests.bench.lookups import made_up

MEGABYTE = 1 << 20
LINES = {
    Format.DOMAINS: "{}\n",
    Format.HOSTS: "0.0.0.0 {}\n",
    Format.ADBLOCK: "||{}^\n",
    Format.RPZ: "{} CNAME .\n*.{} CNAME .\n",
    Format.ADDRESSES: "{}\n",
}

# `qalqan lists update` in a process of its own, with a server on this machine as the internet.
_UPDATE = """
import sys
from dataclasses import replace
from gateway.cli.commands import lists
from gateway.cli.main import main
from tests.lists.served import Anywhere
from gateway.lists.fetch import Fetcher
server, config = sys.argv[1:3]
read = lists.read_library
def library(*values):
    found = read(*values)
    here = {}
    for key, one in found.published.items():
        here[key] = replace(one, url=f"{server}/{key}", further=(), mirrors=())
    return replace(found, published=here)
lists.read_library = library
lists.Fetcher = lambda progress: Fetcher(progress=progress, outside=Anywhere())
status = main(["--config", config, "lists", "update"])
rows = (row.split() for row in open("/proc/self/status"))
held = {row[0]: row[1] for row in rows if row[0] in ("VmHWM:", "RssFile:")}
print(status, held["VmHWM:"], held["RssFile:"])
"""


def measure(settings: Settings) -> Iterator[Figure]:
    data = DATA.joinpath("sources.yaml").read_bytes()
    published = parse_sources(data, "sources.yaml", load_product().categories)
    share = 0.02 if settings.quick else 1.0
    with _served(published, share) as server:
        for tier in ListTier:
            names = sum(int(one.size * share) for one in published.values() if tier.includes(one.tier))
            began = time.perf_counter()
            peak, files = _peak(server, tier)
            seconds = time.perf_counter() - began
            mark = NEEDED_MEMORY[tier] / MEGABYTE
            note = f"{names:,} names, {seconds:.0f} s, resident {peak:.0f} MB"
            yield at_most(f"peak of an update, private, tier {tier}", peak - files, "MB", mark, note)


def _peak(server: str, tier: ListTier) -> tuple[float, float]:
    """Return the peak of the resident memory of an update, and the size of the files in it, in MB.

    The files are Python and its libraries, which the daemon has in memory anyway.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "qalqan.yaml"
        config.write_text(f"state: {folder}/state\nruntime: {folder}\nlists: {{tier: {tier}}}\n")
        command = [sys.executable, "-c", _UPDATE, server, str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, peak, files = done.stdout.split()[-3:]
    if status != "0":
        msg = f"the update failed: {done.stderr}"
        raise RuntimeError(msg)
    return int(peak) / 1024, int(files) / 1024


def _entries(source: PublishedList, count: int, seed: int) -> Iterator[str]:
    """Yield the lines of a made-up list of the format and size of a published one."""
    line = LINES[source.form or Format.DOMAINS]
    if source.form is Format.ADDRESSES:
        rng = random.Random(seed)
        for _ in range(count):
            yield line.format(f"185.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}")
        return
    for name in made_up(count, seed):
        yield line.replace("{}", name)


@contextmanager
def _served(published: Mapping[str, PublishedList], share: float) -> Iterator[str]:
    """Serve a made-up list at the id of each published one. Yield the server's address."""
    numbers = {key: number for number, key in enumerate(published)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = self.path.lstrip("/")
            source = published[key]
            self.send_response(200)
            self.end_headers()
            lines = _entries(source, max(int(source.size * share), 1), numbers[key])
            while part := "".join(islice(lines, 10_000)):
                self.wfile.write(part.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
