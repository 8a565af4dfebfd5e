"""Copies state registers (sites that a state blocks) and treats them as lists (docs/families/lists.md)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from gateway.core.errors import ListError
from gateway.core.files import UNWRITABLE, open_nonblocking, write_error_text
from gateway.lists.book import Copy, CopyIndex
from gateway.lists.build import BuildSource, survey
from gateway.lists.canaries import Canaries
from gateway.lists.formats import Format, Tally, read_domains
from gateway.lists.must_resolve import MustResolve
from gateway.lists.sources import PublishedList
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.config.registers import MAX_BYTES, Register

CHUNK = 1 << 18


def register_list(register: Register) -> PublishedList:
    """Return a state register (a state's list of blocked sites) in the form of a published list.

    Its format is recognised from its copy; entries for well-known sites are left out.
    """
    return PublishedList(
        id=register.source, name=register.name, url=register.url or f"file://{register.file}", form=None,
        licence="", category=register.category, size=0, max_bytes=MAX_BYTES, skip_canaries=True,
        tier=ListTier.SMALL if register.on else None,
    )  # fmt: skip


def check_registers_distinct(registers: Iterable[Register], others: Iterable[PublishedList]) -> None:
    """Raise ListError if the URL of a state register is also the URL of a list in ``others``."""
    used = {url: other_list for other_list in others for place in other_list.places for url in place}
    for register in registers:
        other = used.get(register.url) if register.url else None
        if other is not None:
            msg = (
                f"{register.source}: {register.url} is also a list of {other.category}; a state register "
                "must not feed another category. Remove one of the two"
            )
            raise ListError(msg)


def copy_register_file(register: Register, book: CopyIndex, canaries: Canaries, now: datetime) -> None:
    """Check a state register (a state's list of blocked sites) that is a local file, and store a copy of it.

    Updates the index ``book``, without saving it. Raises ListError for a file that cannot be used,
    and for a copy that cannot be written; the last copy stays.
    """
    target = book.path(register.source)
    new = target.with_suffix(f".{os.getpid()}.new")
    try:
        with open(register.file, "rb", opener=open_nonblocking) as file, new.open("wb") as out:
            _copy(register, file, out)
        survey(register_list(register).copy(new), canaries)
        new.replace(target)
        book.copies[register.source] = Copy(fetched=now)
    except OSError as error:
        raise ListError(_copy_problem(register, target.parent, error)) from error
    finally:
        new.unlink(missing_ok=True)


def _copy_problem(register: Register, folder: Path, error: OSError) -> str:
    """Return the error text for users if a state register's file could not be copied to ``folder``."""
    why = write_error_text(error)
    if error.errno in UNWRITABLE:  # reading a file has none of these errors
        problem = f"the copy of {register.file} cannot be written to {folder} ({why})"
        return f"{register.source}: {problem}; the previous copy stays"
    return f"{register.source}: {register.file} cannot be read ({why})"


def _copy(register: Register, file: BinaryIO, out: BinaryIO) -> None:
    """Copy the data of a state register's file.

    Raises ListError for a file that is too long or not regular.
    """
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        msg = f"{register.source}: {register.file} is not a regular file; it is not used"
        raise ListError(msg)
    left = MAX_BYTES
    while chunk := file.read(CHUNK):
        left -= len(chunk)
        if left < 0:
            msg = f"{register.source}: {register.file} has more than {MAX_BYTES >> 20} MB; it is not used"
            raise ListError(msg)
        out.write(chunk)


def copy_register_files(
    registers: Iterable[Register], book: CopyIndex, canaries: Canaries, now: datetime
) -> list[str]:
    """Copy the local files of all state registers (states' lists of blocked sites) that are on.

    Return one line for each failure. The index ``book`` has each result; it is not saved.
    """
    problems = []
    for register in registers:
        if register.on and register.file:
            try:
                copy_register_file(register, book, canaries, now)
            except ListError as error:
                problems.append(str(error))
                before = book.copies.get(register.source, Copy())
                book.copies[register.source] = replace(before, error=str(error))
    return problems


def usable(register: Register, book: CopyIndex) -> PublishedList | None:
    """Return a state register as a list for the build; None if it is off, has no copy, or lists addresses.

    A state register is a state's list of blocked sites. Raises ListError if its copy has no known
    format.
    """
    published, path = register_list(register), book.path(register.source)
    if not register.on or not path.exists():
        return None
    form = published.copy(path).form
    return None if form is Format.ADDRESSES else replace(published, form=form)


def note(registers: Iterable[Register], book: CopyIndex, must: MustResolve) -> None:
    """Record in ``book``, as a state register's error text, that it blocks sites of must_resolve.yaml.

    The text names one of them and their number. Or it says that the register has only addresses,
    which are not used. Registers that are off, without a copy or with an error are skipped. The
    entries stay in the table: a register is applied as a whole. Raises ListError or OSError for a
    copy that cannot be parsed or read.
    """
    for register in registers:
        copy, path = book.copies.get(register.source), book.path(register.source)
        if not register.on or copy is None or copy.error or not path.exists():
            continue
        published = usable(register, book)
        line = _addresses(register) if published is None else _closing(published.copy(path), must)
        if line:
            book.copies[register.source] = replace(copy, error=line)


def _addresses(register: Register) -> str:
    return f"{register.source}: its lines are addresses; only the names of a register are used"


def _closing(source: BuildSource, must: MustResolve) -> str:
    tally = Tally()
    listed = read_domains(source.id, _chunks(source.path), source.form, tally)
    found = {name: site for name in listed if (site := must.site_of_any_list(name)) is not None}
    closing = (name for name in found if not tally.leaves_out(name) and must.help_line(name) is None)
    sites = {
        found[name]: name for name in closing
    }  # an entry that names a help line is left out of the table
    if not sites:
        return ""
    site = min(sites)
    return (
        f"{source.id}: it lists {sites[site]}, and so blocks {site}, which no other list blocks from age 10 "
        f"on; there are {len(sites)} such sites. They are blocked while this state register is on"
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
