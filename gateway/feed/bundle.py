"""A data set in one compressed file: what the feed publishes, and how a gateway unpacks it."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from pathlib import Path

from gateway.core.errors import ListError
from gateway.feed.data_set import FILES, FOLDERS, RELEASE

MAX_BUNDLE = 8 << 20  # bytes; the packaged data has 150 kB
MAX_UNPACKED = 32 << 20  # bytes of all files
MAX_FILES = 512
CHUNK = 1 << 16
_NAME = re.compile(r"(?:([a-z_]{1,32})/)?([A-Za-z0-9][A-Za-z0-9_.-]{0,63})", re.ASCII)
_SUFFIXES = (".yaml", ".txt")


def pack(folder: Path, release: bytes) -> bytes:
    """Return the data set in ``folder`` as a tar.gz bundle, with ``release`` as its ``data.yaml``.

    The same data gives the same bytes. Raises OSError if a file cannot be read.
    """
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        _add(archive, RELEASE, release)
        for name in _names(folder):
            _add(archive, name, (folder / name).read_bytes())
    return out.getvalue()


def _names(folder: Path) -> list[str]:
    inner = (
        f"{part}/{file.name}"
        for part in FOLDERS
        for file in (folder / part).iterdir()
        if file.suffix in _SUFFIXES
    )
    return sorted([*FILES, *inner])


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    archive.addfile(member, io.BytesIO(data))


def unpack(bundle: Path, folder: Path) -> None:
    """Extract the files of a data bundle into an empty folder.

    Raises ListError if the bundle is damaged, incomplete, too large or has other files, and OSError if
    the disk fails.
    """
    try:
        with tarfile.open(bundle, "r|gz") as archive:
            found = _extract(archive, folder)
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, UnicodeError, OverflowError) as error:
        msg = f"feed: the bundle is damaged ({error})"
        raise ListError(msg) from error
    missing = {RELEASE, *FILES, *FOLDERS} - found
    if missing:
        msg = f"feed: the bundle has no {min(missing)}"
        raise ListError(msg)


def _extract(archive: tarfile.TarFile, folder: Path) -> set[str]:
    """Write all files of the archive to ``folder``. Return the names of the files and folders at the top.

    Raises ListError for a file that is not part of a data set, or for too many files or bytes.
    """
    found, files, size = set(), 0, 0
    for member in archive:
        match = _NAME.fullmatch(member.name)
        top = match and (match[1] or match[2])
        known = FOLDERS if match and match[1] else (RELEASE, *FILES)
        if match is None or top is None or top not in known or not member.isreg():
            msg = f"feed: the bundle contains {member.name[:80]!r}, which is not part of a data set"
            raise ListError(msg)
        files, size = files + 1, size + member.size
        if files > MAX_FILES or size > MAX_UNPACKED:
            msg = f"feed: the bundle has more than {MAX_FILES} files or {MAX_UNPACKED >> 20} MB"
            raise ListError(msg)
        source = archive.extractfile(member)
        if source is None:
            continue
        target = folder / member.name
        target.parent.mkdir(exist_ok=True)
        with target.open("wb") as out:
            while chunk := source.read(CHUNK):
                out.write(chunk)
        found.add(top)
    return found
