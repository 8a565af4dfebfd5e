"""Builds tables from a folder of list copies, judges sets of names with them, and counts what is blocked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2s
from pathlib import Path

from gateway.age.bands import AgeBand
from gateway.household.list_library import ListLibrary, read_library
from gateway.lists.build import BuildSource, build_table
from gateway.lists.formats import Tally, read_domains
from gateway.lists.public_suffixes import public_suffix_check
from gateway.lists.sources import PublishedList
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.names.domain_table import DomainTable
from gateway.policy.names.hosts import HostError, normalise
from gateway.policy.time.time_rules import PLAIN
from tests.policy.homes import CALENDAR, a_profile, almaty, asks, product, table

AFTERNOON = almaty("2026-11-24T16:00")
BUILT = "2026-11-24T06:00:00Z"
SAMPLE = 2000  # names of one list in the held-out measurement
RANDOM = "adult-random"  # samples of the lists of adult sites, each judged without its list
GOOD = "good"  # how the name of a set of known-good sites begins

# The least share of each set that has to be blocked at 10-12, in percent, with the lists of the medium tier.
MARKS: Mapping[str, float] = {
    "adult-popular": 95,
    RANDOM: 80,
    "gambling": 85,
    "dating": 85,
    "piracy": 60,
    "ai-companions": 80,
    "search": 80,
    "vpn": 90,
    "web-proxies": 70,
    "encrypted-dns": 95,
    "tor": 100,
}
FALSE_BLOCK_MARK = 0.1  # percent of the known-good sites


@dataclass(frozen=True, slots=True)
class NameSet:
    """Names of one kind: known-good sites, or names that should be blocked. ``name`` is that of its file."""

    name: str
    hosts: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        return self.name.startswith(GOOD)


@dataclass(frozen=True, slots=True)
class Recall:
    """The blocked names of a set, without fetched lists (``fresh``) and with them (``listed``)."""

    name_set: NameSet
    fresh: frozenset[str]
    listed: frozenset[str]

    @property
    def mark(self) -> float | None:
        """Return the least share in percent; None for a set that has no mark."""
        return next((mark for name, mark in MARKS.items() if self.name_set.name.startswith(name)), None)

    @property
    def missed(self) -> list[str]:
        return [host for host in self.name_set.hosts if host not in self.listed]


@dataclass(frozen=True, slots=True)
class FalseBlock:
    """A known-good site that is blocked, the entries that block it, and the lists that contain them."""

    host: str
    why: str
    entries: tuple[str, ...]
    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How many names of a sample of a list are blocked by a table that is built without this list."""

    category: str
    source: str
    drawn: int
    blocked: int

    @property
    def share(self) -> float:
        return 100 * self.blocked / self.drawn if self.drawn else 0.0


def read_sets(folders: Iterable[Path]) -> list[NameSet]:
    """Return the sets of all ``*.txt`` files of the folders: one host a line, ``#`` begins a comment."""
    return [
        NameSet(file.stem, tuple(dict.fromkeys(_hosts(file))))
        for folder in folders
        for file in sorted(folder.glob("*.txt"))
    ]


def _hosts(file: Path) -> Iterator[str]:
    for line in file.read_text("utf-8").splitlines():
        for word in line.partition("#")[0].split():
            with suppress(HostError):  # published sets contain addresses and names of one label
                yield normalise(word.removeprefix("*."))


def copies(
    folder: Path, library: ListLibrary, tier: ListTier
) -> tuple[list[BuildSource], list[PublishedList]]:
    """Return the copies ``<source id>.txt`` of the tier's lists, and the lists that have no copy."""
    lists = [published for published in library.published.values() if tier.includes(published.tier)]
    here = [published for published in lists if (folder / f"{published.id}.txt").exists()]
    return (
        [published.copy(folder / f"{published.id}.txt") for published in here],
        [published for published in lists if published not in here],
    )


def build(library: ListLibrary, sources: Sequence[BuildSource], target: Path) -> DomainTable:
    """Return a table of the packaged lists and of ``sources``, built at ``target``."""
    build_table(
        [*(seed.source for seed in library.seeds), *sources],
        target,
        built=BUILT,
        canaries=library.canaries,
        is_public_suffix=public_suffix_check(),
        leave_out=True,
    )
    return DomainTable(target.read_bytes())


