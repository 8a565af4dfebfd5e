"""Reads compiled message catalogues (.mo, GNU gettext manual 10.3) without a copy of their texts in memory.

The standard library's reader makes a dictionary of all messages: 1.5 MB for each language.
"""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left
from functools import lru_cache
from gettext import NullTranslations, c2py
from pathlib import Path
from struct import unpack_from
from weakref import finalize
from zlib import crc32

MAGIC = 0x950412DE
CONTEXT, FORM = "\x04", "\0"  # between context and message; between the forms of a plural
RECENT = 64  # messages in the cache, such as those of every page; reading one from the file takes 3 µs


class MoFile(NullTranslations):
    """A message catalogue that reads each message from its file when it is needed.

    Raises OSError if the file cannot be read; ValueError or struct.error if it is no catalogue.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        data = path.read_bytes()
        magic, _, count, messages, texts = unpack_from("<5I", data)
        if magic != MAGIC:
            raise ValueError(path)
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        finalize(self, os.close, self._file)
        digests = array("I", (crc32(_key(data, messages + 8 * number)) for number in range(count)))
        order = sorted(range(count), key=digests.__getitem__)
        self._digests = array("I", (digests[number] for number in order))
        self._places = array("I")  # of each: length and offset of the message, and of its text
        for number in order:
            self._places.extend(unpack_from("<2I", data, messages + 8 * number))
            self._places.extend(unpack_from("<2I", data, texts + 8 * number))
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
        """Return the translated forms of a message (one, or those of a plural); None if it has none."""
        wanted = key.encode()
        digest = crc32(wanted)
        at = bisect_left(self._digests, digest)
        while at < len(self._digests) and self._digests[at] == digest:
            length, place, text_length, text_place = self._places[4 * at : 4 * at + 4]
            if self._read(length, place).partition(b"\0")[0] == wanted:
                return self._read(text_length, text_place).decode().split(FORM)
            at += 1
        return None

    def _read(self, length: int, place: int) -> bytes:
        return os.pread(self._file, length, place)


def _key(data: bytes, entry: int) -> bytes:
    """Return the untranslated message, without its plural, of the table entry at offset ``entry``."""
    length, at = unpack_from("<2I", data, entry)
    return data[at : at + length].partition(b"\0")[0]
