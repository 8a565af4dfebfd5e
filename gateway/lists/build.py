"""Builds the category table in a temporary file, verifies it, then renames it over the old table."""

from __future__ import annotations

import mmap
import os
import secrets
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2s
from itertools import compress, groupby
from pathlib import Path
from typing import Any

from gateway.core.errors import ListError
from gateway.core.files import write_error_text
from gateway.lists.canaries import Canaries
from gateway.lists.formats import Format, Tally, read_domains
from gateway.lists.must_resolve import MustResolve
from gateway.policy.names import domain_table as domains

CHUNK = 1 << 18
SAMPLE = 1 << 16  # bytes of a list from which its format is recognised
PARTS = 256  # of the digests: only one part is sorted at a time, which bounds the memory

Names = Callable[[], Iterable[str]]
"""Returns all names of a source, read from its beginning.

It is called two or three times, since millions of names do not fit into memory.
"""


Certain = Callable[[str], bool]
"""Returns whether a name of a source counts without a second source that has it."""


@dataclass(frozen=True, slots=True)
class BuildSource:
    """A published or packaged list in a local file, as input to the building of the category table."""

    id: str
    category: str
    path: Path
    form: Format
    skip_canaries: bool = False  # leave well-known sites out instead of rejecting the whole list
    packaged: bool = False  # comes with the gateway: a public suffix in it is intentional
    weak: bool = False  # its names count only with a hint or in a second list: `protected_sites`


def _nothing(name: str) -> bool:  # noqa: ARG001
    return False


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The result of reading one list for the category table: counts, and the entries that were left out."""

    id: str
    category: str
    domains: int  # as published, duplicates and children included
    odd_lines: int
    canaries: tuple[str, ...] = ()  # well-known sites that were left out, if the source allows it
    disputed: tuple[str, ...] = ()  # entries that were left out for other reasons; see `survey`
    left_out: Callable[[str], bool] = _nothing  # whether the list's own exceptions cover a name
    error: str = ""  # why the list is not in the table; empty if it is

    def as_json(self) -> Mapping[str, Any]:
        return {"id": self.id, "category": self.category, "domains": self.domains, "odd": self.odd_lines}


def build_table(
    sources: Iterable[BuildSource],
    target: Path,
    *,
    built: str,
    canaries: Canaries,
    is_public_suffix: Callable[[str], bool],
    salt: bytes | None = None,
    leave_out: bool = False,
    release: domains.TableRelease | None = None,
) -> tuple[domains.TableInfo, list[BuildReport]]:
    """Build the category table from all sources, write it to ``target``; return its description and reports.

    Doubtful names of published lists, and of ``weak`` (less reliable) ones all but typical names,
    count only if two lists of the category have them (`ProtectedSites`). Names below another listed
    name are dropped, and public suffixes in published lists (``is_public_suffix``). ``built`` is the
    build time in ISO 8601. ``canaries`` are the sites that no list may block. ``salt``: of the hashed
    names; None: a random one. With ``leave_out``, a published list that cannot be used is skipped,
    and its report has the error. ``release`` is written into a table for the signed data feed. The
    reports are sorted by category.

    Raises ListError if a list cannot be used, with its id and mostly the line, or if the table cannot
    be written. With ``leave_out`` too, a copy that the disk cannot read raises it. ``target`` is
    unchanged then.
    """
    salt = salt if salt is not None else secrets.token_bytes(domains.SALT_BYTES)
    by_category: dict[str, list[BuildSource]] = {}
    for source in sources:
        by_category.setdefault(source.category, []).append(source)
    reports: list[BuildReport] = []
    categories: list[tuple[str, Digests]] = []
    for category in sorted(by_category):
        published: list[Names] = []
        own: list[Names] = []
        weighed: list[tuple[Names, Certain]] = []
        for source in by_category[category]:
            try:
                report = survey(source, canaries)
            except ListError as error:
                # A read error of the disk is not a fault of the source: keep the old, complete table.
                if not leave_out or source.packaged or isinstance(error.__cause__, OSError):
                    raise
                reports.append(BuildReport(source.id, category, 0, 0, error=str(error)))
                continue
            reports.append(report)
            # Addresses have no public suffix.
            is_unchecked = source.packaged or source.form is Format.ADDRESSES
            if not is_unchecked and canaries.guard.weighs(category, weak=source.weak):
                certain = partial(canaries.guard.is_certain, category, weak=source.weak)
                weighed.append((_reader(source, report), certain))
            else:
                (own if is_unchecked else published).append(_reader(source, report))
        published += _counted(weighed, salt)
        categories.append((category, prune(published, salt, is_public_suffix, own).digests))
    about = [report.as_json() for report in reports if not report.error]
    with replacing_table(target) as temporary:
        _write(temporary, categories, salt, built, about, release)
        info = verified(temporary)
    return info, reports


@contextmanager
def replacing_table(target: Path) -> Iterator[Path]:
    """Context manager: yield a temporary path to write a table to; at the end, rename it over ``target``.

    After an error the temporary file is deleted and ``target`` is unchanged. Raises ListError if
    the file cannot be written or renamed (for any OSError in the block).
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        yield temporary
        if target.is_dir():
            target.rmdir()  # a container runtime creates an empty folder for a volume that has no file
        temporary.replace(target)
    except OSError as error:
        why = write_error_text(error)
        msg = f"{target}: the table could not be written ({why}); the old one stays in force"
        raise ListError(msg) from error
    finally:
        temporary.unlink(missing_ok=True)


