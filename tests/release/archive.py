"""Makes the OpenWrt feed as one archive: the recipes, and the source tree that they build."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

# The feed builds the tree that it is part of, so the archive has both. The pages read CHANGELOG.md.
PARTS = ("openwrt", "gateway", "webui", "profiles", "docs", "CHANGELOG.md", "LICENSE", "README.md")


def tracked(root: Path, parts: Iterable[str] = PARTS) -> list[Path]:
    """Return the files of ``parts`` that git tracks, sorted, relative to ``root``."""
    argv = ["git", "ls-files", "-z", "--", *parts]
    listed = subprocess.run(argv, cwd=root, capture_output=True, check=True).stdout.decode()
    return sorted(Path(name) for name in listed.split("\0") if name)


def write(root: Path, files: Iterable[Path], top: str, epoch: int, path: Path) -> None:
    """Write files below ``root`` as a gzipped tar, inside a folder named ``top``.

    The same content and ``epoch`` (seconds) make the same bytes, whatever user and umask.
    """
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in files:
            source = root / name
            member = tarfile.TarInfo(f"{top}/{name}")
            member.mtime = epoch
            if source.is_symlink():
                member.type, member.linkname = tarfile.SYMTYPE, str(source.readlink())
                archive.addfile(member)
                continue
            data = source.read_bytes()
            member.size, member.mode = len(data), 0o755 if source.stat().st_mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(data))
    path.write_bytes(gzip.compress(made.getvalue(), 9, mtime=epoch))
