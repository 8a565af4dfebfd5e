"""Reads compiled message catalogues (.mo, GNU gettext manual 10.3) without a copy of their texts in memory.

The standard library's reader makes a dictionary of all messages: 1.5 MB for each language.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from functools import lru_cache
from gettext import NullTranslations, c2py
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import unpack_from

MAGIC = 0x950412DE
CONTEXT, FORM = "\x04", "\0"  # between context and message; between the forms of a plural
RECENT = 256  # messages that are kept: those of a page or two


class MoFile(NullTranslations):
    """A catalogue that looks each message up in the file. Raises OSError or ValueError if it is none."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        with path.open("rb") as file:
            self._data = mmap(file.fileno(), 0, access=ACCESS_READ)
        magic, _, count, self._messages, self._texts = unpack_from("<5I", self._data)
        if magic != MAGIC:
            raise ValueError(path)
        # Not every writer sorts its messages by their bytes.
        self._order = array("H", sorted(range(count), key=self._message))
        head = (self._find("") or [""])[0]
        form = re.search(r"plural=([^;\n]+)", head)
        self._form = c2py(form[1] if form else "n != 1")
        self._found = lru_cache(RECENT)(self._find)

    def gettext(self, message: str) -> str:
        return (self._found(message) or [message])[0]

    def pgettext(self, context: str, message: str) -> str:
        return (self._found(f"{context}{CONTEXT}{message}") or [message])[0]

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self._plural(msgid1, msgid1, msgid2, n)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self._plural(f"{context}{CONTEXT}{msgid1}", msgid1, msgid2, n)

    def _plural(self, key: str, one: str, many: str, number: int) -> str:
        forms = self._found(key)
        if forms is None:
            return one if number == 1 else many
        return forms[self._form(number)]

    def _find(self, key: str) -> list[str] | None:
        """Return the forms of a message; None if the catalogue has no text for it."""
        wanted = key.encode()
        at = bisect_left(self._order, wanted, key=self._message)
        if at == len(self._order) or self._message(self._order[at]).partition(b"\0")[0] != wanted:
            return None
        return self._read(self._texts, self._order[at]).decode().split(FORM)

    def _message(self, number: int) -> bytes:
        return self._read(self._messages, number)

    def _read(self, table: int, number: int) -> bytes:
        length, at = unpack_from("<2I", self._data, table + 8 * number)
        return self._data[at : at + length]