def verified(path: Path) -> domains.TableInfo:
    """Check the structure and the seal of a table file; return its description.

    The seal is a digest of all bytes. Raises ListError for damage. The file must not be empty.
    """
    with path.open("rb") as file:
        # Not closed here: the traceback of an error refers to it.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        file.seek(domains.HEAD.size)
        return domains.verify(memoryview(mapped), iter(lambda: file.read(CHUNK), b""))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def guess_format(source: str, path: Path) -> Format:
    """Return the format that fits most lines in the first 64 kB of a list, for a list without a declared one.

    ``source`` names the list in errors. Raises ListError if no format fits, or if the file cannot be
    read.
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
        raise refused or ListError(f"{source}: the list is empty")
    return max(found, key=lambda pair: pair[0])[1]


def survey(source: BuildSource, canaries: Canaries) -> BuildReport:
    """Read and check a whole list before the build. Return its counts, and the entries to leave out.

    Left out are entries that block a help line, a site of must_resolve.yaml or a popular site, or that
    contradict the catalogue. Of a packaged list, only those that block a help line are left out. With
    ``skip_canaries``, also those that block a well-known site. Entries that would block a help line are
    logged. Raises ListError, with the list's id, if the list cannot be read or parsed, or blocks a well-known
    site while its ``skip_canaries`` is False.
    """
    tally = Tally()
    hit = canaries.hit_by(source.form)
    is_named = source.form is not Format.ADDRESSES
    hits: dict[str, str] = {}  # entry → the well-known site that it would block
    disputed: dict[str, None] = {}
    helps: list[str] = []
    try:
        for name in read_domains(source.id, _chunks(source.path), source.form, tally):
            host = hit(name)
            if host is not None:
                hits[name] = host
            elif canaries.must.help_line(name) is not None:
                disputed[name] = None
                helps.append(name)
            elif not source.packaged and (
                canaries.known.disputes(source.category, name)
                or canaries.must.hit(source.category, name)
                or (is_named and canaries.guard.spares(source.category, name, weak=source.weak))
            ):
                disputed[name] = None
    except OSError as error:
        msg = f"{source.id}: {source.path} cannot be read ({error.strerror}); run: qalqan lists update"
        raise ListError(msg) from error
    found = tuple(name for name in hits if not tally.leaves_out(name))
    if found and not source.skip_canaries:
        name = found[0]
        msg = f"{source.id}: it lists {name}, and so blocks {hits[name]}, a well-known site; not used"
        raise ListError(msg)
    canaries.must.note(source.id, helps)
    return BuildReport(
        source.id,
        source.category,
        tally.domains,
        tally.odd_lines,
        canaries=found,
        disputed=tuple(disputed),
        left_out=tally.leaves_out,
    )


def must_hits(source: BuildSource, must: MustResolve) -> Mapping[str, str]:
    """Return the entries of a list that block a site of must_resolve.yaml, each mapped to that site.

    Such sites, about health for example, must stay reachable from age ten on. Empty for a list of a
    category that is not checked. Entries that the list itself excludes are not returned. Raises
    ListError for a list that cannot be parsed, OSError for one that cannot be read.
    """
    tally = Tally()
    found = must.hits(source.category, read_domains(source.id, _chunks(source.path), source.form, tally))
    return {name: site for name, site in found.items() if not tally.leaves_out(name)}


def _reader(source: BuildSource, report: BuildReport) -> Names:
    excluded = frozenset((*report.canaries, *report.disputed))

    def names() -> Iterator[str]:
        for name in read_domains(source.id, _chunks(source.path), source.form, Tally()):
            if name not in excluded and not report.left_out(name):
                yield name

    return names


def _counted(lists: list[tuple[Names, Certain]], salt: bytes) -> list[Names]:
    """Return readers of ``lists`` that yield only names that count: certain ones, or those in two lists.

    ``lists`` are pairs of a reader and the check whether a name is certain. Reads each list once,
    completely.
    """
    seen, agreed = Digests(), Digests()
    doubted: list[tuple[Names, Digests]] = []
    for names, is_certain in lists:
        uncertain = Digests()
        for name in names():
            if not is_certain(name):
                uncertain.add(digest_of(name, salt))
        uncertain.seal()
        for number, part in enumerate(uncertain.parts):
            agreed.parts[number].extend(digest for digest in part if digest in seen)
            seen.parts[number].extend(part)
        seen.seal()
        doubted.append((names, uncertain))
    agreed.seal()
    return [partial(_agreed, names, uncertain, agreed, salt) for names, uncertain in doubted]


def _agreed(names: Names, uncertain: Digests, agreed: Digests, salt: bytes) -> Iterator[str]:
    """Yield a list's names whose digest is not in ``uncertain``, or is in ``agreed`` (found in two lists)."""
    for name in names():
        digest = digest_of(name, salt)
        if digest not in uncertain or digest in agreed:
            yield name


