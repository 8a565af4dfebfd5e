"""Stored copies of lists: when each was fetched, and the result of the last attempt. No network access."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.core.errors import ListError
from gateway.core.files import write_error_text

STALE = timedelta(days=7)  # an older copy is reported as a problem
SHELF = "lists"  # folder of the copies, in the state directory
BOOK_NAME = "sources.json"
PREBUILT = "feed"  # entry of the index for a table that the signed data feed delivered; it has no copy


@dataclass(frozen=True, slots=True)
class Validators:
    """ETag, Last-Modified and URL of a stored file, for conditional requests (RFC 9110 §8.8)."""

    etag: str | None = None
    modified: str | None = None
    url: str = ""  # address of the file; empty: unknown


@dataclass(frozen=True, slots=True)
class Copy:
    """The index entry of a downloaded list: HTTP validators, time of the last download, and last error."""

    validators: Validators = field(default_factory=Validators)
    fetched: datetime | None = None  # when the server last sent it or confirmed that it is the newest
    error: str = ""  # one line about the last attempt, or a problem of the copy; empty: none
    further: tuple[Validators, ...] = ()  # of the second and later files of a list in several files


class CopyIndex:
    """The index of the downloaded lists in ``folder``, with a `Copy` for each list.

    It is stored in the file BOOK_NAME of the folder; `save` writes it. A missing or damaged index is
    empty. Raises ListError if the file cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._book = folder / BOOK_NAME
        self.copies: dict[str, Copy] = self._read()

    def path(self, source: str) -> Path:
        return self.folder / f"{source}.list"

    def fetched(self, source: str, *, is_in_table: bool) -> datetime | None:
        """Return when the names of a list were last fetched; None if never, or if its copy is missing.

        ``is_in_table``: the list is part of a table that the signed data feed delivered. The time
        of that table then counts, if there is one.
        """
        if is_in_table and PREBUILT in self.copies:
            return self.copies[PREBUILT].fetched
        return self.copies[source].fetched if source in self.copies and self.path(source).exists() else None

    def day(self, source: str) -> str:
        """Return the UTC date of a list's last fetch as its version, in ISO 8601; empty if unknown."""
        copy = self.copies.get(source)
        return "" if copy is None or copy.fetched is None else copy.fetched.astimezone(UTC).date().isoformat()

    @property
    def newest(self) -> datetime | None:
        """Return when a list, or a table of the signed data feed, was last fetched; None if none was yet."""
        return max((copy.fetched for copy in self.copies.values() if copy.fetched is not None), default=None)

    def _read(self) -> dict[str, Copy]:
        try:
            rows = json.loads(self._book.read_bytes())
            return {key: _copy(row) for key, row in rows.items()} if isinstance(rows, dict) else {}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            msg = f"{self._book}: cannot be read ({error.strerror}); fix its permissions, or run this as root"
            raise ListError(msg) from error
        except (ValueError, RecursionError):
            # A lost index costs one more download. The copies themselves are checked when they are read.
            return {}

    def save(self) -> None:
        """Write the index of copies to its file. Raises ListError, and leaves the old file, if that fails."""
        rows = {key: _row(copy) for key, copy in sorted(self.copies.items())}
        temporary = self._book.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(rows, indent=1))
            temporary.replace(self._book)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            msg = f"{self._book}: cannot be written ({write_error_text(error)}); the old one stays"
            raise ListError(msg) from error


def _copy(row: object) -> Copy:
    """Return the entry of a list from a JSON row of the index. A damaged value is treated as unknown."""
    if not isinstance(row, dict):
        return Copy()
    fetched, error = _words(row, "fetched", "error")
    further = row.get("further")
    return Copy(
        _validators(row),
        _moment(fetched),
        error or "",
        tuple(map(_validators, further)) if isinstance(further, list) else (),
    )


def _validators(row: object) -> Validators:
    if not isinstance(row, dict):
        return Validators()
    etag, modified, url = _words(row, "etag", "modified", "url")
    return Validators(etag, modified, url or "")


def _words(row: dict[str, Any], *keys: str) -> tuple[str | None, ...]:
    words = map(row.get, keys)
    return tuple(word if isinstance(word, str) and word.isprintable() else None for word in words)


def _moment(written: str | None) -> datetime | None:
    with suppress(ValueError):
        moment = datetime.fromisoformat(written or "")
        return moment if moment.tzinfo is not None else None
    return None


def _row(copy: Copy) -> dict[str, Any]:
    row = {
        **_validators_row(copy.validators),
        "fetched": copy.fetched.isoformat() if copy.fetched else None,
        "error": copy.error,
    }
    return row | (
        {"further": [_validators_row(validators) for validators in copy.further]} if copy.further else {}
    )


def _validators_row(validators: Validators) -> dict[str, Any]:
    return {"etag": validators.etag, "modified": validators.modified, "url": validators.url}
