"""The packages themselves, opened: an ipk, and what `apk mkpkg` gets."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway import __version__
from tests.openwrt.feed import apk, ipk, scripts
from tests.openwrt.feed.__main__ import build, interpreter
from tests.openwrt.feed.recipes import EPOCH, TREE, Package, install
from tests.openwrt.feed.router import closure

OURS = ("qalqan", "qalqan-web")
OF_APK = ("etc/apk/", "lib/apk/db/", "var/")  # its own files on a router


@pytest.fixture(scope="session")
def ipks(
    feed: Mapping[str, Package], installed: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("ipk")
    made = {name: ipk.write(feed[name], root, folder) for name, root in installed.items()}
    ipk.write_index(folder)
    return made


def opened(path: Path, part: str) -> dict[str, tarfile.TarInfo]:
    data = ipk.member(path.read_bytes(), part)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        return {one.name: one for one in archive.getmembers()}


def control(path: Path) -> dict[str, str]:
    text = ipk.member(ipk.member(path.read_bytes(), "control.tar.gz"), "control").decode()
    return dict(line.split(": ", 1) for line in text.splitlines())


@pytest.mark.parametrize("name", OURS)
def test_its_three_parts(name: str, ipks: Mapping[str, Path]) -> None:
    with tarfile.open(ipks[name], "r:gz") as archive:
        names = [one.name for one in archive.getmembers()]
    assert names == ["./debian-binary", "./data.tar.gz", "./control.tar.gz"]
    assert ipk.member(ipks[name].read_bytes(), "debian-binary") == b"2.0\n"


@pytest.mark.parametrize("name", OURS)
def test_it_says_what_the_makefile_says(
    name: str, ipks: Mapping[str, Path], feed: Mapping[str, Package]
) -> None:
    fields, package = control(ipks[name]), feed[name]
    assert (fields["Package"], fields["Version"], fields["Architecture"]) == (name, package.version, "all")
    assert tuple(fields["Depends"].split(", ")) == package.depends
    assert int(fields["Installed-Size"]) > 1_000_000
    assert fields["Require-User"] == feed[name].facts["USERID"]
    assert f"{name}:{name}" in fields["Require-User"].split()


@pytest.mark.parametrize("name", OURS)
def test_all_of_it_is_roots_and_of_one_moment(name: str, ipks: Mapping[str, Path]) -> None:
    for part in ("data.tar.gz", "control.tar.gz"):
        for one in opened(ipks[name], part).values():
            assert (one.uid, one.gid, one.mtime) == (0, 0, int(EPOCH))
            assert not one.mode & 0o022, one.name
            assert not one.mode & 0o6000, one.name


def test_bytecode_alone(ipks: Mapping[str, Path]) -> None:
    """No source, no test, nothing that only the one who writes it needs."""
    names = [name for path in ipks.values() for name in opened(path, "data.tar.gz")]
    assert not [one for one in names if re.search(r"\.(py|po|pot)$|/tests?(/|$)|__pycache__|py\.typed$", one)]
    assert [one for one in names if one.endswith(".md")] == ["./usr/lib/qalqan/webui/CHANGELOG.md"]
    modules = {str(one.relative_to(TREE))[:-3] for one in TREE.glob("gateway/**/*.py")}
    compiled = {one.removeprefix("./usr/lib/qalqan/")[:-4] for one in names if one.endswith(".pyc")}
    assert modules <= compiled


def test_the_files_of_list_updates_are_in_their_package_alone(
    ipks: Mapping[str, Path], feed: Mapping[str, Package]
) -> None:
    names = {
        name: {file for file in opened(path, "data.tar.gz") if file.endswith(".pyc")}
        for name, path in ipks.items()
    }
    files = {f"./usr/lib/qalqan/{file}c" for file in feed["qalqan-lists"].list_updates}
    assert names["qalqan-lists"] == files
    assert not names["qalqan"] & files


def test_the_files_of_the_usp_service_are_in_their_package_alone(ipks: Mapping[str, Path]) -> None:
    names = {name: set(opened(path, "data.tar.gz")) for name, path in ipks.items()}
    files = {name for name in names["qalqan-usp"] if "/gateway/usp/" in name}
    assert files
    assert {"./etc/init.d/qalqan-usp", "./usr/libexec/rpcd/qalqan.provider"} <= names["qalqan-usp"]
    for name in names.keys() - {"qalqan-usp"}:
        assert not {file for file in names[name] if "/gateway/usp" in file}, name


def test_every_file_of_data_is_there(ipks: Mapping[str, Path]) -> None:
    names = {name for path in ipks.values() for name in opened(path, "data.tar.gz")}
    kinds = ["profiles/**/*.yaml", "profiles/**/*.txt", "profiles/NOTICE", "webui/templates/**/*.html"]
    kinds += ["webui/static/**/*", "webui/learn/**/*.txt", "webui/translations/**/*.mo"]
    for kind in kinds:
        wanted = [one for one in TREE.glob(kind) if one.is_file()]
        assert wanted, kind
        assert {f"./usr/lib/qalqan/{one.relative_to(TREE)}" for one in wanted} <= names


def test_modes_of_what_is_run_and_of_what_is_read(ipks: Mapping[str, Path]) -> None:
    data = opened(ipks["qalqan"], "data.tar.gz")
    run = ["usr/bin/qalqan", "usr/lib/qalqan/dhcp-event", "usr/lib/qalqan/rollout"]
    run += [f"etc/init.d/{name}" for name in ("qalqan", "qalqan-guard", "qalqan-rollout")]
    assert {oct(data[f"./{one}"].mode) for one in run} == {"0o755"}
    assert oct(data["./etc/config/qalqan"].mode) == "0o600"
    hooks = [one for one in data.values() if one.name.startswith("./etc/hotplug.d/") and one.isfile()]
    assert len(hooks) >= 3
    assert {oct(one.mode) for one in hooks} == {"0o644"}


def test_what_stays_when_a_new_one_comes(ipks: Mapping[str, Path]) -> None:
    archive = ipks["qalqan"].read_bytes()
    listed = ipk.member(ipk.member(archive, "control.tar.gz"), "conffiles").decode().split()
    done = ["/etc/qalqan-rollout/failed", "/etc/qalqan-rollout/taken"]  # else a new image repeats a release
    assert listed == ["/etc/config/qalqan"], "only files of the package, as OpenWrt's ipkg-build writes it"
    data = ipk.member(archive, "data.tar.gz")
    kept = ipk.member(data, "lib/upgrade/keep.d/qalqan").decode().split()
    assert kept == ["/etc/qalqan/", *done]


def test_its_scripts_are_shell(ipks: Mapping[str, Path]) -> None:
    for name, path in ipks.items():
        parts = opened(path, "control.tar.gz")
        for part in sorted(set(parts) - {"./control", "./conffiles"}):
            text = ipk.member(ipk.member(path.read_bytes(), "control.tar.gz"), part.removeprefix("./"))
            assert text.startswith(b"#!/bin/sh\n"), (name, part)
            subprocess.run(["sh", "-n"], input=text, check=True)
            assert parts[part].mode == 0o755
    scripts = ipk.member(ipks["qalqan-web"].read_bytes(), "control.tar.gz")
    for part in ("postinst-pkg", "postrm"):
        assert b"/etc/init.d/qalqan start\n" in ipk.member(scripts, part), "no second restart of the daemon"
    data = ipk.member(ipks["qalqan-web"].read_bytes(), "data.tar.gz")
    version = ipk.member(data, "usr/lib/qalqan/webui/version")
    assert version == f"{__version__}-1\n".encode()


@pytest.mark.slow
def test_the_same_source_makes_the_same_bytes(
    feed: Mapping[str, Package], ipks: Mapping[str, Path], tmp_path: Path
) -> None:
    for name in OURS:
        again = ipk.write(feed[name], install(feed[name], tmp_path / name), tmp_path / "again")
        assert again.read_bytes() == ipks[name].read_bytes()


def test_it_is_unpacked_as_tar_unpacks_it(ipks: Mapping[str, Path], tmp_path: Path) -> None:
    """As opkg does it: the outer archive, then the data into the root."""
    for path in ipks.values():
        subprocess.run(["tar", "-xzf", path, "-C", tmp_path], check=True)
        subprocess.run(["tar", "-xzf", tmp_path / "data.tar.gz", "-C", tmp_path], check=True)
    assert (tmp_path / "usr/lib/qalqan/gateway/cli/main.pyc").is_file()
    assert (tmp_path / "usr/lib/qalqan/webui/__init__.pyc").is_file()


def test_the_index_names_each_by_its_sum(ipks: Mapping[str, Path]) -> None:
    folder = ipks["qalqan"].parent
    text = (folder / "Packages").read_text("utf-8")
    assert gzip.decompress((folder / "Packages.gz").read_bytes()).decode() == text
    entries = [dict(line.split(": ", 1) for line in one.splitlines()) for one in text.split("\n\n")]
    assert {entry["Package"] for entry in entries} == set(ipks)
    for one in entries:
        data = (folder / one["Filename"]).read_bytes()
        assert (one["Size"], one["SHA256sum"]) == (str(len(data)), hashlib.sha256(data).hexdigest())


@pytest.fixture(scope="module")
def staged(
    feed: Mapping[str, Package], installed: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("apk")
    return {name: apk.stage(feed[name], root, folder) for name, root in installed.items()}


def test_what_apk_is_told(feed: Mapping[str, Package]) -> None:
    told = apk.info(feed["qalqan-web"])
    assert (told["name"], told["version"], told["arch"]) == (
        "qalqan-web",
        feed["qalqan-web"].version,
        "noarch",
    )
    assert told["depends"].split() == list(feed["qalqan-web"].depends)
    words = apk.arguments(feed["qalqan-web"])
    assert words[:2] == ["apk", "mkpkg"]
    assert words[-4:] == ["--files", "root", "--output", f"../qalqan-web-{told['version']}.apk"]


@pytest.mark.parametrize("name", OURS)
def test_the_lists_that_apk_keeps(name: str, staged: Mapping[str, Path], feed: Mapping[str, Package]) -> None:
    root = staged[name] / "root"
    lists = root / apk.LISTS
    listed = (lists / f"{name}.list").read_text("utf-8").split()
    there = sorted(f"/{one.relative_to(root)}" for one in root.rglob("*") if one.is_file())
    user = lists / f"{name}.rusers"
    users = f"/{apk.LISTS}/{name}.rusers"
    assert listed == [one for one in there if not one.startswith(f"/{apk.LISTS}/") or one == users]
    assert user.exists() == bool(feed[name].facts["USERID"])
    if feed[name].conffiles:
        static = (lists / f"{name}.conffiles_static").read_text("utf-8").split()
        assert static[0] == "/etc/config/qalqan"
        assert static[1] == hashlib.sha256((root / "etc/config/qalqan").read_bytes()).hexdigest()


def test_its_scripts_know_an_upgrade(staged: Mapping[str, Path]) -> None:
    for folder in staged.values():
        for script in folder.glob("*-*"):
            subprocess.run(["sh", "-n", script], check=True)
        assert "PKG_UPGRADE=1" in (folder / "post-upgrade").read_text("utf-8")
        assert "PKG_UPGRADE=1" not in (folder / "post-install").read_text("utf-8")
        assert "add_group_and_user" in (folder / "post-install").read_text("utf-8")


def test_the_feed_of_25_12_says_in_one_line_that_apk_tools_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [folder for folder in os.environ["PATH"].split(":") if not (Path(folder) / "apk").exists()]
    monkeypatch.setenv("PATH", ":".join(folders))
    build("25.12", sys.executable, tmp_path / "feed")
    (line,) = capsys.readouterr().out.splitlines()
    assert "no .apk, as apk-tools 3 are not installed" in line
    staged = list((tmp_path / "feed").glob("*/mkpkg.sh"))
    assert len(staged) >= len(OURS)
    assert [path for path in (tmp_path / "feed").iterdir() if path.is_file()] == []


def stand_ins(names: Iterable[str], folder: Path) -> None:
    """Make a repository with packages of these names, as the official feeds have them, without files."""
    folder.mkdir()
    for name in names:
        facts = [f"name:{name}", "version:1-r0", "arch:noarch"]
        infos = [word for fact in facts for word in ("--info", fact)]
        subprocess.run(["apk", "mkpkg", *infos, "--output", f"{folder}/{name}-1-r0.apk"], check=True)
    apk.write_index(folder)


def dumped(path: Path) -> dict[str, Any]:
    argv = ["apk", "adbdump", "--allow-untrusted", "--format", "json", str(path)]
    found = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return dict(json.loads(found))


def there(root: Path) -> dict[str, tuple[object, ...]]:
    """Return owner, mode, date and content of each file below a folder, by path."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        if not path.is_dir():
            status = path.lstat()
            content = str(path.readlink()) if path.is_symlink() else path.read_bytes()
            mode = stat.S_IMODE(status.st_mode)
            found[str(path.relative_to(root))] = (status.st_uid, mode, int(status.st_mtime), content)
    return found


