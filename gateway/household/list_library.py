"""The lists of a gateway: published lists, their local copies, packaged seeds, and names never blocked."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from gateway.core.errors import ListError
from gateway.feed.data_set import DataSet
from gateway.household.loading import Product, load_product
from gateway.household.reachable_sites import FILE as MUST_RESOLVE
from gateway.household.reachable_sites import must_resolve
from gateway.lists.book import PREBUILT, SHELF, Copy
from gateway.lists.build import BuildReport, BuildSource, must_hits
from gateway.lists.canaries import Canaries, CatalogueNames, parse_canaries, parse_shared_networks
from gateway.lists.fetch import Fetcher
from gateway.lists.must_resolve import parse_must_resolve
from gateway.lists.own_lists import OwnLists, read_own
from gateway.lists.prebuilt import install_prebuilt
from gateway.lists.protected_sites import ProtectedSites, parse_protected_sites
from gateway.lists.public_suffixes import public_suffix_check
from gateway.lists.registers import check_registers_distinct, copy_register_files, note, register_list, usable
from gateway.lists.sources import PublishedList, parse_sources
from gateway.lists.table import SEED_FOLDER
from gateway.lists.tier import tier_here
from gateway.lists.update import Begin, NoInternet, Seed, Shelf, build_all
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.config.registers import Register
from gateway.policy.names.domain_table import TableInfo, TableRelease

LOCK = "update.lock"  # in the folder of the copies


@dataclass(frozen=True, eq=False)
class ListLibrary:
    """The lists of a gateway, with methods that download them and build the category table.

    ``state``: the state directory. Methods raise ListError or OSError. Hold the lock (`locked`) while calling
    those that change files: `fetch`, `install`, `confirm_prebuilt` and `build`.
    """

    published: Mapping[str, PublishedList]
    seeds: tuple[Seed, ...]
    canaries: Canaries
    state: Path
    own: OwnLists = field(default_factory=OwnLists)
    registers: tuple[Register, ...] = ()  # national registers that are switched on
    tier: ListTier = ListTier.MEDIUM
    data_version: int = 0  # of the data in use, which the feed's table must belong to
    categories: frozenset[str] = frozenset()  # that lists may have

    @cached_property
    def shelf(self) -> Shelf:
        return Shelf(self.state / SHELF)

    def due(self, named: Iterable[str] = ()) -> list[PublishedList]:
        """Return the lists that this gateway must have: those on (`OwnLists.is_on`), and those in ``named``.

        Those with a recent copy are included; registers that are local files are not. Raises ListError
        for an unknown name.
        """
        named = tuple(named)
        for name in named:
            if name not in self.published:
                close = get_close_matches(name, self.published, n=1)
                fix = f"did you mean {close[0]!r}?" if close else "see them with: qalqan lists status"
                msg = f"there is no list {name!r}; {fix}"
                raise ListError(msg)
        return [
            published
            for published in self.published.values()
            if published.id not in self._files and (published.id in named or self.is_on(published))
        ]

    @property
    def _files(self) -> frozenset[str]:
        """The ids of registers that are local files, which are not fetched."""
        return frozenset(register.source for register in self.registers if register.file)

    def is_on(self, published: PublishedList) -> bool:
        return self.own.is_on(published, self.tier, is_here=self.is_here(published.id))

    def is_here(self, source: str) -> bool:
        """Return whether a list has a local copy."""
        return self.shelf.path(source).exists()

    def locked(self) -> AbstractContextManager[None]:
        """Return a context manager that keeps other processes from updating the lists: `lock_lists`."""
        return lock_lists(self.state)

    def fetch(
        self,
        named: Iterable[str],
        fetcher: Fetcher,
        now: datetime,
        *,
        force: bool = False,
        begin: Begin | None = None,
    ) -> list[str]:
        """Download the lists that are on, and delete the copies of lists that are off.

        A list fetched in the last two hours is skipped, unless ``force``. State registers in local
        files are copied too. ``named``: lists to download although they are off. ``begin`` is
        called before each list. Return one line for each failed list. Raises ListError for an
        unknown name, or if there is no internet and no list of the last two hours.
        """
        due = self.due(named)
        _make_state(self.state)
        self._delete_unused({published.id for published in due})
        wrong = copy_register_files(self.registers, self.shelf, self.canaries, now)
        try:
            wrong += self.shelf.fetch(due, fetcher, self.canaries, now, force=force, begin=begin)
        except NoInternet as error:
            if not self.is_any_current(now):
                raise
            wrong.append(str(error))
        note(self.registers, self.shelf, self.canaries.must)
        self.shelf.save()
        return wrong

    def _delete_unused(self, due: Set[str]) -> None:
        """Delete the copies of lists that are off, except those in ``due`` (ids).

        After a change of the tier they would only take space.
        """
        for published in self.published.values():
            if self.is_here(published.id) and published.id not in due and not self.is_on(published):
                self.shelf.path(published.id).unlink()
                self.shelf.copies.pop(published.id, None)

    def is_any_current(self, now: datetime) -> bool:
        """Return whether any list has a copy that was fetched or confirmed within the last two hours."""
        return any(self.shelf.is_fresh(published, now) for published in self.published)

    @property
    def is_default(self) -> bool:
        """Return True if the gateway may use the category table that the feed publishes.

        It builds its own table if it has an own list, if a state register is on, or if the family
        turned a published list on or off.
        """
        return self.own.is_default and not self.registers

    @property
    def is_prebuilt(self) -> bool:
        """Return whether the table came from the feed, so that there are no copies to build one from."""
        return PREBUILT in self.shelf.copies

    @property
    def release(self) -> TableRelease:
        """The data version and tier that a category table from the feed must have for this gateway."""
        return TableRelease(self.data_version, self.tier)

    def install(self, packed: Path) -> TableInfo:
        """Use the category table that was downloaded from the feed as ``packed``; return facts about it.

        Raises ListError if it cannot be used.
        """
        return install_prebuilt(packed, self.state, self.release, self.categories, self.canaries)

    def confirm_prebuilt(self, now: datetime) -> None:
        """Record that the feed's table is in use and the newest. Delete the copies of lists."""
        _make_state(self.state)
        for source in [source for source in self.shelf.copies if source != PREBUILT]:
            self.shelf.path(source).unlink(missing_ok=True)
            del self.shelf.copies[source]
        self.shelf.copies[PREBUILT] = Copy(fetched=now)
        self.shelf.save()

    def build(
        self, now: datetime, release: TableRelease | None = None
    ) -> tuple[TableInfo, list[BuildReport]]:
        """Build the category table from the packaged seeds (small lists) and the copies of lists that are on.

        ``release`` is written into a table for the signed data feed. Return facts about the table,
        and a report for each list. Raises ListError without any seed or copy.
        """
        _make_state(self.state)
        if not self.seeds and not any(map(self.is_here, self.published)):
            msg = "there is no list to build from; run: qalqan lists update"
            raise ListError(msg)
        built = build_all(
            self.shelf,
            self._built_from(),
            self.seeds,
            self.state,
            canaries=self.canaries,
            is_public_suffix=public_suffix_check(),
            now=now,
            release=release,
        )
        if self.shelf.copies.pop(PREBUILT, None) is not None:
            self.shelf.save()
        return built

    def _built_from(self) -> list[PublishedList]:
        registers = {register.source: usable(register, self.shelf) for register in self.registers}
        lists = (
            registers.get(published.id, published)
            for published in self.published.values()
            if self.is_on(published)
        )
        return [published for published in lists if published is not None]

    def refusing(self, source: BuildSource) -> list[str]:
        """Return one line for each entry of a list that would block a site of must_resolve.yaml.

        Children from ten years on must be able to reach these sites. Help lines are checked too.
        """
        hits = must_hits(source, self.canaries.must)
        return [f"{source.id}: {name} refuses {site}" for name, site in sorted(hits.items())]


