"""Stores earlier versions of the rule files in the folder ``history`` next to them.

A step is a folder such as ``history/000017``. It contains the previous files, and ``step.json`` with the
author, the time, and the revisions of each file before and after. The step is on the disk before the first
file changes. After a kill each file is either old or new; if both occur, the next start undoes the step.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from gateway.core.errors import ControlError, GatewayError, PolicyError
from gateway.core.files import read_bounded, read_if_there, sync_folder, write_atomically, write_error_text
from gateway.core.reason_codes import Code
from gateway.policy.requests.requests import MAX_REASON

PROGRAM = "qalqan"  # author of automatic changes, in the history and the audit log
FOLDER = "history"
STEPS = 8  # stored steps per file: the newest
BY_HAND = 8  # also stored, per file: the newest steps whose previous version was edited by hand
GONE = 16  # removed profiles that can be restored
MAX_NOTE = 16 * 1024  # bytes of step.json; with 64 files it has about 5 kB

_NOTE = "step.json"
_NEXT = ".next"

_log = logging.getLogger(__name__)

Contents = Mapping[str, bytes | None]
"""File name → content; None: no such file."""


def revision_of(data: bytes) -> int:
    """Return the revision number of a file: the first 48 bits of its SHA-256, which fit a JSON number."""
    return int.from_bytes(sha256(data).digest()[:6])


def revision(data: bytes | None) -> int | None:
    return None if data is None else revision_of(data)


@dataclass(frozen=True, slots=True)
class FileChange:
    """A stored change of files: author, time, reason, and each file's revision before and after."""

    number: int
    by: str  # a guardian's name, or for example PROGRAM
    at: datetime  # aware
    before: Mapping[str, int | None]  # file → revision; None: no file
    after: Mapping[str, int | None]
    by_hand: frozenset[str]  # files that were edited by hand before
    because: str = ""  # the reason in the author's words

    @property
    def removed(self) -> str | None:
        """The name of the file that this change removed; None if it did anything else."""
        name = next(iter(self.after), None)
        return name if len(self.after) == 1 and name is not None and self.after[name] is None else None


