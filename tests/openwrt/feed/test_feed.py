"""The feed's Makefiles: what they say fits together, and to the sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway import __version__
from tests.openwrt.feed import recipes
from tests.openwrt.feed.imports import LIGHT, split
from tests.openwrt.feed.official import official
from tests.openwrt.feed.recipes import FEED, Package, RecipeError, makefiles, read
from tests.openwrt.feed.router import closure
from tests.release.archive import made_suffixes

# The official feeds have these, of 24.10 and of 25.12. The Python packages are compared with a record.
OFFICIAL = {
    *("firewall4", "ip-full", "kmod-nf-conntrack-netlink", "kmod-nft-bridge", "kmod-nft-queue"),
    *("libnetfilter-queue", "libopenssl", "nftables-json", "zoneinfo-all"),
    *(
        "python3-click",
        "python3-cryptography",
        "python3-dateutil",
        "python3-flask",
        "python3-paho-mqtt",
        "python3-pyotp",
        "python3-idna",
        "python3-itsdangerous",
    ),
    *("python3-jinja2", "python3-markupsafe", "python3-typing-extensions"),
    *("python3-urllib3", "python3-werkzeug", "python3-yaml"),
}
STDLIB = {LIGHT, *split().stdlib.values()}
CONTROL = FEED.parent / "debian/control"
FILES = FEED / "qalqan/files"
OPTIONAL = (
    *("qalqan-calendars", "qalqan-feed", "qalqan-lists", "qalqan-mqtt"),
    *("qalqan-passkeys", "qalqan-second-factor", "qalqan-usp"),
)
OURS = ("qalqan", "qalqan-web", *OPTIONAL)


def test_every_makefile_has_a_package(feed: Mapping[str, Package]) -> None:
    assert {one.folder for one in feed.values()} == {one.parent for one in makefiles()}


def test_ours_are_of_the_version_that_the_sources_are_of(feed: Mapping[str, Package]) -> None:
    assert {feed[name].facts["PKG_VERSION"] for name in OURS} == {__version__}


def test_what_is_depended_on_exists(feed: Mapping[str, Package]) -> None:
    for package in feed.values():
        assert not set(package.depends) - OFFICIAL - STDLIB - feed.keys(), package.name


@pytest.mark.parametrize("branch", official())
def test_the_official_feed_has_what_is_depended_on_and_not_what_is_ours(
    feed: Mapping[str, Package], branch: str
) -> None:
    """By a record of the feed. Its newest state has python3-blinker, which 24.10 lacks."""
    theirs = official()[branch]
    assert {name for name in OFFICIAL if name.startswith("python3-")} <= theirs | STDLIB
    ours = {name for name in feed if name.startswith("python3-")}
    assert ours & theirs <= {"python3-blinker"}


def test_no_package_depends_on_itself(feed: Mapping[str, Package]) -> None:
    def reaches(name: str, seen: tuple[str, ...] = ()) -> None:
        assert name not in seen, " → ".join((*seen, name))
        for one in feed[name].depends if name in feed else ():
            reaches(one, (*seen, name))

    for name in sorted(feed):
        reaches(name)


def test_the_daemon_does_without_pages_and_without_ciphers(feed: Mapping[str, Package]) -> None:
    unwanted = {"python3-flask", "python3-waitress", "python3-cryptography", "scapy", "qalqan-web"}
    assert not unwanted & set(feed["qalqan"].depends)
    assert "qalqan" in feed["qalqan-web"].depends


def test_the_kernel_modules_that_messages_name_are_depended_on(feed: Mapping[str, Package]) -> None:
    """Two are not: firewall4 brings the first, and the second is for the filter test only."""
    sources = [path.read_text("utf-8") for path in (FEED.parent / "gateway").rglob("*.py")]
    named = {name for text in sources for name in re.findall(r"\bkmod-[a-z-]+", text)}
    assert "kmod-nft-bridge" in named
    assert named - set(feed["qalqan"].depends) == {"kmod-nft-offload", "kmod-veth"}


def test_pages_bring_the_updates_of_the_lists(feed: Mapping[str, Package]) -> None:
    """A family that installs them by name has updates. The daemon alone does without."""
    luci = (FEED / recipes.LUCI / "Makefile").read_text("utf-8")
    assert "qalqan-lists" in feed["qalqan-web"].depends
    assert re.search(r"^LUCI_DEPENDS:=.*\+qalqan-lists\b", luci, re.MULTILINE)
    assert "qalqan-lists" not in closure(["qalqan"], feed)


def test_the_signed_data_feed_is_an_optional_package_without_ciphers(feed: Mapping[str, Package]) -> None:
    needed = closure(["qalqan-feed"], feed)
    assert {"qalqan", "python3-tuf", "python3-securesystemslib"} <= needed
    assert not {"python3-tuf", "python3-cryptography"} & closure(["qalqan", "qalqan-web"], feed)
    assert "python3-cryptography" not in needed


def test_what_is_not_needed_to_filter_is_in_packages_of_its_own(feed: Mapping[str, Package]) -> None:
    """sqlite-utils and all that it pulls in is nowhere: migrations do without."""
    needed = closure(["qalqan", "qalqan-web"], feed)
    absent = {"python3-icalendar", "python3-dateutil", "python3-sqlite-utils", "python3-pluggy"}
    assert not absent & needed
    assert {"python3-icalendar", "python3-recurring-ical-events"} <= closure(["qalqan-calendars"], feed)
    absent = {*OPTIONAL, "python3-pyotp", "python3-fido2", "python3-cryptography"} - {"qalqan-lists"}
    assert not absent & needed
    assert "python3-paho-mqtt" in closure(["qalqan-mqtt"], feed) - needed
    assert "python3-pyotp" in closure(["qalqan-second-factor"], feed)
    assert {"python3-fido2", "python3-cryptography"} <= closure(["qalqan-passkeys"], feed)


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_package_states_flash_and_memory_and_what_works_without_it(
    name: str, feed: Mapping[str, Package]
) -> None:
    text = " ".join(feed[name].facts["description"].split())
    flash = re.search(r"takes ([\d.]+ [kM]B) of flash", text)
    assert flash, text
    assert re.search(r"[\d.]+ [kM]B of (free )?memory", text), text
    assert "Without this package," in text
    table = (FEED.parent / "docs/providers/openwrt-packages.md").read_text("utf-8")
    row = re.search(rf"^\| `{name}`.*\| ([\d.]+ [kM]B) \| [^|]*\d [kM]B \|", table, re.MULTILINE)
    assert row, name
    assert row[1] == flash[1]


def test_where_the_others_come_from(feed: Mapping[str, Package]) -> None:
    foreign = [one for one in feed.values() if one.from_pypi]
    assert len(foreign) == 10
    for package in foreign:
        facts = package.facts
        assert re.fullmatch(r"[0-9a-f]{64}", facts["PKG_HASH"]), package.name
        assert facts["PKG_SOURCE"].endswith(f"-{facts['PKG_VERSION']}.tar.gz")
        assert facts["PKG_LICENSE"]
        assert facts["PKG_LICENSE_FILES"]
        assert facts["PKG_BUILD_DEPENDS"].endswith("/host")
        assert package.name == package.folder.name.replace("python-", "python3-", 1)


def test_what_people_read_of_each(feed: Mapping[str, Package]) -> None:
    for package in feed.values():
        assert 0 < len(package.facts["TITLE"]) <= 60, package.name
        assert package.facts["description"].strip()
        assert package.facts["SECTION"] in ("net", "lang")


RECIPES = [makefile.parent for makefile in makefiles() if makefile.parent.name.startswith("python-")]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_test_of_a_library_passes_with_the_library_that_is_installed_here(recipe: Path) -> None:
    """The package feeds run it on the built package."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    name = recipe.name.replace("python-", "python3-", 1)
    assert (recipe / "test.sh").is_file()
    for script in sorted(recipe.glob("test*.sh")):
        argv = ["sh", str(script), name, "1"]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert f'[ "$1" = {name} ] || exit 0\n' in script.read_text("utf-8")


