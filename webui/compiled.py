"""Caches compiled templates in the state directory of the pages.

Compiling all of them takes 2 s on a PC, far more on a router, and costs the process 2 MB of memory
afterwards. ``python -m webui.compiled FOLDER`` compiles all of them in a process that ends. At their start,
the pages run it if the stored templates are not of the current files and of the current versions of Jinja and
Python. Until it ends, they compile each requested template.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import jinja2
from flask import Flask
from jinja2.bccache import Bucket

FOLDER = "templates"
DONE = "all-of"  # a file with the stamp of the compiled templates
TIMEOUT = 300  # seconds; a small router needs thirty
NICENESS = 10
DIGEST = 16  # bytes

log = logging.getLogger(__name__)


class FileBytecodeCache(jinja2.BytecodeCache):
    """A template cache of Jinja: stores each compiled template in a file, with a digest of its content.

    A template with a damaged or unreadable file is compiled again. An error while writing is ignored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            data = (self.folder / bucket.key).read_bytes()
        except OSError:
            return
        if _digest(data[DIGEST:]) == data[:DIGEST]:
            bucket.bytecode_from_string(data[DIGEST:])

    def dump_bytecode(self, bucket: Bucket) -> None:
        data = bucket.bytecode_to_string()
        fresh = self.folder / f"{bucket.key}.{os.getpid()}.{threading.get_ident()}"
        try:
            fresh.write_bytes(_digest(data) + data)
            fresh.replace(self.folder / bucket.key)
        except OSError:
            with suppress(OSError):
                fresh.unlink()

    def clear(self) -> None:
        for path in self.folder.iterdir():
            path.unlink(missing_ok=True)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST).digest()


def use_file_cache(app: Flask, state: Path | None) -> None:
    """Make the application store its compiled templates in the ``state`` directory, if there is one."""
    folder = _make_folder(state)
    if folder is not None:
        app.jinja_env.bytecode_cache = FileBytecodeCache(folder)


def _make_folder(state: Path | None) -> Path | None:
    if state is None:
        return None
    folder = state / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        log.warning("%s: %s; templates are compiled at each start", folder, error.strerror)
        return None
    return folder


def compile_later(state: Path | None) -> None:
    """Start a process that compiles all templates, unless this was done already. Does not wait for it.

    Does nothing without a ``state`` directory, or if its folder cannot be made.
    """
    folder = _make_folder(state)
    if folder is not None and _done(folder) != stamp():
        threading.Thread(target=_in_a_process, args=(folder,), name="templates", daemon=True).start()


def _in_a_process(folder: Path) -> None:
    argv = (sys.executable, "-m", "webui.compiled", str(folder))
    try:
        subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=TIMEOUT, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("templates are compiled when they are first needed: %s", error)


def _done(folder: Path) -> str:
    try:
        return (folder / DONE).read_text("ascii", "replace")
    except OSError:
        return ""


def stamp() -> str:
    """Return a digest of all templates, and of the versions of Jinja and Python.

    If it changes, all templates are compiled again.
    """
    found = hashlib.blake2b(f"{sys.implementation.cache_tag} {jinja2.__version__}".encode(), digest_size=16)
    for path in sorted((Path(__file__).parent / "templates").rglob("*.html")):
        found.update(path.read_bytes())
    return found.hexdigest()


def compile_all(folder: Path) -> None:
    from webui import Settings, create_app

    app = create_app(Settings(folder / "no.sock"))
    app.jinja_env.bytecode_cache = cache = FileBytecodeCache(folder)
    now = stamp()
    if _done(folder) not in {now, ""}:
        with suppress(OSError):
            cache.clear()  # removes files of renamed templates
    for name in app.jinja_env.list_templates(extensions=("html",)):
        app.jinja_env.get_template(name)
    with suppress(OSError):  # otherwise the next start compiles all of them again
        (folder / DONE).write_text(now, "ascii")


if __name__ == "__main__":
    os.nice(NICENESS)
    compile_all(Path(sys.argv[1]))
