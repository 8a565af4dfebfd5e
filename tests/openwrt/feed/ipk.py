"""An ipk, as OpenWrt 24.10 has them: a gzipped tar of three files, two of which are gzipped tars themselves.
The same source makes the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.openwrt.feed import scripts
from tests.openwrt.feed.recipes import EPOCH, Package


def write(package: Package, root: Path, folder: Path) -> Path:
    """The path of the package that was made of what is installed in ``root``."""
    keep(package, root)
    data = _tar(_files(root))
    size = sum(one.stat().st_size for one in root.rglob("*") if one.is_file())
    parts = {"control": (control(package, size).encode(), 0o644)}
    # OpenWrt's ipkg-build leaves out what is no file of the package.
    if settings := sorted(path for path in package.conffiles if (root / path.lstrip("/")).is_file()):
        parts["conffiles"] = ("".join(f"{path}\n" for path in settings).encode(), 0o644)
    parts |= {name: (text.encode(), 0o755) for name, text in scripts.of_ipk(package).items()}
    whole = {
        "debian-binary": (b"2.0\n", 0o644),
        "data.tar.gz": (data, 0o644),
        "control.tar.gz": (_tar(_made(parts)), 0o644),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{package.name}_{package.version}_{package.architecture}.ipk"
    path.write_bytes(_tar(_made(whole)))
    return path


def keep(package: Package, root: Path) -> None:
    """What of conffiles is no file of the package is kept over a new firmware by a list of its own."""
    others = [one for one in package.conffiles if not (root / one.lstrip("/")).is_file()]
    if others:
        add_file(root / "lib/upgrade/keep.d" / package.name, others)


def add_file(path: Path, lines: Iterable[str]) -> None:
    """Write a file and its folders, readable by everyone whatever the umask is."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    path.chmod(0o644)
    for folder in missing:
        folder.chmod(0o755)


def control(package: Package, size: int) -> str:
    facts = package.facts
    told = {
        "Package": package.name,
        "Version": package.version,
        "Depends": ", ".join(package.depends),
        "Provides": ", ".join(facts["PROVIDES"].split()),
        "Source": f"feeds/qalqan/{package.folder.name}",
        "SourceName": facts["PKG_NAME"],
        "License": facts["PKG_LICENSE"],
        "LicenseFiles": facts["PKG_LICENSE_FILES"],
        "Section": facts["SECTION"],
        "Require-User": facts["USERID"],
        "SourceDateEpoch": EPOCH,
        "URL": facts["URL"],
        "Maintainer": facts["PKG_MAINTAINER"],
        "Architecture": package.architecture,
        "Installed-Size": str(size),
        "Description": " " + " ".join(facts["description"].split()),
    }
    return "".join(f"{key}: {value}\n" for key, value in told.items() if value.strip())


def index(packages: Iterable[Path]) -> str:
    """What a feed's `Packages` says of them."""
    entries = []
    for path in sorted(packages):
        data = path.read_bytes()
        text = member(member(data, "control.tar.gz"), "control").decode().rstrip("\n")
        head, _, about = text.rpartition("Description:")
        where = f"Filename: {path.name}\nSize: {len(data)}\nSHA256sum: {hashlib.sha256(data).hexdigest()}\n"
        entries.append(f"{head}{where}Description:{about}\n")
    return "\n".join(entries)


def write_index(folder: Path) -> None:
    text = index(folder.glob("*.ipk")).encode()
    (folder / "Packages").write_bytes(text)
    (folder / "Packages.gz").write_bytes(_gzipped(text))


def member(archive: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
        file = opened.extractfile(f"./{name}")
        assert file is not None
        return file.read()


def _made(parts: Mapping[str, tuple[bytes, int]]) -> Iterable[tuple[tarfile.TarInfo, bytes]]:
    for name, (data, mode) in parts.items():
        about = tarfile.TarInfo(f"./{name}")
        about.size, about.mode = len(data), mode
        yield about, data


def _files(root: Path) -> Iterable[tuple[tarfile.TarInfo, bytes]]:
    for path in [root, *sorted(root.rglob("*"))]:
        about = tarfile.TarInfo("./" if path == root else f"./{path.relative_to(root)}")
        about.mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            about.type, about.linkname = tarfile.SYMTYPE, str(path.readlink())
            yield about, b""
        elif path.is_dir():
            about.type = tarfile.DIRTYPE
            yield about, b""
        else:
            data = path.read_bytes()
            about.size = len(data)
            yield about, data


def _tar(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for about, data in members:
            about.mtime = int(EPOCH)  # all of it is root's: that is what TarInfo says by itself
            archive.addfile(about, io.BytesIO(data))
    return _gzipped(made.getvalue())


def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)
