"""`make release`: everything that a release publishes, in dist/release.

python -m tests.release.build [--out FOLDER] [--only PART,…] [--address URL]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway import __version__
from tests.openwrt.feed import __main__ as feed
from tests.openwrt.feed import apk
from tests.openwrt.feed.recipes import Package, RecipeError, makefiles, read
from tests.release import archive, image, repository, sbom
from tests.release.signing import SigningError, SigningKey, signing_key

ROOT = Path(__file__).parents[2]
OUT = ROOT / "dist" / "release"
SUMS = "SHA256SUMS"
PARTS = ("apt", "openwrt", "image")
ARCHIVE = f"qalqan-{__version__}-openwrt.tar.gz"
SOURCE = f"qalqan-{__version__}.tar.gz"
RECIPE = f"qalqan-{__version__}-recipe.tar.gz"
MAKEFILE = Path("openwrt/qalqan/Makefile")
SOURCE_URL = "https://qalqan.invalid/releases"  # until the project has an address


def main() -> int:
    parser = argparse.ArgumentParser(prog="make release")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", default=",".join(PARTS), help="of apt, openwrt and image, with commas")
    parser.add_argument("--address", default="", help="the address at which the folder apt will be published")
    parser.add_argument("--source-url", default=SOURCE_URL, help=f"the address of the folder of {SOURCE}")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if not set(wanted) <= set(PARTS):
        parser.error(f"the parts are {', '.join(PARTS)}")
    try:
        with signing_key() as key:
            _build(options.out, wanted, key, options.address, options.source_url)
    except (SigningError, RecipeError, image.ImageError) as error:
        print(f"make release: {error}", file=sys.stderr)
        return 1
    return 0


def _build(out: Path, wanted: list[str], key: SigningKey, address: str, source_url: str) -> None:
    epoch = release_date()
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if {"apt", "image"} & set(wanted):
            package = _package(folder)
        if "apt" in wanted:
            repository.write(out / "apt", [package], key, epoch)
            purl = f"pkg:deb/qalqan/qalqan@{__version__}?arch=all"
            subject = sbom.published(package, "application", purl)
            sbom.write(out / f"{package.name}{sbom.SUFFIX}", subject, sbom.of_package(package), epoch)
            if address:
                (out / "apt" / "qalqan.sources").write_text(repository.source_text(address), "utf-8")
        if "openwrt" in wanted:
            archive.write(ROOT, archive.members(ROOT), ARCHIVE.removesuffix("-openwrt.tar.gz"), epoch,
                          out / ARCHIVE)  # fmt: skip
            write_source(out, source_url, epoch)
            purl = f"pkg:generic/qalqan-openwrt@{__version__}"
            subject = sbom.published(out / ARCHIVE, "application", purl)
            sbom.write(out / f"{ARCHIVE}{sbom.SUFFIX}", subject, sbom.of_feed(recipes()), epoch)
            subject = sbom.published(out / SOURCE, "application", f"pkg:generic/qalqan@{__version__}")
            ours = (package for package in recipes() if package.folder == (ROOT / MAKEFILE).parent)
            sbom.write(out / f"{SOURCE}{sbom.SUFFIX}", subject, sbom.of_feed(ours), epoch)
            built_packages(folder / "feed", out / "openwrt")
        if "image" in wanted:
            key.export(folder / repository.KEYRING)
            card = out / f"{image.NAME}.xz"
            installed = image.build(card, package, folder / repository.KEYRING, address)
            subject = sbom.published(card, "firmware", f"pkg:generic/qalqan-raspberry-pi@{__version__}")
            sbom.write(out / f"{card.name}{sbom.SUFFIX}", subject, installed, epoch)
    sign_sums(out, key)
    for line in (out / SUMS).read_text("utf-8").splitlines():
        print(f"  {line.split('  ')[1]}")
    print(f"Signed with {key.fingerprint}.")


def write_source(out: Path, url: str, epoch: int) -> None:
    """Write the source archive of `qalqan`, and the recipe that has its checksum, for the packages feed."""
    top = SOURCE.removesuffix(".tar.gz")
    archive.write(ROOT, archive.source_members(ROOT), top, epoch, out / SOURCE)
    made = archive.released_recipe((ROOT / MAKEFILE).read_text("utf-8"), out / SOURCE, url)
    files = {name: str(name.relative_to("openwrt")) for name in archive.tracked(ROOT, archive.RECIPE_PARTS)}
    archive.write(ROOT, files, "net", epoch, out / RECIPE, {MAKEFILE: made.encode()})


def release_date() -> int:
    """Return SOURCE_DATE_EPOCH, else the date of the newest entry in debian/changelog, in seconds."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given:
        return int(given)
    argv = ["dpkg-parsechangelog", "--show-field", "Timestamp"]
    return int(subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def recipes() -> Iterator[Package]:
    """Yield each package of the OpenWrt feed."""
    for makefile in makefiles():
        with tempfile.TemporaryDirectory() as folder:
            yield from read(makefile, Path(folder))


def built_packages(feed_folder: Path, out: Path) -> None:
    """Build the feed's packages that need no buildroot. Copy them and their index to a folder per release."""
    for branch, version in feed.BRANCHES.items():
        python = feed.interpreter(version)
        if python is None:
            print(f"  OpenWrt {branch}: no packages, since no python{version} is installed")
            continue
        feed.build(branch, python, feed_folder / branch)
        made = [
            path
            for path in sorted((feed_folder / branch).iterdir())
            if path.suffix in (".ipk", ".apk") or path.stem == "Packages" or path.name == apk.INDEX
        ]
        if made:
            (out / branch).mkdir(parents=True)
        for path in made:
            shutil.copyfile(path, out / branch / path.name)


def sign_sums(folder: Path, key: SigningKey) -> None:
    """Write SHA256SUMS over all files below ``folder``, and its signature SHA256SUMS.asc."""
    write_sums(folder)
    key.sign_apart(folder / SUMS, folder / f"{SUMS}.asc")


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over all files below ``folder``, in the form that `sha256sum --check` reads."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(SUMS))
    lines = []
    for path in files:
        with path.open("rb") as data:
            lines.append(f"{hashlib.file_digest(data, 'sha256').hexdigest()}  {path.relative_to(folder)}\n")
    (folder / SUMS).write_text("".join(lines), "utf-8")


def _package(folder: Path) -> Path:
    (folder / "deb").mkdir()
    argv = [ROOT / "debian/build", folder / "deb"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise image.ImageError(f"debian/build: {done.stderr.strip().splitlines()[-1]}")
    (package,) = (folder / "deb").glob("*.deb")
    return package


if __name__ == "__main__":
    raise SystemExit(main())
