"""Catalogues that a test writes, and a request in a language."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from webui.language.i18n import COOKIE


@contextmanager
def reading(app: Flask, language: str) -> Iterator[None]:
    with app.test_request_context(base_url="http://localhost", headers={"Cookie": f"{COOKIE}={language}"}):
        app.preprocess_request()
        yield


def write_catalogue(folder: Path, language: str, messages: dict[str, str]) -> None:
    """A .mo file as gettext reads it (GNU gettext manual, 10.3)."""
    place = folder / language / "LC_MESSAGES"
    place.mkdir(parents=True)
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **messages}.items())
    ids, texts, offsets = b"", b"", []
    for message, text in pairs:
        offsets.append((len(ids), len(message.encode()), len(texts), len(text.encode())))
        ids += message.encode() + b"\0"
        texts += text.encode() + b"\0"
    start = 28 + 16 * len(pairs)
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    first = b"".join(struct.pack("<2I", length, start + at) for at, length, _, _ in offsets)
    second = b"".join(struct.pack("<2I", length, start + len(ids) + at) for _, _, at, length in offsets)
    (place / "webui.mo").write_bytes(header + first + second + ids + texts)
