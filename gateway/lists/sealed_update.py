"""Downloads new sealed sets and puts them in force. Runs in a short-lived process, not in the daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from gateway.core.errors import ListError
from gateway.lists.book import Book, Copy, Validators
from gateway.lists.fetch import Fetcher
from gateway.lists.sealed import NEW, SealedShelf, read_keys, read_private
from gateway.policy.sealed.sealed_set import MAX_SET
from gateway.policy.sealed.source import SealedSource


class SealedUpdate:
    """One update run. ``innocent`` returns names that no valid set contains; it is called for a new set."""

    def __init__(
        self, shelf: SealedShelf, fetcher: Fetcher, innocent: Callable[[], Iterable[str]], now: datetime
    ) -> None:
        self._shelf = shelf
        self._fetcher = fetcher
        self._innocent = innocent
        self._now = now

    def renew(self, sources: Iterable[SealedSource]) -> list[str]:
        """Update the set of each source. Return one line for each failure; the others are still updated.

        Raises ListError if the folder cannot be written.
        """
        shelf, sources = self._shelf, tuple(sources)
        shelf.make()
        shelf.sweep(sources)
        book = Book(shelf.folder)
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
                f"sealed set {source.name}", source.url, target, known if here else Validators(), MAX_SET
            )
            if got.path is not None:
                self._offer(source, got.path.read_bytes(), keys)
        finally:
            with suppress(OSError):
                target.unlink(missing_ok=True)
        return got.validators

    def _offer(self, source: SealedSource, data: bytes, keys: tuple[bytes, ...]) -> None:
        self._shelf.offer(source, data, keys, self._innocent(), self._now.timestamp())
