"""Downloads sealed lists and stores them on disk. A new copy is verified before it replaces the old one.

Format and behaviour: docs/providers/sealed-lists.md.

Only the daemon's user can read the folder. A file has the key of the list, followed by the signed list.
No error message contains a name from a list.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.core.errors import ListError
from gateway.core.files import sync_folder, write_atomically, write_error_text
from gateway.core.optional_packages import MissingPackageError, require
from gateway.lists.book import Copy, CopyIndex, Validators
from gateway.policy.sealed.sealed_set import (
    KEY_BYTES,
    MAX_SET,
    Hasher,
    ParsedSet,
    SealedSet,
    SealedSets,
    SetHead,
    parse_set,
)
from gateway.policy.sealed.source import SealedSource

if TYPE_CHECKING:
    from gateway.lists.fetch import Fetcher  # the daemon does not load it

FOLDER = "sealed"  # in the state directory
SET, NEW = ".set", ".new"  # a list in effect; a list that is being downloaded
_OURS = re.compile(r"\.?([0-9a-f]{16})\.(?:set|new|set\.new)", re.ASCII)
AHEAD = 86_400  # seconds that a list may be from the future, since clocks differ
MAX_KEYS = 8  # lines of a key file: a key arrives before its list, and old keys stay for a while
_KEY_FILE = 4096  # bytes


@dataclass(frozen=True, slots=True)
class SealedState:
    """The state of a source of a sealed list (a signed list of hashed names).

    ``head``: the header of its verified list in use; None: there is none, and ``problem`` says why.
    """

    source: SealedSource
    head: SetHead | None
    problem: str = ""

    def is_late(self, now: float) -> bool:
        return self.head is not None and self.head.expires <= now


class SealedShelf:
    """Stores verified sealed lists (signed lists of hashed names) on disk, and loads them.

    Each source has one file in a private folder.
    """

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER

    def path(self, source: SealedSource) -> Path:
        return self.folder / f"{source.name}{SET}"

    def make(self) -> None:
        """Create the folder for sealed lists with mode 0700. Raises ListError if that fails."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            why = write_error_text(error)
            msg = f"{self.folder}: cannot be made ({why}); run this as root, or fix the path"
            raise ListError(msg) from error

    def load(self, sources: Iterable[SealedSource]) -> tuple[SealedSets, tuple[SealedState, ...]]:
        """Read the stored list of each source; return the verified lists, and a state for each source.

        A damaged or missing list has its problem in the state and is not among the returned lists.
        """
        sets: list[SealedSet] = []
        held = []
        for source in sources:
            try:
                sealed_set = self.held(source)
            except ListError as error:
                held.append(SealedState(source, None, str(error)))
                continue
            if sealed_set is not None:
                sets.append(sealed_set)
            held.append(
                SealedState(
                    source,
                    sealed_set.head if sealed_set else None,
                    "" if sealed_set else "no list has come yet",
                )
            )
        return SealedSets(tuple(sets)), tuple(held)

    def held(self, source: SealedSource) -> SealedSet | None:
        """Return the stored list of a source, verified and opened with its key; None if there is none yet.

        Raises ListError if it is damaged, its signature is wrong, or `read_private` or `verified`
        fails.
        """
        path = self.path(source)
        if not os.path.lexists(path):
            return None
        data = read_private(path, KEY_BYTES + MAX_SET)
        return verified(source, data[KEY_BYTES:]).opened(data[:KEY_BYTES])

    def offer(
        self, source: SealedSource, data: bytes, keys: Sequence[bytes], innocent: Iterable[str], now: float
    ) -> bool:
        """Verify a downloaded sealed list (a signed list of hashed names); store it in place of the old one.

        Return False if it is the same. ``data``: the signed list. ``keys``: keys that may open it.
        ``innocent``: normalised names that no valid list contains. ``now``: Unix seconds. Raises
        ListError for a list that is rejected: bad signature, unknown key, from the future, not
        newer, expired, or with an innocent name; also if it cannot be written. The old list stays.
        """
        parsed = verified(source, data)
        new = with_key(parsed, keys)
        head = new.head
        if head.made > now + AHEAD:
            _refuse(head, "is from the future; check the clock of this machine")
        try:
            old = self.held(source)
        except ListError:
            old = None  # a damaged list does not prevent a new one
        if old is not None:
            if old.head == head and data == self.path(source).read_bytes()[KEY_BYTES:]:
                return False
            if head.made <= old.head.made:
                _refuse(head, "is not newer than the list in effect, which stays")
        if head.expires <= now:
            _refuse(head, "has expired; its issuer must make a new one")
        if any(map(new.holds, innocent)):  # an entry for a parent domain blocks the name too
            _refuse(
                head, "would block a well-known site, or all names of a registry; report it to its issuer"
            )
        self._write(source, next(key for key in keys if Hasher(key).check() == head.check) + data)
        return True

    def _write(self, source: SealedSource, data: bytes) -> None:
        self.make()
        try:
            write_atomically(self.path(source), data)
            sync_folder(self.folder)
        except OSError as error:
            msg = f"{self.folder}: cannot be written ({write_error_text(error)}); the list in effect stays"
            raise ListError(msg) from error

    def sweep(self, sources: Iterable[SealedSource]) -> None:
        """Delete the stored lists, and their temporary files, of sources that are not in ``sources``.

        Ignores errors.
        """
        keep = {source.name for source in sources}
        with suppress(OSError):
            for file in self.folder.iterdir():
                known = _OURS.fullmatch(file.name)
                if known is not None and known[1] not in keep:
                    file.unlink()


