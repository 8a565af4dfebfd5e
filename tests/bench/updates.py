"""The memory and the time of an update of the lists, for each tier, with made-up lists of the real sizes."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

from gateway.feed.target import FeedTable
from gateway.household.loading import load_product
from gateway.lists.formats import Format
from gateway.lists.prebuilt import pack_prebuilt
from gateway.lists.sources import PublishedList, parse_sources
from gateway.lists.table import open_table
from gateway.lists.tier import NEEDED_FOR_FEED, NEEDED_MEMORY
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.domain_table import TableRelease, bucket_bits, digest_of, pack_head, pack_json
from profiles import DATA
from tests.bench.figures import Figure, Settings, at_most
from tests.bench.lookups import made_up
from tests.feed.publisher import FIRST, Publisher, serving

MEGABYTE = 1 << 20
LINES = {
    Format.DOMAINS: "{}\n",
    Format.HOSTS: "0.0.0.0 {}\n",
    Format.ADBLOCK: "||{}^\n",
    Format.RPZ: "{} CNAME .\n*.{} CNAME .\n",
    Format.ADDRESSES: "{}\n",
}

# `qalqan lists update` in a process of its own, with a server on this machine as the internet.
UPDATE = """
import sys
from dataclasses import replace
from gateway.cli import list_updates
from gateway.cli.main import main
from tests.lists.served import Anywhere
from gateway.lists.fetch import Fetcher
server, config = sys.argv[1:3]
read = list_updates.read_library
def library(*values):
    found = read(*values)
    here = {}
    for key, one in found.published.items():
        here[key] = replace(one, url=f"{server}/{key}", further=(), mirrors=())
    return replace(found, published=here)
list_updates.read_library = library
list_updates.Fetcher = lambda progress: Fetcher(progress=progress, outside=Anywhere())
status = main(["--config", config, "lists", "update", *sys.argv[3:]])
rows = (row.split() for row in open("/proc/self/status"))
held = {row[0]: row[1] for row in rows if row[0] in ("VmHWM:", "RssFile:")}
print(status, held["VmHWM:"], held["RssFile:"])
"""

# The same with a signed feed on this machine.
_TAKE = """
import sys
sys.modules["cryptography"] = None  # no router needs it for the feed
from dataclasses import replace
from datetime import UTC, datetime
from gateway.cli import list_updates
from gateway.cli.main import main
from gateway.household.feed_update import update_feed
from gateway.policy.config.feed import FeedSource
from tests.lists.served import Anywhere
server, path = sys.argv[1:3]
def check(path, config, tier):
    here = replace(config, feed=FeedSource(server, root=config.feed.root))
    return update_feed(path, here, datetime.now(UTC), tier=tier, outside=Anywhere())
list_updates.check_feed = check
status = main(["--config", path, "lists", "update"])
rows = (row.split() for row in open("/proc/self/status"))
held = {row[0]: row[1] for row in rows if row[0] in ("VmHWM:", "RssFile:")}
print(status, held["VmHWM:"], held["RssFile:"])
"""


def measure(settings: Settings) -> Iterator[Figure]:
    data = DATA.joinpath("sources.yaml").read_bytes()
    published = parse_sources(data, "sources.yaml", load_product().categories)
    share = 0.02 if settings.quick else 1.0
    with served(published, share) as server:
        for tier in ListTier:
            names = sum(int(one.size * share) for one in published.values() if tier.includes(one.tier))
            began = time.perf_counter()
            peak, files = _peak(server, tier)
            seconds = time.perf_counter() - began
            mark = NEEDED_MEMORY[tier] / MEGABYTE
            note = f"{names:,} names, {seconds:.0f} s, resident {peak:.0f} MB"
            yield at_most(f"peak of an update, private, tier {tier}", peak - files, "MB", mark, note)
    yield from _from_feed(published, share)


def _from_feed(published: Mapping[str, PublishedList], share: float) -> Iterator[Figure]:
    """Measure an update that takes its table from a signed feed, and the table's size, for each tier."""
    with tempfile.TemporaryDirectory() as name:
        publisher = Publisher(Path(name))
        tables = {tier: made_up_table(published, tier, share) for tier in ListTier}
        packed = [
            FeedTable(tier, order, datetime.now(UTC), part)
            for tier, table in tables.items()
            for order, part in pack_prebuilt(table).items()
        ]
        publisher.publish(FIRST, tables=packed)
        with serving(publisher.public) as site:
            for tier, table in tables.items():
                began = time.perf_counter()
                feed = f"feed: {{url: 'https://feed.example', root: {publisher.root}}}\n"
                peak, files = _peak(site.address, tier, _TAKE, feed)
                seconds = time.perf_counter() - began
                size = next(len(part.packed) for part in packed if part.tier == tier)
                mark = NEEDED_FOR_FEED / MEGABYTE
                note = (
                    f"table {size / 1e6:.1f} MB, unpacked {len(table) / 1e6:.1f} MB, {seconds:.0f} s, "
                    f"resident {peak:.0f} MB"
                )
                what = f"peak of an update from a feed, private, tier {tier}"
                yield at_most(what, peak - files, "MB", mark, note)


