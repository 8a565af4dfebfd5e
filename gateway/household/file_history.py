"""The family's files as they are put in place, and as they were before: the folder ``history`` beside them.

A step is a folder ``history/000017``: the files as they stood before it, under their names, and
``step.json``, which says who made it, when, and what each file was before and after. It is whole on the disk
before the first file changes: a kill at any moment leaves each file old or new, and where that is some of
each, the next start takes the step back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded, read_if_there, sync_folder, write_atomically, write_error_text
from gateway.core.reason_codes import Code
from gateway.household.revisions import MAX_NOTE, Step, note_of, read_note, revision

FOLDER = "history"
STEPS = 8  # of one file that are kept
BY_HAND = 8  # versions of one file that somebody wrote by hand, beyond those
GONE = 16  # removed profiles that can be brought back

_NOTE = "step.json"
_NEXT = ".next"

_log = logging.getLogger(__name__)

Contents = Mapping[str, bytes | None]
"""File name → what stands in it; None: there is none."""


class History:
    """Of the files in one folder. Its own files are read once, and then as it writes them."""

    def __init__(self, folder: Path) -> None:
        self._home = folder
        self._folder = folder / FOLDER
        self._steps: dict[int, Step] | None = None
        self._spoilt = 0  # the highest number of a step that is not understood; its folder is left alone

    @property
    def steps(self) -> Mapping[int, Step]:
        """By number, the oldest first."""
        return self._known()

    def _known(self) -> dict[int, Step]:
        if self._steps is None:
            self._steps = {one.number: one for one in self._read()}
        return self._steps

    def last(self, name: str, revision: int, nobody: str = "") -> Step | None:
        """The step that made a file what it is; None where a hand did, or nobody remembers. Steps by
        ``nobody`` are passed over.
        """
        wanted: int | None = revision
        for step in (one for one in reversed(list(self.steps.values())) if name in one.after):
            if step.after[name] != wanted:
                return None
            if not nobody or step.by != nobody:
                return step
            wanted = step.before[name]
        return None

    def since(self, name: str, revision: int) -> list[Step]:
        """The steps of a file since it last was at a revision, the newest first; none where it never was."""
        steps = [one for one in reversed(list(self.steps.values())) if name in one.after]
        start = next((n for n, one in enumerate(steps) if one.before[name] == revision), None)
        return [] if start is None else steps[: start + 1]

    def earlier(self, path: Path, revision: int) -> tuple[list[Step], bytes]:
        """The same steps, and what stood in the file then. Raises PolicyError where nobody knows."""
        steps = self.since(path.name, revision)
        old = self.content(steps[-1], path.name) if steps else None
        if old is None:
            raise no_revision(path, revision)
        return steps, old

    def content(self, step: Step, name: str) -> bytes | None:
        """A file as it stood before a step. Raises PolicyError where that is gone."""
        if step.before[name] is None:
            return None
        data = read_bounded(self._place(step.number) / name)
        if revision(data) != step.before[name]:
            where, mend = str(self._place(step.number) / name), "look into the folder by hand"
            raise PolicyError(where, "was changed since it was kept", mend)
        return data

    def read(self, name: str) -> bytes | None:
        return read_if_there(self._home / name)

    def put(
        self, files: Contents, found: Contents, *,
        by: str, at: datetime, by_hand: frozenset[str], because: str = "",
    ) -> Step:  # fmt: skip
        """Put ``files`` in place, where everything still is as somebody ``found`` it.

        Raises PolicyError, with all files as they were.
        """
        number = 1 + max(max(self._known(), default=0), self._spoilt)
        before = {name: revision(found[name]) for name in files}
        after = {name: revision(data) for name, data in files.items()}
        step = Step(number, by, at, before, after, by_hand, because)
        try:
            self._keep(step, found)
            self._check(files, found)
            self._replace(files, found)
        except OSError as error:
            self._give_up(step)
            raise not_written(self._home, error) from error
        except PolicyError:
            self._give_up(step)
            raise
        self._known()[number] = step
        self._prune()
        return step

    def _give_up(self, step: Step) -> None:
        """Forget a step that did not happen. Where something of it cannot be taken back, it is kept."""
        moved = [name for name in step.after if step.before[name] != step.after[name]]
        if any(revision(self.read(name)) == step.after[name] for name in moved):
            self._known()[step.number] = step
        else:
            _remove(self._place(step.number))

    def recover(self) -> bool:
        """Take back the last step where a kill left some of its files old and some new; whether it did."""
        try:
            return self._recover()
        except (OSError, PolicyError) as error:
            _log.error("%s: %s", self._folder, error)
            return False

    def _recover(self) -> bool:
        _remove(self._folder / _NEXT)
        numbers = self._numbers()
        step = self._noted(numbers[-1]) if numbers else None
        if step is None:
            return False
        now = {name: revision(self.read(name)) for name in step.after}
        moved = {name for name in now if step.before[name] != step.after[name]}
        new = {name for name in moved if now[name] == step.after[name]}
        if new == moved or any(now[name] != step.before[name] for name in moved - new):
            return False  # it happened; or somebody went on by hand
        if new:
            _log.warning("a change of %s was cut short and is taken back", ", ".join(sorted(moved)))
            self._replace({name: self.content(step, name) for name in new}, {})
        _remove(self._place(step.number))
        self._steps = None
        return bool(new)

    def _place(self, number: int) -> Path:
        return self._folder / f"{number:06}"

    def _keep(self, step: Step, found: Contents) -> None:
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
                raise changed_meanwhile(self._home / name)

    def _replace(self, files: Contents, found: Contents) -> None:
        """All of them, or none where one cannot be written."""
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
        # Where it is a link, what it leads to is written.
        path = path.resolve()
        write_atomically(path, data, None if like is None else like.stat())
        sync_folder(path.parent)

    def _sibling(self) -> Path | None:
        """A file like which a new one is made."""
        return next((one for one in sorted(self._home.iterdir()) if one.suffix == ".yaml"), None)

    def _prune(self) -> None:
        """Forget what is older than the last steps of each of its files."""
        seen: dict[str, int] = {}
        hands: dict[str, int] = {}
        gone = 0
        for step in sorted(self._known().values(), key=lambda one: -one.number):
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
                del self._known()[step.number]

    def forget(self, name: str) -> None:
        """What is remembered of one file goes, with all else that its steps did: nothing of it comes back."""
        for step in [one for one in self._known().values() if name in one.after]:
            _remove(self._place(step.number))
            del self._known()[step.number]

    def _numbers(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        names = (one.name for one in self._folder.iterdir())
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def _read(self) -> Iterator[Step]:
        for number in self._numbers():
            step = self._noted(number)
            if step is not None:
                yield step
            else:
                self._spoilt = number

    def _noted(self, number: int) -> Step | None:
        place = self._place(number)
        try:
            return read_note(number, read_bounded(place / _NOTE, MAX_NOTE))
        except (PolicyError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("%s is not understood: %s", place, error)
            return None


def _remove(place: Path) -> None:
    """A step's folder, which has no folders in it. What stays is removed the next time, or by a hand."""
    try:
        # The note last: without files that it tells of a step cannot be taken back, without it it is none.
        for one in sorted(place.iterdir(), key=lambda one: one.name == _NOTE):
            one.unlink()
        place.rmdir()
    except OSError as error:
        if place.is_dir():
            _log.warning("%s cannot be removed: %s", place, error)


def not_written(path: Path, error: OSError) -> PolicyError:
    why = write_error_text(error)
    return PolicyError(str(path), f"cannot be written ({why})", "look at disk and rights").coded(
        Code.NOT_WRITTEN, why=why
    )


def no_revision(path: Path, revision: int) -> PolicyError:
    where, mend = f"{path}: {revision}", f"look into {path.parent / FOLDER}"
    return PolicyError(where, "is no version that is kept", mend).coded(Code.NO_REVISION)


def changed_meanwhile(path: Path) -> PolicyError:
    problem, mend = "was changed meanwhile", "look at it again, then change it"
    return PolicyError(str(path), problem, mend).coded(Code.CHANGED_MEANWHILE)