class FileHistory:
    """Writes the files of one folder, and stores their contents before each change (step) as a history.

    It supplies earlier contents for an undo, and restores the files after an interrupted write.
    Steps are read once and then cached.
    """

    def __init__(self, folder: Path) -> None:
        self._home = folder
        self._folder = folder / FOLDER
        self._steps: dict[int, FileChange] | None = None
        self._unreadable = 0  # highest number of an unreadable step, whose folder is not touched

    @property
    def steps(self) -> Mapping[int, FileChange]:
        """The stored changes by number, oldest first."""
        return self._cached()

    def _cached(self) -> dict[int, FileChange]:
        if self._steps is None:
            self._steps = {step.number: step for step in self._read()}
        return self._steps

    def last(self, name: str, revision: int, skip_author: str = "") -> FileChange | None:
        """Return the step (stored change) that led to ``revision`` of the file ``name``.

        None if it is not stored, or if the file was edited by hand since. ``skip_author``: skip the steps of
        this author.
        """
        wanted: int | None = revision
        for step in (step for step in reversed(list(self.steps.values())) if name in step.after):
            if step.after[name] != wanted:
                return None
            if not skip_author or step.by != skip_author:
                return step
            wanted = step.before[name]
        return None

    def since(self, name: str, revision: int) -> list[FileChange]:
        """Return the stored changes of the file ``name`` since it last had ``revision``, newest first.

        Changes of only other files are left out. Empty if no stored change of the file began at ``revision``.
        """
        steps = [step for step in reversed(list(self.steps.values())) if name in step.after]
        start = next((n for n, step in enumerate(steps) if step.before[name] == revision), None)
        return [] if start is None else steps[: start + 1]

    def earlier(self, path: Path, revision: int) -> tuple[list[FileChange], bytes]:
        """Return the stored changes of a file since a revision, newest first, and its content then.

        Raises ControlError if the revision is not stored, and PolicyError as `content` does.
        """
        steps = self.since(path.name, revision)
        old = self.content(steps[-1], path.name) if steps else None
        if old is None:
            raise ControlError.of(Code.NO_REVISION)
        return steps, old

    def content(self, step: FileChange, name: str) -> bytes | None:
        """Return the content of a file before a stored change; None if it did not exist.

        Raises PolicyError if the stored content is missing or was changed by hand.
        """
        if step.before[name] is None:
            return None
        data = read_bounded(self._place(step.number) / name)
        if revision(data) != step.before[name]:
            where, fix = str(self._place(step.number) / name), "look into the folder by hand"
            raise PolicyError(where, "was changed since it was kept", fix)
        return data

    def read(self, name: str) -> bytes | None:
        return read_if_there(self._home / name)

    def put(
        self, files: Contents, found: Contents, *,
        by: str, at: datetime, by_hand: frozenset[str], because: str = "",
    ) -> FileChange:  # fmt: skip
        """Write ``files``, store their previous contents in the history, and return this change.

        ``found``: the contents that the files must still have. ``by``, ``at``, ``because``: author,
        time and reason. ``by_hand``: files that were edited by hand before. Raises GatewayError,
        with all files unchanged, if one has another content or cannot be written. A file that could not be
        restored then is restored at the next start.
        """
        number = 1 + max(max(self._cached(), default=0), self._unreadable)
        before = {name: revision(found[name]) for name in files}
        after = {name: revision(data) for name, data in files.items()}
        step = FileChange(number, by, at, before, after, by_hand, because)
        try:
            self._store(step, found)
            self._check(files, found)
            self._replace(files, found)
        except OSError as error:
            self._discard(step)
            raise not_written(self._home, error) from error
        except GatewayError:
            self._discard(step)
            raise
        self._cached()[number] = step
        self._prune()
        return step

    def _discard(self, step: FileChange) -> None:
        """Delete the stored step of a change that failed. If a file could not be restored, the step stays."""
        moved = [name for name in step.after if step.before[name] != step.after[name]]
        if any(revision(self.read(name)) == step.after[name] for name in moved):
            self._cached()[step.number] = step
        else:
            _remove(self._place(step.number))

    def recover(self) -> bool:
        """Restore the files of the last change if the program was killed while it wrote them.

        Return whether a file was restored. Errors are logged.
        """
        try:
            return self._recover()
        except (OSError, PolicyError) as error:
            _log.error("%s: %s", self._folder, error)
            return False

    def _recover(self) -> bool:
        _remove(self._folder / _NEXT)
        numbers = self._numbers()
        step = self._read_step(numbers[-1]) if numbers else None
        if step is None:
            return False
        now = {name: revision(self.read(name)) for name in step.after}
        moved = {name for name in now if step.before[name] != step.after[name]}
        new = {name for name in moved if now[name] == step.after[name]}
        if new == moved or any(now[name] != step.before[name] for name in moved - new):
            return False  # the step was completed, or files were edited by hand since
        if new:
            _log.warning("A change of %s was interrupted. It is undone.", ", ".join(sorted(moved)))
            self._replace({name: self.content(step, name) for name in new}, {})
        _remove(self._place(step.number))
        self._steps = None
        return bool(new)

    def _place(self, number: int) -> Path:
        return self._folder / f"{number:06}"

    def _store(self, step: FileChange, found: Contents) -> None:
        fresh = self._folder / _NEXT
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700)
            sync_folder(self._home)
        _remove(fresh)
        fresh.mkdir(mode=0o700)
        for name, data in found.items():
            if data is not None and name in step.after:
                write_atomically(fresh / name, data)
        write_atomically(fresh / _NOTE, note_of(step))
        sync_folder(fresh)
        fresh.rename(self._place(step.number))
        sync_folder(self._folder)

    def _check(self, files: Contents, found: Contents) -> None:
        for name in files:
            if self.read(name) != found[name]:
                raise ControlError.of(Code.CHANGED_MEANWHILE)

    def _replace(self, files: Contents, found: Contents) -> None:
        """Write all files.

        Raises OSError if one cannot be written, after restoring the contents in ``found``.
        """
        done: list[str] = []
        try:
            for name, data in files.items():
                done.append(name)
                self._put(name, data)
        except OSError:
            for name in done:
                if name in found and self.read(name) != found[name]:
                    self._put(name, found[name])
            raise

    def _put(self, name: str, data: bytes | None) -> None:
        path = self._home / name
        if data is None:
            path.unlink(missing_ok=True)
            sync_folder(self._home)
            return
        like = path if path.exists() else self._sibling()
        # For a symbolic link, the target is written.
        path = path.resolve()
        write_atomically(path, data, None if like is None else like.stat())
        sync_folder(path.parent)

    def _sibling(self) -> Path | None:
        """Return a file that gives its owner and mode to a new file; None if the folder has none."""
        return next((file for file in sorted(self._home.iterdir()) if file.suffix == ".yaml"), None)

    def _prune(self) -> None:
        """Delete the stored changes that exceed the limits (STEPS, BY_HAND, GONE) for each of their files."""
        seen: dict[str, int] = {}
        hands: dict[str, int] = {}
        gone = 0
        for step in sorted(self._cached().values(), key=lambda step: -step.number):
            wanted = False
            for name in step.after:
                seen[name] = seen.get(name, 0) + 1
                wanted = wanted or seen[name] <= STEPS
                if name in step.by_hand:
                    hands[name] = hands.get(name, 0) + 1
                    wanted = wanted or hands[name] <= BY_HAND
            if step.removed is not None:
                gone += 1
                wanted = wanted and gone <= GONE
            if not wanted:
                _remove(self._place(step.number))
                del self._cached()[step.number]

    def forget(self, name: str) -> None:
        """Delete all stored changes that contain the file ``name``, including the other files in them."""
        for step in [step for step in self._cached().values() if name in step.after]:
            _remove(self._place(step.number))
            del self._cached()[step.number]

    def _numbers(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        names = (file.name for file in self._folder.iterdir())
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def _read(self) -> Iterator[FileChange]:
        for number in self._numbers():
            step = self._read_step(number)
            if step is not None:
                yield step
            else:
                self._unreadable = number

    def _read_step(self, number: int) -> FileChange | None:
        place = self._place(number)
        try:
            return read_note(number, read_bounded(place / _NOTE, MAX_NOTE))
        except (PolicyError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("Reading %s failed: %s. It is left alone.", place, error)
            return None


def note_of(step: FileChange) -> bytes:
    note = {
        "by": step.by,
        "at": step.at.isoformat(timespec="seconds"),
        "before": dict(step.before),
        "after": dict(step.after),
        "by_hand": sorted(step.by_hand),
        **({"because": step.because} if step.because else {}),
    }
    return json.dumps(note, ensure_ascii=False, indent=1).encode()


def read_note(number: int, data: bytes) -> FileChange:
    note = json.loads(data)
    at = datetime.fromisoformat(note["at"])
    before, after = dict(note["before"]), dict(note["after"])
    if before.keys() != after.keys() or at.tzinfo is None:
        msg = "it names other files before than after, or a time without an offset"
        raise ValueError(msg)
    because = str(note.get("because", ""))[:MAX_REASON]  # earlier versions of Qalqan stored no reason
    return FileChange(number, str(note["by"]), at, before, after, frozenset(note["by_hand"]), because)


def _remove(place: Path) -> None:
    """Delete the folder of a step. An error is logged, not raised."""
    try:
        # Delete the note last: without it a step is ignored, without its files it could not be undone.
        for file in sorted(place.iterdir(), key=lambda file: file.name == _NOTE):
            file.unlink()
        place.rmdir()
    except OSError as error:
        if place.is_dir():
            _log.warning("Removing %s failed: %s. It is tried again later.", place, error)


def not_written(path: Path, error: OSError) -> PolicyError:
    why = write_error_text(error)
    return PolicyError(str(path), f"cannot be written ({why})", "look at disk and rights").coded(
        Code.NOT_WRITTEN, why=why
    )