def make_world(domain_table: DomainTable) -> World:
    """Return the product's data with a table."""
    return replace(product().world(("en", "ru", "kk")), table=domain_table)


def make_judge(world: World, band: AgeBand) -> Judge:
    return Judge(a_profile(f'band: "{band.value}"'), world, CALENDAR)


def blocked(judge: Judge, hosts: Iterable[str]) -> Mapping[str, str]:
    """Return the hosts that the judge does not allow, each with the rule that decides."""
    decisions = ((host, judge.decide(asks(host), PLAIN, AFTERNOON)) for host in hosts)
    return {host: str(decision.rule) for host, decision in decisions if not decision.allowed}


def false_blocks(world: World, band: AgeBand, hosts: Sequence[str]) -> Mapping[str, str]:
    """Return the hosts that are blocked because of a list: with an empty table they are open."""
    without = blocked(make_judge(make_world(table({"nothing.invalid": {"adult"}})), band), hosts)
    return {host: why for host, why in blocked(make_judge(world, band), hosts).items() if host not in without}


def explain(
    domain_table: DomainTable, sources: Iterable[BuildSource], wrong: Mapping[str, str]
) -> list[FalseBlock]:
    """Return each wrongly blocked host with the table entries that match it and the lists that have them."""
    entries = {host: tuple(name for name, _ in domain_table.matches(host)) for host in wrong}
    wanted = {entry for matching in entries.values() for entry in matching}
    found: dict[str, list[str]] = {entry: [] for entry in wanted}
    for source in sources:
        for entry in wanted.intersection(names_of(source)):
            found[entry].append(source.id)
    return [
        FalseBlock(
            host,
            why,
            entries[host],
            tuple(sorted({source for entry in entries[host] for source in found[entry]})),
        )
        for host, why in wrong.items()
    ]


def names_of(source: BuildSource) -> Iterator[str]:
    """Yield the names of a list's copy."""
    with source.path.open("rb") as file:
        yield from read_domains(source.id, iter(lambda: file.read(1 << 18), b""), source.form, Tally())


def sample(names: Iterable[str], count: int = SAMPLE) -> list[str]:
    """Return ``count`` of the names, chosen by their digests: the same ones each time."""
    return sorted(set(names), key=lambda name: blake2s(name.encode(), digest_size=8).digest())[:count]


def held_out(
    library: ListLibrary, sources: Sequence[BuildSource], work: Path, band: AgeBand
) -> Iterator[HeldOut]:
    """Yield, for each list, how many names of a sample of it are blocked without its copy."""
    for source in sources:
        others = [other for other in sources if other is not source]
        judge = make_judge(make_world(build(library, others, work / "held-out.table")), band)
        drawn = sample(names_of(source))
        yield HeldOut(source.category, source.id, len(drawn), len(blocked(judge, drawn)))


def measure(
    sets: Sequence[NameSet], library: ListLibrary, sources: Sequence[BuildSource], work: Path, band: AgeBand
) -> tuple[list[Recall], list[FalseBlock], int]:
    """Judge all sets. Return the recalls, the false blocks, and the number of known-good sites."""
    fresh = make_judge(make_world(build(library, (), work / "fresh.table")), band)
    domain_table = build(library, sources, work / "listed.table")
    world = make_world(domain_table)
    listed = make_judge(world, band)
    recalls = [
        Recall(names, frozenset(blocked(fresh, names.hosts)), frozenset(blocked(listed, names.hosts)))
        for names in sets
        if not names.is_good
    ]
    good = list(dict.fromkeys(host for names in sets if names.is_good for host in names.hosts))
    wrong = false_blocks(world, band, good)
    return (
        recalls,
        explain(domain_table, [*(seed.source for seed in library.seeds), *sources], wrong),
        len(good),
    )


def library_for(state: Path, tier: ListTier) -> ListLibrary:
    return read_library(state, tier=tier)