@pytest.mark.needs("root")
@pytest.mark.needs("openssl")
@pytest.mark.skipif(not apk.is_here(), reason="apk-tools 3 are not installed")
def test_apk_makes_checks_and_installs_them(
    staged: Mapping[str, Path], feed: Mapping[str, Package], tmp_path: Path
) -> None:
    """From a signed index, with all dependencies, into an empty root."""
    made = {name: apk.build(folder) for name, folder in staged.items()}
    subprocess.run(["apk", "verify", "--allow-untrusted", *made.values()], check=True)
    for name, path in made.items():
        found = dumped(path)
        wanted = apk.info(feed[name])
        assert {key: found["info"][key] for key in wanted if key != "depends"} == {
            key: text for key, text in wanted.items() if key != "depends"
        }
        assert sorted(found["info"].get("depends", ())) == sorted(feed[name].depends)
        assert found["scripts"].keys() == scripts.of_apk(feed[name]).keys()
    broken = tmp_path / "broken.apk"
    data = bytearray(made["qalqan"].read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    assert subprocess.run(["apk", "verify", "--allow-untrusted", broken], check=False).returncode

    ours = made["qalqan"].parent
    apk.write_index(ours)
    stand_ins(closure(made, feed) - made.keys(), tmp_path / "official")
    root, key = tmp_path / "root", tmp_path / "key.pem"
    trusted = root / "etc/apk/keys/feed.pem"
    trusted.parent.mkdir(parents=True)
    curve = ["-name", "prime256v1", "-genkey", "-noout"]
    subprocess.run(["openssl", "ecparam", *curve, "-out", key], check=True)
    subprocess.run(["openssl", "ec", "-in", key, "-pubout", "-out", trusted], check=True)
    repositories = [ours / apk.INDEX, tmp_path / "official" / apk.INDEX]
    add = ["apk", "add", "--root", str(root), "--initdb", "--no-network", "--no-scripts", "--no-cache"]
    for repository in repositories:
        add += ["--repository", str(repository)]
    unsigned = subprocess.run([*add, *made], capture_output=True, text=True, check=False)
    assert unsigned.returncode, "no index is signed yet"
    for repository in repositories:
        subprocess.run(["apk", "adbsign", "--allow-untrusted", "--sign-key", key, repository], check=True)
    subprocess.run([*add, *made], check=True)
    installed = there(root)
    wanted_files = {name: what for folder in staged.values() for name, what in there(folder / "root").items()}
    assert {name: what for name, what in wanted_files.items() if installed.get(name) != what} == {}
    others = {name for name in installed.keys() - wanted_files if not name.startswith(OF_APK)}
    assert others == set()


def test_no_interpreter_of_that_version() -> None:
    assert interpreter("2.1") is None