@contextmanager
def lock_lists(state: Path) -> Iterator[None]:
    """Keep other processes from updating the lists or building the table, while the context is entered.

    Raises ListError if another process does so now. The lock ends with the process.
    """
    _make_state(state)
    with (state / SHELF / LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = "another update of the lists is running; try again when it has ended"
            raise ListError(msg) from error
        yield


def _make_state(state: Path) -> None:
    try:
        (state / SHELF).mkdir(parents=True, exist_ok=True)
        writable = os.access(state, os.W_OK) and os.access(state / SHELF, os.W_OK)
        problem = "" if writable else "permission denied"
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        msg = f"{state}: cannot be written ({problem}); run this as root, or fix the path"
        raise ListError(msg)


def read_library(
    state: Path,
    own_file: Path | None = None,
    registers: Iterable[Register] = (),
    tier: ListTier | None = None,
    product: Product | None = None,
) -> ListLibrary:
    """Return the gateway's lists: published, the family's own, enabled state registers, and packaged ones.

    The packaged ones (seeds) are small. ``own_file``: the family's lists. ``tier``: the set of
    published lists to use; None: the one that fits this machine's memory. ``product``: the packaged
    data (categories, services, …), if already loaded. Raises PolicyError for damaged data or an
    unusable own file, and ListError if a register has the URL of a list of another category.
    """
    product = product or load_product()
    data = product.data
    categories = product.categories
    own = OwnLists() if own_file is None else read_own(own_file, categories)
    known = {**parse_sources(*_read(data, "sources.yaml"), categories), **own.lists}
    on = tuple(register for register in registers if register.on)
    check_registers_distinct(on, known.values())
    return ListLibrary(
        published=known | {register.source: register_list(register) for register in on},
        registers=on,
        own=own,
        tier=tier_here(tier),
        seeds=tuple(
            Seed(file.stem, file)
            for file in sorted(data.place(SEED_FOLDER).glob("*.txt"))
            if file.stem in categories.by_id and file.stem not in categories.sealed
        ),
        canaries=Canaries(
            parse_canaries(*_read(data, "canaries.yaml")),
            parse_shared_networks(*_read(data, "canaries.yaml")),
            CatalogueNames(product.catalogue.services.values(), product.sites, categories.binding),
            must_resolve(product),
            read_protected_sites(product),
        ),
        state=state,
        data_version=data.version,
        categories=frozenset(categories.by_id.keys() - categories.sealed),
    )


def read_protected_sites(product: Product) -> ProtectedSites:
    """Return the check that leaves out entries of published lists that would block an innocent site.

    It uses the sites of guard.yaml and must_resolve.yaml, and the words for and against each category. State
    registers are not checked. Raises PolicyError for damaged data.
    """
    data, suffixes, categories = product.data, public_suffix_check(), product.categories
    sites, hints, doubts = parse_protected_sites(*_read(data, "guard.yaml"), categories.by_id, suffixes)
    must = {site.name for site in parse_must_resolve(*_read(data, MUST_RESOLVE), suffixes)}
    return ProtectedSites(sites | must, hints, doubts, product.words, categories.binding)


def _read(data: DataSet, name: str) -> tuple[bytes, str]:
    return data.place(name).read_bytes(), data.name_of(name)
