"""`make sources`: downloads every list of profiles/sources.yaml from each of its addresses, and checks it.

python -m tests.sources [LIST ...]

Prints a row an address: the state of the server, the recognised format and the number of entries. The exit
status is 1 if a row has a problem. Run it before a release; it needs the internet.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.cli import output
from gateway.core.errors import ListError
from gateway.household.loading import load_product
from gateway.lists.book import Validators
from gateway.lists.build import guess_format
from gateway.lists.fetch import Fetcher
from gateway.lists.formats import Format, Tally, read_domains
from gateway.lists.sources import PublishedList, parse_sources
from profiles import DATA

FACTOR = 3  # a list may grow or shrink so much before its `size` has to be corrected
NEARLY_FULL = 0.8  # of `max_bytes`
CHUNK = 1 << 18
HEAD = ("LIST", "SERVER", "STATE", "FORMAT", "ENTRIES", "SIZE", "PROBLEM")

_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """The result of downloading one list from one of its places."""

    source: str
    server: str
    size: int  # as sources.yaml has it
    entries: int = 0
    form: str = ""  # as recognised
    problem: str = ""
    is_alive: bool = True

    @property
    def row(self) -> tuple[str, ...]:
        state = "ok" if not self.problem else "wrong" if self.is_alive else "dead"
        entries = f"{self.entries:,}" if self.entries else "-"
        return self.source, self.server, state, self.form or "-", entries, f"{self.size:,}", self.problem


def check_sources(lists: Iterable[PublishedList], fetcher: Fetcher) -> Iterator[SourceCheck]:
    """Download each list from its address and from each mirror, and yield a result for each."""
    for published in lists:
        for place in published.places:
            with tempfile.TemporaryDirectory() as folder:
                yield _check(published, place, fetcher, Path(folder) / "list")


def _check(published: PublishedList, place: tuple[str, ...], fetcher: Fetcher, copy: Path) -> SourceCheck:
    server = urlsplit(place[0]).netloc
    try:
        with copy.open("wb") as whole:
            for number, url in enumerate(place):
                part = copy.with_suffix(f".{number}")
                fetcher.fetch(published.id, url, part, Validators(), published.max_bytes)
                whole.write(part.read_bytes())
    except ListError as error:
        problem = str(error).removeprefix(f"{published.id}: ").removesuffix("; keeping the previous copy")
        return SourceCheck(published.id, server, published.size, problem=problem, is_alive=False)
    entries, form, problems = 0, "", []
    try:
        form = guess_format(published.id, copy)
        entries = _count(published, copy)
    except ListError as error:
        problems.append(str(error).removeprefix(f"{published.id}: "))
    problems += _problems(published, form, entries, copy.stat().st_size)
    return SourceCheck(published.id, server, published.size, entries, form, "; ".join(problems))


def _count(published: PublishedList, copy: Path) -> int:
    """Return the number of entries in a copy, read in its declared format. Raises ListError."""
    with copy.open("rb") as file:
        chunks = iter(lambda: file.read(CHUNK), b"")
        return sum(1 for _ in read_domains(published.id, chunks, _declared(published), Tally()))


def _declared(published: PublishedList) -> Format:
    assert published.form is not None  # each list of sources.yaml has one
    return published.form


def _problems(published: PublishedList, form: str, entries: int, size: int) -> Iterator[str]:
    if form and form != _declared(published):
        yield f"it looks like {form}, and sources.yaml says {_declared(published)}"
    if entries and not published.size / FACTOR <= entries <= published.size * FACTOR:
        yield f"it has {entries:,} entries; correct its size in sources.yaml"
    if size > published.max_bytes * NEARLY_FULL:
        yield f"it has {size:,} bytes; raise its max_bytes of {published.max_bytes:,}"
    if _SPDX.fullmatch(published.licence) is None:
        yield f"its licence {published.licence!r} is no SPDX identifier"


def report(checks: Iterable[SourceCheck]) -> int:
    """Print the results as a table. Return 1 if one of them has a problem, else 0."""
    rows = []
    for check in checks:
        rows.append(check)
        print(f"{check.source}: {check.row[2]}", file=sys.stderr, flush=True)
    output.rows((check.row for check in rows), HEAD)
    wrong = sum(bool(check.problem) for check in rows)
    print(f"{len(rows)} addresses, {wrong} with a problem")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make sources")
    parser.add_argument("list", nargs="*", help="only these lists")
    args = parser.parse_args()
    data = DATA.joinpath("sources.yaml").read_bytes()
    published = parse_sources(data, "profiles/sources.yaml", load_product().categories)
    unknown = [name for name in args.list if name not in published]
    if unknown:
        parser.error(f"there is no list {unknown[0]!r}")
    chosen = [published[name] for name in args.list or published]
    return report(check_sources(chosen, Fetcher()))


if __name__ == "__main__":
    sys.exit(main())
