"""DEPENDS of each package is what its sources import and call: nothing is missing, nothing too much."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.openwrt.feed.imports import LIGHT, OURS, imported, named_programs, reached, split
from tests.openwrt.feed.recipes import TREE, Package
from tests.openwrt.feed.router import closure

ROOMS = {"qalqan": ("gateway", "profiles"), "qalqan-web": ("webui",)}
# These modules of qalqan import modules of qalqan-lists, inside of functions: after a check, or for its use.
CHECKED = {"gateway/cli/commands/feed.py", "gateway/cli/commands/lists.py", "gateway/lists/sources.py"}
# The module of each package whose source comes from elsewhere, as it is installed here.
FOREIGN = {
    "python3-blinker": "blinker",
    "python3-fido2": "fido2",
    "python3-icalendar": "icalendar",
    "python3-recurring-ical-events": "recurring_ical_events",
    "python3-securesystemslib": "securesystemslib",
    "python3-segno": "segno",
    "python3-tuf": "tuf",
    "python3-waitress": "waitress",
    "python3-x-wr-timezone": "x_wr_timezone",
}
UNUSED = {
    "cli",
    "__main__",
    "update",
    "requests_fetcher",
    "science",
    "test_ed25519",
}  # programs: not shipped, or never called
# Used where they are installed.
INSTEAD = {"importlib_metadata", "pytz", "cryptography"}
INSTEAD |= {"webbrowser"}  # of segno's show(), which opens a picture on a desk; no package of OpenWrt has it
INSTEAD |= {
    "azure",
    "boto3",
    "botocore",
    "google",
    "hvac",
    "pkcs11",
    "keylet",
    "sigstore",
    "sigstore_protobuf_specs",
}


def sources(name: str) -> list[Path]:
    return [file for room in ROOMS[name] for file in (TREE / room).rglob("*.py")]


def needed(modules: Mapping[str, str]) -> dict[str, str]:
    """The packages that hold them and what comes with them, each with a reason; ``modules`` with the file."""
    unknown = sorted(one for one in modules if split().package(one) is None)
    assert not unknown, f"split.toml does not say which package has {unknown}"
    found: dict[str, str] = {}
    for module, by in {**reached(modules), **modules}.items():
        if package := split().package(module):
            found.setdefault(package, f"{by or modules.get(module)} imports {module}")
    return found


def missing_and_unneeded(package: Package, needs: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    python = {one for one in package.depends if re.match(r"python3-|scapy$", one)}
    missing = {one: why for one, why in needs.items() if one not in package.depends}
    return missing, sorted(python - needs.keys() - split().unseen.keys())


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_python_of_our_own(name: str, feed: Mapping[str, Package]) -> None:
    modules = imported(sources(name))
    modules = {one: by for one, by in modules.items() if one.partition(".")[0] not in OURS}
    always = {one: by for one, by in modules.items() if one.partition(".")[0] not in split().optional}
    missing, unneeded = missing_and_unneeded(feed[name], needed(always))
    assert not missing, "DEPENDS lacks them"
    assert not unneeded, "DEPENDS has them, and nothing imports them"


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_python_of_others(name: str, feed: Mapping[str, Package]) -> None:
    module = FOREIGN[name]
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    files = [Path(spec.origin)]
    if spec.submodule_search_locations:
        files = [one for one in files[0].parent.rglob("*.py") if one.stem not in UNUSED]
    files = [one for one in files if not {"tests", "test", "fuzzing"} & {*one.parts, one.stem}]
    site = Path(spec.origin).parents[1 if spec.submodule_search_locations else 0]
    removed = [site / path for path in feed[name].removed]
    files = [file for file in files if not any(file.is_relative_to(path) for path in removed)]
    instead = {module for module in INSTEAD if split().others.get(module) not in feed[name].depends}
    always = {one: by for one, by in imported(files, module).items() if one.partition(".")[0] not in instead}
    missing, unneeded = missing_and_unneeded(feed[name], needed(always))
    assert not missing, "DEPENDS lacks them"
    assert not unneeded, "DEPENDS has them, and nothing imports them"


def test_the_programs_that_are_called(feed: Mapping[str, Package]) -> None:
    called = named_programs([*sources("qalqan"), *sources("qalqan-web")])
    unknown = {word: file for word, file in called.items() if word not in split().programs}
    assert not unknown, "split.toml does not say which package has them"
    needs = {split().programs[word] for word in called} - {""}
    assert not needs - set(feed["qalqan"].depends), "DEPENDS of qalqan lacks them"


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_nothing_else_is_depended_on(name: str, feed: Mapping[str, Package]) -> None:
    told = {*split().unseen, *split().programs.values(), "qalqan"}
    others = [one for one in feed[name].depends if not one.startswith("python3-")]
    assert not set(others) - told, "split.toml says of none of them what it is for"


def test_list_updates_need_no_more_of_python(feed: Mapping[str, Package]) -> None:
    files = [TREE / file for file in feed["qalqan-lists"].list_updates]
    modules = {one: by for one, by in imported(files).items() if one.partition(".")[0] not in OURS}
    always = {one: by for one, by in modules.items() if one.partition(".")[0] not in split().optional}
    assert not needed(always).keys() - closure(["qalqan-lists"], feed)


def test_the_daemon_imports_no_module_of_list_updates(feed: Mapping[str, Package]) -> None:
    files = set(feed["qalqan-lists"].list_updates)
    modules = {file.removesuffix(".py").replace("/", ".") for file in files}
    importing = {
        str(file.relative_to(TREE))
        for name in ROOMS
        for file in sources(name)
        if not modules.isdisjoint(imported([file]))
    }
    assert importing - files == CHECKED
    for file in CHECKED:
        tree = ast.parse((TREE / file).read_text("utf-8"))
        at_import = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not [line for line in at_import for module in modules if module in line], file


def test_what_is_optional_is_imported_where_it_is_asked_for(feed: Mapping[str, Package]) -> None:
    """And no package of ours depends on it."""
    files = [
        file for file in sources("qalqan") if "age" not in file.parts and "filter_test" not in file.parts
    ]
    modules = imported([*files, *sources("qalqan-web")])
    assert {one.partition(".")[0] for one in modules} >= set(split().optional)
    for package in split().optional:
        assert split().others[package] not in {*feed["qalqan"].depends, *feed["qalqan-web"].depends}


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("import statistics", "python3-decimal"),
        ("def f():\n    import http.client", "python3-email"),
        ("import ssl", "python3-openssl"),
        ("from concurrent.futures import ThreadPoolExecutor", "python3-logging"),
        ("from urllib.parse import quote", "python3-urllib"),
        ("import encodings", LIGHT),
    ],
)
def test_what_comes_with_a_module_is_found(source: str, package: str, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(source, "utf-8")
    assert package in needed(imported(tmp_path.glob("*.py")))


@pytest.mark.parametrize(
    "source",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sqlite3",
        "import hashlib",  # which tries OpenSSL's, and has its own
    ],
)
def test_what_is_not_there_is_not_missed(source: str, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(source, "utf-8")
    assert set(needed(imported(tmp_path.glob("*.py")))) == {LIGHT}


def test_a_wrong_makefile_is_told_by_name(feed: Mapping[str, Package]) -> None:
    right = feed["qalqan"]
    depends = right.facts["DEPENDS"].replace("+python3-sqlite3", "+python3-xml")
    wrong = Package(right.name, right.folder, {**right.facts, "DEPENDS": depends})
    modules = {"sqlite3": "one.py", "json": "one.py"}
    missing, unneeded = missing_and_unneeded(wrong, needed(modules))
    assert missing == {"python3-sqlite3": "one.py imports sqlite3"}
    assert "python3-xml" in unneeded
