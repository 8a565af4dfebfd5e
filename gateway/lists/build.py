"""Build the category table: into a temporary file, verified, then renamed over the old one, or not at all."""

from __future__ import annotations

import mmap
import os
import secrets
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from gateway.core.errors import ListError
from gateway.core.files import write_error_text
from gateway.lists.addresses import Innocent
from gateway.lists.formats import Format, Tally, read_domains
from gateway.lists.known_names import Known
from gateway.lists.must_resolve import NOTHING_MUST, MustResolve
from gateway.lists.prune import PARTS, Digests, Names, prune
from gateway.policy.names import domain_table as domains

CHUNK = 1 << 18
SAMPLE = 1 << 16  # bytes of a list by which its format is told
NO_NETWORKS = Innocent({})
NOTHING_KNOWN = Known((), (), ())


@dataclass(frozen=True, slots=True)
class Source:
    """A list on this machine, as the build reads it."""

    id: str
    category: str
    path: Path
    form: Format
    skip_canaries: bool = False  # leave single innocent names out instead of refusing the whole list
    own: bool = False  # comes with the gateway: a public suffix in it stands there on purpose


def _nothing(name: str) -> bool:  # noqa: ARG001
    return False


@dataclass(frozen=True, slots=True)
class Report:
    """The result of reading a source. The table's description has it for each source in it."""

    id: str
    category: str
    domains: int  # as published, duplicates and children included
    odd_lines: int
    canaries: tuple[str, ...] = ()  # left out, only where the source says so
    disputed: tuple[str, ...] = ()  # left out, since the house knows better
    left_out: Callable[[str], bool] = _nothing  # by the list's own exceptions
    error: str = ""  # why the source is not in the table

    def as_json(self) -> Mapping[str, Any]:
        return {"id": self.id, "category": self.category, "domains": self.domains, "odd": self.odd_lines}