def _write(
    path: Path,
    categories: list[tuple[str, Digests]],
    salt: bytes,
    built: str,
    reports: list[Mapping[str, Any]],
    release: domains.TableRelease | None,
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
        about = domains.pack_json(tuple(sets), built, reports, release)
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
    """Yield the name digests of one part, in ascending order, each with the categories that contain it.

    A part is one of 256 ranges of digests, by their highest byte.
    """
    rows = sorted(
        digest << 16 | number
        for number, (_, digests) in enumerate(categories)
        for digest in digests.parts[part]
    )
    for digest, found in groupby(rows, key=lambda row: row >> 16):
        yield digest, frozenset(categories[row & 0xFFFF][0] for row in found)


def digest_of(name: str, salt: bytes) -> int:
    """Return the salted 64-bit BLAKE2s hash of a host name, of which the category table stores a part."""
    return int.from_bytes(blake2s(salt + name.encode("ascii"), digest_size=domains.KEY_BYTES).digest(), "big")


class Digests:
    """A set of names as 64-bit hashes: call ``add``, then ``seal``, then test membership."""

    def __init__(self) -> None:
        self.parts = [array("Q") for _ in range(PARTS)]

    def add(self, digest: int) -> None:
        self.parts[digest >> 56].append(digest)

    def seal(self) -> None:
        """Sort the digests and remove duplicates, so that `place` and ``in`` work."""
        for number, part in enumerate(self.parts):
            self.parts[number] = array("Q", sorted(set(part)))

    def retain(self, marks: Sequence[bytearray]) -> None:
        """Remove all digests but the marked ones. ``marks``: by part, a byte for each digest; 1 keeps it."""
        for number, part in enumerate(self.parts):
            self.parts[number] = array("Q", compress(part, marks[number]))

    def place(self, digest: int) -> tuple[int, int]:
        """Return the number of the sorted part for a digest (its first byte), and its index in that part.

        If the digest is not there, the index is where it would be inserted.
        """
        number = digest >> 56
        return number, bisect_left(self.parts[number], digest)

    def __contains__(self, digest: int) -> bool:
        number, at = self.place(digest)
        part = self.parts[number]
        return at < len(part) and part[at] == digest

    def __len__(self) -> int:
        return sum(map(len, self.parts))


@dataclass(slots=True)
class Pruned:
    """The digests of a category's names without superfluous ones, and counts of what was dropped."""

    digests: Digests
    children: int = 0  # names left out because a parent is listed, counted in each list
    suffixes: dict[str, int] = field(default_factory=dict)  # public suffixes by how often they were listed


def prune(
    sources: Iterable[Names],
    salt: bytes,
    is_public_suffix: Callable[[str], bool],
    own: Iterable[Names] = (),
) -> Pruned:
    """Merge the names of all sources, without public suffixes and without names below a listed domain.

    ``own`` are sources whose public suffixes are included, since they are intentional. Each source is
    read twice. Return the salted digests, the number of dropped names, and the dropped public suffixes with
    how often they were listed.
    """
    sources, own = tuple(sources), tuple(own)
    everything = Digests()
    pruned = Pruned(everything)
    for names in own:
        for name in names():
            everything.add(digest_of(name, salt))
    for names in sources:
        for name in names():
            # A public suffix has few labels: checking only short names saves a million look-ups.
            if name.count(".") <= 3 and is_public_suffix(name):
                pruned.suffixes[name] = pruned.suffixes.get(name, 0) + 1
            else:
                everything.add(digest_of(name, salt))
    everything.seal()
    # A mark is a byte; a second set of the digests would take eight.
    marks = [bytearray(len(part)) for part in everything.parts]
    for names in (*sources, *own):
        for name in names():
            if name in pruned.suffixes and names not in own:
                continue
            if any(digest_of(parent, salt) in everything for parent in _parents(name)):
                pruned.children += 1
            else:
                number, at = everything.place(digest_of(name, salt))
                marks[number][at] = 1
    everything.retain(marks)
    return pruned


def _parents(name: str) -> Iterator[str]:
    """Yield the parent domains of ``name`` that have at least two labels, the longest first."""
    parent = name.partition(".")[2]
    while "." in parent:
        yield parent
        parent = parent.partition(".")[2]
