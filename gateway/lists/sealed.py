"""Stores sealed lists on disk. A new copy is verified before it replaces the old one.

Format and behaviour: docs/providers/sealed-lists.md.

The folder is for the daemon's user alone. A file of it is the set's key and the set as its issuer signed it.
Nothing here says a name, whatever goes wrong.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.core.errors import ListError
from gateway.core.files import sync_folder, write_atomically, write_error_text
from gateway.core.optional_packages import MissingPackageError, require
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

FOLDER = "sealed"  # in the state directory
SET, NEW = ".set", ".new"  # a set in force; one that comes
_OURS = re.compile(r"\.?([0-9a-f]{16})\.(?:set|new|set\.new)", re.ASCII)
AHEAD = 86_400  # seconds that a set may be from the future: an issuer's clock, or one that was just set
MAX_KEYS = 8  # lines of a key file: the next set's key comes before the set, the last one's stays for a while
_KEY_FILE = 4096  # bytes


@dataclass(frozen=True, slots=True)
class Held:
    """What is in force of one source; ``problem`` is empty where all is well."""

    source: SealedSource
    head: SetHead | None
    problem: str = ""

    def is_late(self, now: float) -> bool:
        return self.head is not None and self.head.expires <= now


class SealedShelf:
    """The sets in force."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER

    def path(self, source: SealedSource) -> Path:
        return self.folder / f"{source.name}{SET}"

    def make(self) -> None:
        """Raises ListError where it cannot be, or is not ours alone."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            why = write_error_text(error)
            msg = f"{self.folder}: cannot be made ({why}); run this as root, or mend the path"
            raise ListError(msg) from error

    def load(self, sources: Iterable[SealedSource]) -> tuple[SealedSets, tuple[Held, ...]]:
        """All that are in force, and how each source is."""
        sets: list[SealedSet] = []
        held = []
        for source in sources:
            try:
                one = self.held(source)
            except ListError as error:
                held.append(Held(source, None, str(error)))
                continue
            if one is not None:
                sets.append(one)
            held.append(Held(source, one.head if one else None, "" if one else "no set has come yet"))
        return SealedSets(tuple(sets)), tuple(held)

    def held(self, source: SealedSource) -> SealedSet | None:
        """None: there is none yet. Raises ListError for a damaged one."""
        path = self.path(source)
        if not os.path.lexists(path):
            return None
        data = read_private(path, KEY_BYTES + MAX_SET)
        return verified(source, data[KEY_BYTES:]).opened(data[:KEY_BYTES])

    def offer(
        self, source: SealedSource, data: bytes, keys: Sequence[bytes], innocent: Iterable[str], now: float
    ) -> bool:
        """Put a set in force; False where it is the one that is. Raises ListError: the one in force stays.

        ``innocent``: normalised names that no honest set holds.
        """
        parsed = verified(source, data)
        new = with_key(parsed, keys)
        head = new.head
        if head.made > now + AHEAD:
            _refuse(head, "is from the future; look at the clock of this machine")
        try:
            old = self.held(source)
        except ListError:
            old = None  # a damaged one holds nothing back
        if old is not None:
            if old.head == head and data == self.path(source).read_bytes()[KEY_BYTES:]:
                return False
            if head.made <= old.head.made:
                _refuse(head, "is not newer than the one in force, which stays")
        if head.expires <= now:
            _refuse(head, "has expired; its issuer has to make a new one")
        if any(map(new.holds, innocent)):  # one above such a name would refuse it as well
            _refuse(
                head, "would refuse a well-known innocent site, or all names of a registry; tell its issuer"
            )
        self._write(source, next(one for one in keys if Hasher(one).check() == head.check) + data)
        return True

    def _write(self, source: SealedSource, data: bytes) -> None:
        self.make()
        try:
            write_atomically(self.path(source), data)
            sync_folder(self.folder)
        except OSError as error:
            msg = f"{self.folder}: cannot be written ({write_error_text(error)}); the set in force stays"
            raise ListError(msg) from error

    def sweep(self, sources: Iterable[SealedSource]) -> None:
        """Sets of sources that are no more, and what was being fetched of them when a power cut came."""
        keep = {one.name for one in sources}
        with suppress(OSError):
            for file in self.folder.iterdir():
                known = _OURS.fullmatch(file.name)
                if known is not None and known[1] not in keep:
                    file.unlink()


def _refuse(head: SetHead, problem: str) -> None:
    msg = f"the sealed set of {head.issuer} ({head.id.hex()}) {problem}"
    raise ListError(msg)


def verified(source: SealedSource, data: bytes) -> ParsedSet:
    """Whole, and signed by its issuer. Raises ListError."""
    try:
        require("cryptography", "sealed sets")
    except MissingPackageError as error:
        raise ListError(str(error)) from error
    # 0.2 MB, for the homes that have such a set.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    parsed = parse_set(data)
    try:
        Ed25519PublicKey.from_public_bytes(source.issuer_key).verify(parsed.signature, parsed.signed)
    except (InvalidSignature, ValueError) as error:
        msg = (
            f"the sealed set of {source.url or source.file} is not signed by its issuer; the last good stays"
        )
        raise ListError(msg) from error
    return parsed


def with_key(parsed: ParsedSet, keys: Sequence[bytes]) -> SealedSet:
    """Raises ListError where its key has not come yet."""
    for key in keys:
        if Hasher(key).check() == parsed.head.check:
            return parsed.opened(key)
    msg = f"the key of the sealed set of {parsed.head.issuer} ({parsed.head.id.hex()}) has not come yet"
    raise ListError(msg)


def read_keys(path: Path) -> tuple[bytes, ...]:
    """Lines of 64 hexadecimal digits, beside empty ones and those with # before. Raises ListError."""
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
            msg = f"{path}: has a line that is no key; keys are 64 hexadecimal digits, one a line"
            raise ListError(msg)
        found.append(key)
    if not 0 < len(found) <= MAX_KEYS:
        msg = f"{path}: has {len(found)} keys; keep one to {MAX_KEYS}, the newest first"
        raise ListError(msg)
    return tuple(found)


def read_private(path: Path, most: int) -> bytes:
    """A file that nobody else can read or change, in a folder of which the same holds. Raises ListError."""
    try:
        folder = os.stat(path.parent)
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb") as opened:
            about = os.fstat(opened.fileno())
            data = opened.read(most + 1) if stat.S_ISREG(about.st_mode) else None
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); see whether it is there, and run this as root"
        raise ListError(msg) from error
    if data is None:
        msg = f"{path}: is no regular file"
        raise ListError(msg)
    for one, kind, mode in ((about, "file", "600"), (folder, "folder", "700")):
        if one.st_mode & 0o077 or one.st_uid not in (0, os.geteuid()):
            msg = f"{path}: others can read its {kind}; give it to the daemon alone: chmod {mode}"
            raise ListError(msg)
    if len(data) > most:
        msg = f"{path}: has more than {most} bytes"
        raise ListError(msg)
    return data
