"""The lists that a gateway knows of: published ones with their copies here, our own seeds, innocent names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from gateway.errors import ListError
from gateway.lists.build import Canaries, Report
from gateway.lists.fetch import Fetcher
from gateway.lists.sources import PublishedList, parse_canaries, parse_sources
from gateway.lists.table import SEED_FOLDER
from gateway.lists.update import Seed, Shelf, build_all
from gateway.policy.categories import Categories, parse_categories
from gateway.policy.domains import TableInfo
from gateway.policy.fields import suggestion
from gateway.policy.hosts import public_suffix_check

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
                msg = f"there is no list {one!r}; {suggestion(one, self.published)}: qalqan lists status"
                raise ListError(msg)
        shelf = self.shelf
        return [
            one
            for one in self.published.values()
            if one.default or one.id in named or shelf.path(one.id).exists()
        ]

    def fetch(self, named: Iterable[str], fetcher: Fetcher, now: datetime) -> list[str]:
        """Fetch what is due; the lines of what went wrong."""
        due = self.due(named)
        try:
            return self.shelf.fetch(due, fetcher, self.canaries, now)
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


@contextmanager
def open_library(state: Path) -> Iterator[Library]:
    """Raises PolicyError for damaged data of the product."""
    root = resources.files("profiles")

    def data(name: str) -> tuple[bytes, str]:
        return root.joinpath(name).read_bytes(), f"profiles/{name}"

    categories = parse_categories(*data("categories.yaml"))
    with ExitStack() as stack:
        yield Library(
            published=parse_sources(*data("sources.yaml"), categories),
            seeds=tuple(_seeds(categories, stack)),
            canaries=Canaries(parse_canaries(*data("canaries.yaml"))),
            state=state,
        )


def _seeds(categories: Categories, stack: ExitStack) -> Iterator[Seed]:
    folder = resources.files("profiles").joinpath(SEED_FOLDER)
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        category, _, ending = file.name.rpartition(".")
        if ending == "txt" and category in categories.by_id:
            yield Seed(category, stack.enter_context(resources.as_file(file)))


