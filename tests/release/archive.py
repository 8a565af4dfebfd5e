"""Makes the archives for OpenWrt: the feed with the source tree that it builds, and the source and recipe of
`qalqan` alone, for another feed."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from gateway.lists.public_suffixes import list_file

# The feed builds the tree that it is part of, so the archive has both. The pages read CHANGELOG.md.
SUFFIXES = Path("openwrt/qalqan/files/public_suffix_list.dat")
PLUGIN = Path("docs/providers/datamodel/bbfdm.json")
PARTS = ("openwrt", "gateway", "webui", "profiles", "docs", "CHANGELOG.md", "LICENSE", "README.md")
# What the recipe of `qalqan` builds.
SOURCE_PARTS = ("gateway", "webui", "profiles", "CHANGELOG.md", "LICENSE", "README.md")
RECIPE_PARTS = ("openwrt/qalqan",)
_TREE = re.compile(r"^# [^\n]*\nQALQAN_TREE:=.*\n", re.MULTILINE)
_PREPARE = re.compile(r"^# [^\n]*\ndefine Build/Prepare\n.*?^endef\n\n", re.MULTILINE | re.DOTALL)


def tracked(root: Path, parts: Iterable[str] = PARTS) -> list[Path]:
    """Return the files of ``parts`` that git tracks, sorted, relative to ``root``."""
    argv = ["git", "ls-files", "-z", "--", *parts]
    listed = subprocess.run(argv, cwd=root, capture_output=True, check=True).stdout.decode()
    return sorted(Path(name) for name in listed.split("\0") if name)


def members(root: Path) -> list[Path]:
    """Return the files of the archive, sorted, relative to ``root``."""
    return sorted([*tracked(root), made_suffixes(root)])


def made_suffixes(root: Path) -> Path:
    """Write the Public Suffix List for the recipe of `qalqan`. Return its path, relative to ``root``.

    It is not in git: each release brings the newest one, that of the installed package publicsuffixlist.
    """
    source = suffix_lines()
    path = root / SUFFIXES
    if not path.exists() or path.read_bytes() != source:
        path.write_bytes(source)
    return SUFFIXES


def source_members(root: Path) -> dict[Path, str]:
    """Return the files of the source archive, relative to ``root``, with their names in the archive."""
    made_suffixes(root)
    names = {name: str(name) for name in tracked(root, SOURCE_PARTS)}
    return {**names, SUFFIXES: SUFFIXES.name, PLUGIN: PLUGIN.name}


def released_recipe(makefile: str, source: Path, url: str) -> str:
    """Return the Makefile of `qalqan` that downloads ``source`` from ``url``, for the packages feed."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    lines = f"PKG_SOURCE:={source.name}\nPKG_SOURCE_URL:={url}\nPKG_HASH:={digest}\n"
    text, trees = _TREE.subn(lines, makefile)
    text, prepared = _PREPARE.subn("", text)
    assert trees == prepared == 1
    return text.replace("$(TOPDIR)/feeds/packages/lang/python/", "../../lang/python/")


def suffix_lines() -> bytes:
    """Return the Public Suffix List without comments, except those of its license and its source."""
    lines = list_file().read_bytes().splitlines(keepends=True)
    head = [line for line in lines[:10] if line.startswith(b"//")]
    rules = [line for line in lines if line.strip() and not line.startswith(b"//")]
    return b"".join((*head, *rules))


def write(
    root: Path,
    files: Iterable[Path],
    top: str,
    epoch: int,
    path: Path,
    content: Mapping[Path, bytes] = MappingProxyType({}),
) -> None:
    """Write files below ``root`` as a gzipped tar, inside a folder named ``top``.

    ``files`` may be a mapping to their names in the archive. ``content`` replaces that of some files.
    The same content and ``epoch`` (seconds) make the same bytes, whatever user and umask.
    """
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            source = root / file
            name = files[file] if isinstance(files, Mapping) else file
            member = tarfile.TarInfo(f"{top}/{name}")
            member.mtime = epoch
            if source.is_symlink():
                member.type, member.linkname = tarfile.SYMTYPE, str(source.readlink())
                archive.addfile(member)
                continue
            data = content.get(file) or source.read_bytes()
            member.size, member.mode = len(data), 0o755 if source.stat().st_mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(data))
    path.write_bytes(gzip.compress(made.getvalue(), 9, mtime=epoch))