def made_up_table(published: Mapping[str, PublishedList], tier: ListTier, share: float) -> bytes:
    """Return a table with as many random digests as the lists of a tier have names, in their categories."""
    random_bytes, count = random.Random(1).randbytes, 0
    categories: list[str] = []
    starts_of: list[array[int]] = [array("Q") for _ in range(1 << 8)]
    for source in (source for source in published.values() if tier.includes(source.tier)):
        if source.category not in categories:
            categories.append(source.category)
        number = categories.index(source.category)
        for digest in array("Q", random_bytes(8 * int(source.size * share))):
            starts_of[digest >> 56].append(digest >> 8 << 8 | number)
            count += 1
    bits = bucket_bits(count)
    starts, remainders, numbers = array("I", bytes(4 * ((1 << bits) + 1))), array("I"), array("H")
    for part in starts_of:
        for digest in sorted(part):
            key = digest >> (32 - bits)
            starts[(key >> 32) + 1] += 1
            remainders.append(key & 0xFFFFFFFF)
            numbers.append(digest & 0xFF)
    for bucket in range(1, len(starts)):
        starts[bucket] += starts[bucket - 1]
    built = datetime.now(UTC).isoformat()
    about = pack_json([{category} for category in categories], built, release=TableRelease(FIRST, tier))
    body = b"".join((starts.tobytes(), remainders.tobytes(), numbers.tobytes(), about))
    head = pack_head(count=count, bits=bits, salt=bytes(16), json_length=len(about), digest=digest_of([body]))
    return head + body


def _peak(server: str, tier: ListTier, script: str = UPDATE, more: str = "") -> tuple[float, float]:
    """Return the peak of the resident memory of an update, and the size of the files in it, in MB.

    The files are Python and its libraries, which the daemon has in memory anyway. ``more``: settings.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "qalqan.yaml"
        (Path(folder) / "profiles").mkdir()
        config.write_text(
            f"state: {folder}/state\nruntime: {folder}\nprofiles: {folder}/profiles\n"
            f"lists: {{tier: {tier}}}\n{more}"
        )
        command = [sys.executable, "-c", script, server, str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        is_from_feed = open_table(Path(folder) / "state").info.release is not None
    status, peak, files = done.stdout.split()[-3:]
    if status != "0" or is_from_feed != (script is _TAKE):
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
def served(
    published: Mapping[str, PublishedList], share: float = 1.0, requested: set[str] | None = None
) -> Iterator[str]:
    """Serve a made-up list at the id of each published one. Yield the server's address.

    The ids of the lists that are downloaded are added to ``requested``.
    """
    numbers = {key: number for number, key in enumerate(published)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = self.path.lstrip("/")
            source = published[key]
            if requested is not None:
                requested.add(key)
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