class Canaries:
    """Innocent names and networks; a list that refuses one of them, or a name above, is not fit for use.

    What is ``known`` otherwise than a list has it is left out of that list, and so is what refuses a site
    that ``must`` resolve.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        networks: Innocent = NO_NETWORKS,
        known: Known = NOTHING_KNOWN,
        must: MustResolve = NOTHING_MUST,
    ) -> None:
        self._networks = networks
        self.known = known
        self.must = must
        self._suffixes: dict[str, str] = {}
        for host in hosts:
            name = host
            while "." in name:
                self._suffixes.setdefault(name, host)
                name = name.partition(".")[2]

    def hit(self, listed: str) -> str | None:
        """The innocent host that an entry ``listed`` would refuse."""
        return self._suffixes.get(listed)

    def hit_by(self, form: Format) -> Callable[[str], str | None]:
        """What tells of an entry of a list in that format which innocent site it would refuse."""
        return self._networks.hit if form is Format.ADDRESSES else self.hit


def build_table(
    sources: Iterable[Source],
    target: Path,
    *,
    built: str,
    canaries: Canaries,
    is_public_suffix: Callable[[str], bool],
    salt: bytes | None = None,
    leave_out: bool = False,
) -> tuple[domains.TableInfo, list[Report]]:
    """Build from all sources and put the table at ``target``.

    ``built``: ISO 8601. ``leave_out``: build without a fetched source that cannot be used; its report has
    the error. Raises ListError with name and line of a source that cannot be used, or if the disk is full;
    ``target`` is unchanged then.
    """
    salt = salt if salt is not None else secrets.token_bytes(domains.SALT_BYTES)
    by_category: dict[str, list[Source]] = {}
    for source in sources:
        by_category.setdefault(source.category, []).append(source)
    reports: list[Report] = []
    categories: list[tuple[str, Digests]] = []
    for category in sorted(by_category):
        published: list[Names] = []
        own: list[Names] = []
        for source in by_category[category]:
            try:
                report = survey(source, canaries)
            except ListError as error:
                # A disk that cannot be read says nothing about the source: the old table is better than less.
                if not leave_out or source.own or isinstance(error.__cause__, OSError):
                    raise
                reports.append(Report(source.id, category, 0, 0, error=str(error)))
                continue
            reports.append(report)
            # Addresses have no public suffix.
            apart = source.own or source.form is Format.ADDRESSES
            (own if apart else published).append(_reader(source, report))
        categories.append((category, prune(published, salt, is_public_suffix, own).digests))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        _write(
            temporary, categories, salt, built, [report.as_json() for report in reports if not report.error]
        )
        info = _verified(temporary)
        if target.is_dir():
            target.rmdir()  # an empty one, as a container makes for a volume that has no file
        temporary.replace(target)
    except OSError as error:
        why = write_error_text(error)
        msg = f"{target}: the table could not be written ({why}); the old one stays in force"
        raise ListError(msg) from error
    finally:
        temporary.unlink(missing_ok=True)
    return info, reports


def _verified(path: Path) -> domains.TableInfo:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        file.seek(domains.HEAD.size)
        return domains.verify(memoryview(mapped), iter(lambda: file.read(CHUNK), b""))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def guess_format(source: str, path: Path) -> Format:
    """In which format a list is that nobody described: by which most of its first lines say something.

    Raises ListError where none fits.
    """
    try:
        with path.open("rb") as file:
            head = file.read(SAMPLE)
    except OSError as error:
        msg = f"{source}: {path} cannot be read ({error.strerror}); run: qalqan lists update"
        raise ListError(msg) from error
    lines = head[: head.rfind(b"\n") + 1] or head
    found: list[tuple[int, Format]] = []
    refused: ListError | None = None
    for form in Format:
        tally = Tally()
        try:
            for _ in read_domains(source, [lines], form, tally):
                pass
        except ListError as error:
            refused = refused or error
        else:
            found.append((tally.lines - tally.odd_lines, form))
    if not found:
        raise refused or ListError(f"{source}: there is nothing in it")
    return max(found, key=lambda one: one[0])[1]


def survey(source: Source, canaries: Canaries) -> Report:
    """Read a source for its faults alone, so that nothing of a bad one gets into the table.

    Raises ListError with its name and line.
    """
    tally = Tally()
    hit = canaries.hit_by(source.form)
    hits: dict[str, str] = {}  # what is listed → the innocent site
    disputed: dict[str, None] = {}
    helps: list[str] = []
    try:
        for name in read_domains(source.id, _chunks(source.path), source.form, tally):
            host = hit(name)
            if host is not None:
                hits[name] = host
            elif canaries.must.helps(name) is not None:
                disputed[name] = None
                helps.append(name)
            elif not source.own and (
                canaries.known.disputes(source.category, name) or canaries.must.hit(source.category, name)
            ):
                disputed[name] = None
    except OSError as error:
        msg = f"{source.id}: {source.path} cannot be read ({error.strerror}); run: qalqan lists update"
        raise ListError(msg) from error
    found = tuple(name for name in hits if not tally.leaves_out(name))
    if found and not source.skip_canaries:
        name = found[0]
        msg = f"{source.id}: it lists {name}, and so refuses {hits[name]}, an innocent site; it is not used"
        raise ListError(msg)
    canaries.must.note(source.id, helps)
    return Report(
        source.id,
        source.category,
        tally.domains,
        tally.odd_lines,
        canaries=found,
        disputed=tuple(disputed),
        left_out=tally.leaves_out,
    )


def must_hits(source: Source, must: MustResolve) -> Mapping[str, str]:
    """The entries of a list that refuse a site which has to open, each with that site."""
    tally = Tally()
    found = must.hits(source.category, read_domains(source.id, _chunks(source.path), source.form, tally))
    return {name: site for name, site in found.items() if not tally.leaves_out(name)}


def _reader(source: Source, report: Report) -> Names:
    out = frozenset((*report.canaries, *report.disputed))

    def names() -> Iterator[str]:
        for name in read_domains(source.id, _chunks(source.path), source.form, Tally()):
            if name not in out and not report.left_out(name):
                yield name

    return names


def _write(
    path: Path,
    categories: list[tuple[str, Digests]],
    salt: bytes,
    built: str,
    reports: list[Mapping[str, Any]],
) -> None:
    count = sum(
        len(set().union(*(digests.parts[part] for _, digests in categories))) for part in range(PARTS)
    )
    bits = domains.bucket_bits(count)
    starts = array("I", bytes(4 * ((1 << bits) + 1)))
    numbers = array("H")
    sets: dict[frozenset[str], int] = {}
    head_size = domains.HEAD.size + len(starts) * starts.itemsize
    with path.open("w+b") as out:
        out.seek(head_size)
        written = 0
        for part in range(PARTS):
            remainders = array("I")
            for digest, found in _merged(categories, part):
                key = digest >> (32 - bits)
                starts[(key >> 32) + 1] += 1
                remainders.append(key & 0xFFFFFFFF)
                numbers.append(sets.setdefault(found, len(sets)))
            written += len(remainders)
            remainders.tofile(out)
        for bucket in range(1, len(starts)):
            starts[bucket] += starts[bucket - 1]
        numbers.tofile(out)
        about = domains.pack_json(tuple(sets), built, reports)
        out.write(about)
        out.seek(domains.HEAD.size)
        starts.tofile(out)
        out.seek(domains.HEAD.size)
        whole = domains.digest_of(iter(lambda: out.read(CHUNK), b""))
        out.seek(0)
        out.write(
            domains.pack_head(count=written, bits=bits, salt=salt, json_length=len(about), digest=whole)
        )
        out.flush()
        os.fsync(out.fileno())


def _merged(categories: list[tuple[str, Digests]], part: int) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield the digests of one part in ascending order, each with all its categories."""
    rows = sorted(
        digest << 16 | number
        for number, (_, digests) in enumerate(categories)
        for digest in digests.parts[part]
    )
    for digest, found in groupby(rows, key=lambda row: row >> 16):
        yield digest, frozenset(categories[row & 0xFFFF][0] for row in found)
