"""The book about our copies of lists: when each was fetched, and what the last try said; no network here."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.errors import ListError
from gateway.files import disk_words

STALE = timedelta(days=7)  # older than that is shown as a problem
SHELF = "lists"  # folder of the copies, in the state directory
BOOK_NAME = "sources.json"


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said of the copy that we have (RFC 9110 8.8)."""

    etag: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """What is known of our copy of a list."""

    validators: Validators = field(default_factory=Validators)
    fetched: datetime | None = None  # when the server last gave it or said it is the newest
    error: str = ""  # one line, of the last try; empty after a good one


class Book:
    """The copies in ``folder`` and the book about them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._book = folder / BOOK_NAME
        self.copies: dict[str, Copy] = self._read()

    def path(self, source: str) -> Path:
        return self.folder / f"{source}.list"

    def day(self, source: str) -> str:
        """Which version is here, as far as anybody can tell: that of the day on which it was fetched."""
        copy = self.copies.get(source)
        return "" if copy is None or copy.fetched is None else copy.fetched.astimezone(UTC).date().isoformat()

    def _read(self) -> dict[str, Copy]:
        try:
            rows = json.loads(self._book.read_bytes())
            return {key: _copy(row) for key, row in rows.items()} if isinstance(rows, dict) else {}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            msg = (
                f"{self._book}: cannot be read ({error.strerror}); mend its permissions, or run this as root"
            )
            raise ListError(msg) from error
        except (ValueError, RecursionError):
            # A lost book costs one download more; the copies themselves are checked when they are read.
            return {}

    def save(self) -> None:
        """Raises ListError; the old book stays then."""
        rows = {key: _row(copy) for key, copy in sorted(self.copies.items())}
        temporary = self._book.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(rows, indent=1))
            temporary.replace(self._book)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            msg = f"{self._book}: cannot be written ({disk_words(error)}); the old one stays"
            raise ListError(msg) from error


def _copy(row: object) -> Copy:
    """What a row of the book says; of what it does not say rightly nothing is known."""
    if not isinstance(row, dict):
        return Copy()
    etag, modified, fetched, error = (
        word if isinstance(word, str) and word.isprintable() else None
        for word in map(row.get, ("etag", "modified", "fetched", "error"))
    )
    return Copy(Validators(etag, modified), _moment(fetched), error or "")


def _moment(written: str | None) -> datetime | None:
    with suppress(ValueError):
        moment = datetime.fromisoformat(written or "")
        return moment if moment.tzinfo is not None else None
    return None


def _row(copy: Copy) -> dict[str, Any]:
    return {
        "etag": copy.validators.etag,
        "modified": copy.validators.modified,
        "fetched": copy.fetched.isoformat() if copy.fetched else None,
        "error": copy.error,
    }
