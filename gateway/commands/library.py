"""The lists that a gateway knows of: published ones with their copies here, our own seeds, innocent names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from gateway.errors import ListError
from gateway.lists.build import Canaries, Report
from gateway.lists.fetch import Fetcher
from gateway.lists.sources import PublishedList, parse_canaries, parse_sources
from gateway.lists.table import SEED_FOLDER
from gateway.lists.update import Seed, Shelf, build_all
from gateway.policy.categories import parse_categories
from gateway.policy.domains import TableInfo
from gateway.policy.hosts import public_suffix_check
from profiles import DATA

SHELF = "lists"  # folder of the copies, in the state directory


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """``state`` is the gateway's state directory. Every method raises ListError, one line."""

    published: Mapping[str, PublishedList]
    seeds: tuple[Seed, ...]
    canaries: Canaries
    state: Path

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.state / SHELF)

    def due(self, named: Iterable[str] = ()) -> list[PublishedList]:
        """What an update fetches: what is always fetched, what is named, and what was named before."""
        named = tuple(named)
        for one in named:
            if one not in self.published:
                close = get_close_matches(one, self.published, n=1)
                mend = f"did you mean {close[0]!r}?" if close else "see them with: qalqan lists status"
                msg = f"there is no list {one!r}; {mend}"
                raise ListError(msg)
        shelf = self.shelf
        return [
            one
            for one in self.published.values()
            if one.default or one.id in named or shelf.path(one.id).exists()
        ]

    def fetch(
        self, named: Iterable[str], fetcher: Fetcher, now: datetime, *, force: bool = False
    ) -> list[str]:
        """Fetch what is due, with ``force`` what was fetched today as well; the lines of what went wrong."""
        due = self.due(named)
        try:
            return self.shelf.fetch(due, fetcher, self.canaries, now, force=force)
        except OSError as error:
            msg = f"{self.state / SHELF}: cannot be written ({error.strerror}); run this as root"
            raise ListError(msg) from error

    def build(self, now: datetime) -> tuple[TableInfo, list[Report]]:
        """Build the table from the seeds and from every copy that is here."""
        shelf = self.shelf
        if not self.seeds and not any(shelf.path(one).exists() for one in self.published):
            msg = "there is no list to build from; run: qalqan lists update"
            raise ListError(msg)
        try:
            self.state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"{self.state}: cannot be written ({error.strerror}); run this as root"
            raise ListError(msg) from error
        return build_all(
            shelf,
            self.published.values(),
            self.seeds,
            self.state,
            canaries=self.canaries,
            is_public_suffix=public_suffix_check(),
            now=now,
        )


def read_library(state: Path) -> Library:
    """Raises PolicyError for damaged data of the product."""
    categories = parse_categories(*_data("categories.yaml"))
    return Library(
        published=parse_sources(*_data("sources.yaml"), categories),
        seeds=tuple(
            Seed(file.stem, file)
            for file in sorted(DATA.joinpath(SEED_FOLDER).glob("*.txt"))
            if file.stem in categories.by_id
        ),
        canaries=Canaries(parse_canaries(*_data("canaries.yaml"))),
        state=state,
    )


def _data(name: str) -> tuple[bytes, str]:
    return DATA.joinpath(name).read_bytes(), f"profiles/{name}"