@pytest.mark.parametrize("makefile", makefiles(), ids=lambda one: one.parent.name)
def test_the_form_of_a_makefile(makefile: Path) -> None:
    """As the package feeds have it: rules first, PyPI before package.mk, Python behind it."""
    text = makefile.read_text("utf-8")
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    order = [
        text.find(one) for one in ("rules.mk", "pypi.mk", "INCLUDE_DIR)/package.mk", "python3-package.mk")
    ]
    assert [one for one in order if one >= 0] == sorted(one for one in order if one >= 0)
    assert not re.search(r"[ \t]+$", text, re.MULTILINE)


def test_the_maintainer_is_that_of_the_debian_package(feed: Mapping[str, Package]) -> None:
    """The package feeds take no recipe without a mail address."""
    (maintainer,) = re.findall(r"^Maintainer: (.+ <\S+@\S+>)$", CONTROL.read_text("utf-8"), re.MULTILINE)
    assert {one.facts["PKG_MAINTAINER"] for one in feed.values()} == {maintainer}
    assert f"LUCI_MAINTAINER:={maintainer}\n" in (FEED / recipes.LUCI / "Makefile").read_text("utf-8")


def test_every_file_is_installed_by_the_makefile() -> None:
    made_suffixes(recipes.TREE)
    named = set(re.findall(r"\./files/(\S+)", (FEED / "qalqan/Makefile").read_text("utf-8")))
    there = {str(one.relative_to(FILES)) for one in FILES.rglob("*") if one.is_file()}
    assert named == there - {"qalqan.postinst"}


@pytest.mark.parametrize("script", ["postinst"])
def test_the_package_s_scripts_are_the_ones_that_are_tested(feed: Mapping[str, Package], script: str) -> None:
    """The Makefile has to hold the text of such a script itself."""
    written = (FILES / f"qalqan.{script}").read_text("utf-8").strip()
    assert feed["qalqan"].facts[script].strip() == written


def test_a_makefile_that_is_wrong_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "openwrt/python-waitress"
    shutil.copytree(FEED / "python-waitress", wrong)
    (wrong / "Makefile").write_text("include $(TOPDIR)/rules.mk\n$(error no more)\n", "utf-8")
    with pytest.raises(RecipeError, match=r"^python-waitress: .*no more"):
        list(read(wrong / "Makefile", tmp_path / "out"))
    assert FEED.parent == recipes.TREE