class SealedUpdate:
    """Downloads sealed lists (signed lists of hashed names) and stores the new ones, outside the daemon.

    One object is one update run, in a process that ends. ``innocent`` returns names that no valid
    list contains; it is called for each new list.
    """

    def __init__(
        self, shelf: SealedShelf, fetcher: Fetcher, innocent: Callable[[], Iterable[str]], now: datetime
    ) -> None:
        self._shelf = shelf
        self._fetcher = fetcher
        self._innocent = innocent
        self._now = now

    def renew(self, sources: Iterable[SealedSource]) -> list[str]:
        """Download and store the list of each source, or read it from the source's file.

        Return one line for each failure; the others are still updated. Also deletes lists of removed
        sources. Raises ListError if the folder cannot be made, or its index cannot be read or
        written.
        """
        shelf, sources = self._shelf, tuple(sources)
        shelf.make()
        shelf.sweep(sources)
        book = CopyIndex(shelf.folder)
        before = book.copies
        book.copies = {source.name: before.get(source.name, Copy()) for source in sources}
        problems = []
        for source in sources:
            copy = book.copies[source.name]
            try:
                book.copies[source.name] = Copy(self._renew(source, copy.validators), self._now)
            except ListError as error:
                problems.append(str(error))
                book.copies[source.name] = replace(copy, error=str(error))
        book.save()
        return problems

    def _renew(self, source: SealedSource, known: Validators) -> Validators:
        keys = read_keys(Path(source.set_key_file))
        if source.file:
            self._offer(source, read_private(Path(source.file), MAX_SET), keys)
            return Validators()
        here = self._shelf.path(source).exists()
        target = self._shelf.path(source).with_suffix(NEW)
        try:
            got = self._fetcher.fetch(
                f"sealed list {source.name}", source.url, target, known if here else Validators(), MAX_SET
            )
            if got.path is not None:
                self._offer(source, got.path.read_bytes(), keys)
        finally:
            with suppress(OSError):
                target.unlink(missing_ok=True)
        return got.validators

    def _offer(self, source: SealedSource, data: bytes, keys: tuple[bytes, ...]) -> None:
        self._shelf.offer(source, data, keys, self._innocent(), self._now.timestamp())


def _refuse(head: SetHead, problem: str) -> None:
    msg = f"the sealed list of {head.issuer} ({head.id.hex()}) {problem}"
    raise ListError(msg)


def verified(source: SealedSource, data: bytes) -> ParsedSet:
    """Return a parsed sealed list (a signed list of hashed names), after verifying its issuer's signature.

    Raises ListError if the list cannot be parsed, the Ed25519 signature is wrong, or the package
    cryptography is missing.
    """
    try:
        require("cryptography", "sealed lists")
    except MissingPackageError as error:
        raise ListError(str(error)) from error
    # Imported late: it takes 0.2 MB, and few households have a sealed list.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    parsed = parse_set(data)
    try:
        Ed25519PublicKey.from_public_bytes(source.issuer_key).verify(parsed.signature, parsed.signed)
    except (InvalidSignature, ValueError) as error:
        msg = f"the sealed list of {source.url or source.file} is not signed by its issuer; keeping the old"
        raise ListError(msg) from error
    return parsed


def with_key(parsed: ParsedSet, keys: Sequence[bytes]) -> SealedSet:
    """Return a sealed list (a list of hashed names), opened with the one of ``keys`` that fits it.

    An open list can say whether it has a name. Raises ListError if none fits.
    """
    for key in keys:
        if Hasher(key).check() == parsed.head.check:
            return parsed.opened(key)
    msg = f"the key of the sealed list of {parsed.head.issuer} ({parsed.head.id.hex()}) has not arrived yet"
    raise ListError(msg)


def read_keys(path: Path) -> tuple[bytes, ...]:
    """Return the keys in a key file: lines of 64 hexadecimal digits; empty lines and # comments are skipped.

    Raises ListError for another line, for no or more than MAX_KEYS keys, and as `read_private` does.
    """
    found = []
    for line in read_private(path, _KEY_FILE).decode("ascii", "replace").split("\n"):
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        try:
            key = bytes.fromhex(word)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            msg = f"{path}: has a line that is not a key; keys are 64 hexadecimal digits, one a line"
            raise ListError(msg)
        found.append(key)
    if not 0 < len(found) <= MAX_KEYS:
        msg = f"{path}: has {len(found)} keys; keep one to {MAX_KEYS}, the newest first"
        raise ListError(msg)
    return tuple(found)


def read_private(path: Path, most: int) -> bytes:
    """Return the content of a file of at most ``most`` bytes that only this user and root can access.

    Raises ListError if it is longer, cannot be read, is not a regular file (a symbolic link is none),
    or if another user owns or can access the file or its folder.
    """
    try:
        folder = os.stat(path.parent)
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb") as opened:
            about = os.fstat(opened.fileno())
            data = opened.read(most + 1) if stat.S_ISREG(about.st_mode) else None
    except PermissionError as error:
        msg = f"{path}: cannot be read by this user; run: chown {os.geteuid()} {path.parent} {path}"
        raise ListError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); check that it exists and is no link"
        raise ListError(msg) from error
    if data is None:
        msg = f"{path}: is not a regular file"
        raise ListError(msg)
    for status, place, mode in ((about, path, "600"), (folder, path.parent, "700")):
        if status.st_uid not in (0, os.geteuid()):
            msg = f"{place}: belongs to another user; run: chown {os.geteuid()} {place}"
            raise ListError(msg)
        if status.st_mode & 0o077:
            msg = f"{place}: other users can read it; run: chmod {mode} {place}"
            raise ListError(msg)
    if len(data) > most:
        msg = f"{path}: has more than {most} bytes"
        raise ListError(msg)
    return data
