"""The lists that a gateway knows of: published ones with their copies here, our own seeds, innocent names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from gateway.core.errors import ListError
from gateway.household.loading import Product, load_product
from gateway.lists.addresses import parse_shared_networks
from gateway.lists.book import SHELF
from gateway.lists.build import Canaries, Report, Source, must_hits
from gateway.lists.fetch import Fetcher
from gateway.lists.known_names import CatalogueNames
from gateway.lists.must_resolve import MustResolve, content_categories, parse_must_resolve
from gateway.lists.own_lists import OwnLists, read_own
from gateway.lists.public_suffixes import public_suffix_check
from gateway.lists.registers import check_registers_distinct, copy_register_files, note, register_list, usable
from gateway.lists.sources import PublishedList, parse_canaries, parse_sources
from gateway.lists.table import SEED_FOLDER
from gateway.lists.update import NoInternet, Seed, Shelf, build_all
from gateway.policy.config.registers import Register
from gateway.policy.names.domain_table import TableInfo
from profiles import DATA


@dataclass(frozen=True, eq=False)
class Library:
    """``state`` is the gateway's state directory. Every method raises ListError or OSError."""

    published: Mapping[str, PublishedList]
    seeds: tuple[Seed, ...]
    canaries: Canaries
    state: Path
    own: OwnLists = field(default_factory=OwnLists)
    registers: tuple[Register, ...] = ()  # of states; those that are on

    @cached_property
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
        return [
            one
            for one in self.published.values()
            if one.id not in self._files
            and (
                one.id in named
                or self.own.is_on(one)
                or (one.id not in self.own.off and self.is_here(one.id))
            )
        ]

    @property
    def _files(self) -> frozenset[str]:
        """Ids of registers that lie in a file: nothing is fetched."""
        return frozenset(one.source for one in self.registers if one.file)

    def is_here(self, source: str) -> bool:
        return self.shelf.path(source).exists()

    def fetch(
        self, named: Iterable[str], fetcher: Fetcher, now: datetime, *, force: bool = False
    ) -> list[str]:
        """Fetch the lists that are due, with ``force`` also those that were fetched today.

        Returns one line for each list that failed. Raises ListError if there is no internet and no list is
        current.
        """
        due = self.due(named)
        self._make_state()
        wrong = copy_register_files(self.registers, self.shelf, self.canaries, now)
        try:
            wrong += self.shelf.fetch(due, fetcher, self.canaries, now, force=force)
        except NoInternet as error:
            if not self.is_any_current(now):
                raise
            wrong.append(str(error))
        note(self.registers, self.shelf, self.canaries.must)
        self.shelf.save()
        return wrong

    def is_any_current(self, now: datetime) -> bool:
        """Return whether any list has a copy that was fetched or confirmed today."""
        return any(self.shelf.is_fresh(one, now) for one in self.published)

    def build(self, now: datetime) -> tuple[TableInfo, list[Report]]:
        """Build the table from the seeds and from every copy that can be used."""
        self._make_state()
        if not self.seeds and not any(map(self.is_here, self.published)):
            msg = "there is no list to build from; run: qalqan lists update"
            raise ListError(msg)
        return build_all(
            self.shelf,
            self._built_from(),
            self.seeds,
            self.state,
            canaries=self.canaries,
            is_public_suffix=public_suffix_check(),
            now=now,
        )

    def _built_from(self) -> list[PublishedList]:
        registers = {one.source: usable(one, self.shelf) for one in self.registers}
        lists = (registers.get(one.id, one) for one in self.published.values() if one.id not in self.own.off)
        return [one for one in lists if one is not None]

    def refusing(self, source: Source) -> list[str]:
        """A line for each entry of a list that refuses a site which has to open from ten years on."""
        hits = must_hits(source, self.canaries.must)
        return [f"{source.id}: {name} refuses {site}" for name, site in sorted(hits.items())]

    def _make_state(self) -> None:
        try:
            (self.state / SHELF).mkdir(parents=True, exist_ok=True)
            writable = os.access(self.state, os.W_OK) and os.access(self.state / SHELF, os.W_OK)
            problem = "" if writable else "permission denied"
        except OSError as error:
            problem = error.strerror or str(error)
        if problem:
            msg = f"{self.state}: cannot be written ({problem}); run this as root, or mend the path"
            raise ListError(msg)


def read_library(state: Path, own_file: Path | None = None, registers: Iterable[Register] = ()) -> Library:
    """Raises PolicyError for damaged data of the product, and for a family's own file that cannot be used."""
    product = load_product()
    categories = product.categories
    own = OwnLists() if own_file is None else read_own(own_file, categories)
    known = {**parse_sources(*_data("sources.yaml"), categories), **own.lists}
    on = tuple(one for one in registers if one.on)
    check_registers_distinct(on, known.values())
    return Library(
        published=known | {one.source: register_list(one) for one in on},
        registers=on,
        own=own,
        seeds=tuple(
            Seed(file.stem, file)
            for file in sorted(DATA.joinpath(SEED_FOLDER).glob("*.txt"))
            if file.stem in categories.by_id and file.stem not in categories.sealed
        ),
        canaries=Canaries(
            parse_canaries(*_data("canaries.yaml")),
            parse_shared_networks(*_data("canaries.yaml")),
            CatalogueNames(product.catalogue.services.values(), product.sites, categories.binding),
            must_resolve(product),
        ),
        state=state,
    )


def must_resolve(product: Product) -> MustResolve:
    """Raises PolicyError for damaged data of the product."""
    return MustResolve(
        parse_must_resolve(*_data("must_resolve.yaml"), public_suffix_check()),
        content_categories(product.bands),
        product.help_names,
    )


def _data(name: str) -> tuple[bytes, str]:
    return DATA.joinpath(name).read_bytes(), f"profiles/{name}"
