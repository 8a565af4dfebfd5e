"""Reads long texts of a book: one file for each language, up to the requested entry, without a cache.

A cache of all texts would take 2 MB of memory. The format is for people who correct translations: an entry
begins with ``[key]`` and has lines ``name: text``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from webui.language.i18n import SOURCE_LANGUAGE, language

ABOUT = "about"  # key of the entry that names the native speaker who checked a file
ALIAS = "as"
NOBODY = "-"
ALIASES = 2  # maximum of aliases that lead to an entry

_FOLDER = Path(__file__).parent


class TextBook(StrEnum):
    LEARN = "learn"  # explanations of each category, setting, age band and reason
    MEAN = "mean"  # first aid against bullying
    REPORT = "report"  # how to report a user in a service
    GUIDE = "guide"  # the guide for parents, and the leaflet


@dataclass(frozen=True, slots=True)
class BookEntry:
    key: str
    lines: Mapping[str, tuple[str, ...]]

    def one(self, name: str) -> str:
        return next(iter(self.lines.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        return self.lines.get(name, ())


@dataclass(frozen=True, slots=True)
class Read:
    """Entries of a book (a file of long texts), and the language in which they are."""

    language: str
    entries: Mapping[str, BookEntry]
    by_native: bool  # checked by a native speaker; always true for English, the source

    def __getitem__(self, key: str) -> BookEntry:
        return self.entries[key]


def tongue(book: TextBook) -> str:
    """Return the code of the reader's language if the book of texts has a file in it, else of English."""
    return language() if path(book, language()).exists() else SOURCE_LANGUAGE


def path(book: TextBook, code: str) -> Path:
    return _FOLDER / code / f"{book}.txt"


def whole(book: TextBook) -> Read:
    code = tongue(book)
    found = {found_entry.key: found_entry for found_entry in entries(book, code)}
    return Read(code, found, _by_native(code, found.pop(ABOUT, None)))


def entry(book: TextBook, key: str) -> Read | None:
    """Return one entry of a book of texts in the reader's language; in English if the book has no such file.

    None if the file has no such entry. An alias is followed to its entry, over at most ALIASES steps.
    """
    code, wanted = tongue(book), key
    for _ in range(1 + ALIASES):
        about, found = None, None
        for item in entries(book, code):
            about = item if item.key == ABOUT else about
            if item.key == wanted:
                found = item
                break
        if found is None or wanted == ABOUT:
            return None
        wanted = found.one(ALIAS)
        if not wanted:
            return Read(code, {key: found}, _by_native(code, about))
    return None


def entries(book: TextBook, code: str) -> Iterator[BookEntry]:
    """Yield all entries in the file of a book of texts in the language ``code``, in their order.

    Raises OSError.
    """
    key, lines = "", dict[str, list[str]]()
    with path(book, code).open(encoding="utf-8") as file:
        for line in map(str.strip, file):
            if line.startswith("[") and line.endswith("]"):
                if key:
                    yield _entry(key, lines)
                key, lines = line[1:-1], dict[str, list[str]]()
            elif line and not line.startswith("#"):
                name, _colon, text = line.partition(":")
                lines.setdefault(name, []).append(text.strip())
    if key:
        yield _entry(key, lines)


def _entry(key: str, lines: Mapping[str, list[str]]) -> BookEntry:
    return BookEntry(key, {name: tuple(texts) for name, texts in lines.items()})


def _by_native(code: str, about: BookEntry | None) -> bool:
    if code == SOURCE_LANGUAGE:
        return True
    return about is not None and about.one("read_by_native") not in ("", NOBODY)
