"""Looks for bytes that must be nowhere: in files, in what a program has open, in what it says."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

PIECE = 1 << 20  # bytes that are read at a time
SHORTEST = 12  # bytes of a marker: shorter ones are found by chance


def forms(marker: bytes) -> set[bytes]:
    """As it is, in hex, and as each base64 has it whatever stands before it."""
    assert len(marker) >= SHORTEST
    found = {marker, marker.hex().encode(), marker.hex().upper().encode()}
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + marker)
            # The first letters belong to what stands before as well, the last ones to what comes after.
            found.add(text[4 if before else 0 : len(text) // 4 * 4 - 4])
    return found


def in_bytes(data: bytes, markers: Mapping[str, bytes]) -> list[str]:
    return [name for name, marker in markers.items() if any(form in data for form in forms(marker))]


def in_files(paths: Iterable[Path], markers: Mapping[str, bytes]) -> list[str]:
    """``path: marker`` for each find."""
    known = {name: forms(marker) for name, marker in markers.items()}
    return [f"{path}: {name}" for path in paths for name in _in_file(path, known)]


def _in_file(path: Path, known: Mapping[str, set[bytes]]) -> set[str]:
    most = max(len(form) for several in known.values() for form in several)
    found: set[str] = set()
    try:
        with path.open("rb") as file:
            before = b""
            while piece := file.read(PIECE):
                data = before + piece
                found |= {name for name, several in known.items() if any(one in data for one in several)}
                before = data[-most:]
    except OSError:  # it went meanwhile
        return found
    return found


def below(*folders: Path, leave_out: Iterable[Path] = ()) -> Iterator[Path]:
    """Every plain file there."""
    left = {str(one) for one in leave_out}
    for folder in folders:
        for root, inside, names in os.walk(folder):
            inside[:] = [name for name in inside if os.path.join(root, name) not in left]
            for name in names:
                path = Path(root) / name
                try:
                    plain = stat.S_ISREG(path.lstat().st_mode)
                except OSError:
                    continue
                if plain and str(path) not in left:
                    yield path


def fresh_in(folder: Path, since: float, leave_out: Collection[Path] = ()) -> Iterator[Path]:
    """Files, and those of folders, that are there since then (time.time()): what programs put for a while."""
    left = {str(one) for one in leave_out}
    for one in folder.iterdir():
        try:
            seen = one.lstat()
        except OSError:
            continue
        if max(seen.st_mtime, seen.st_ctime) < since or str(one) in left:
            continue
        if stat.S_ISDIR(seen.st_mode):
            yield from below(one, leave_out=leave_out)
        elif stat.S_ISREG(seen.st_mode):
            yield one


def opened(pid: int) -> Iterator[Path]:
    """Plain files that a program has open, those in memory and those that have no name any more too; and what
    it has mapped of such as have none.
    """
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if stat.S_ISREG(path.stat().st_mode):
                yield path
        except OSError:
            continue
    for path in Path(f"/proc/{pid}/map_files").iterdir():
        try:
            if os.readlink(path).endswith(" (deleted)"):  # a file of memory says so as well
                yield path
        except OSError:
            continue
