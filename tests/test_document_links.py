"""Every relative link in the repository's Markdown pages leads to a file and to a heading in it."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def pages() -> list[str]:
    argv = ["git", "ls-files", "-z", "*.md"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [name for name in listed.split("\0") if name and not (ROOT / name).is_symlink()]


@cache
def text_of(page: Path) -> str:
    """Return the page without its code blocks."""
    return FENCED.sub("", page.read_text())


@cache
def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("name", pages())
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    broken = []
    for link in LINK.findall(text_of(page)):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors_of(file)):
            broken.append(link)
    assert not broken


# A file called x, or `<feature>` in a path, stands for any.
TREE_PATH = re.compile(r"`((?:gateway|webui|profiles|openwrt|debian|tests|docs)/[\w./*-]+)`")
PLACE = re.compile(r"`((?:gateway|webui)/[\w/]+\.py)`((?: `\w+`,?)+)")  # `file.py` `function`, `function`


@pytest.mark.parametrize("name", pages())
def test_paths_in_pages_exist(name: str) -> None:
    missing = {
        path
        for path in TREE_PATH.findall(text_of(ROOT / name))
        if not re.search(r"\bx\.|_x\.", path) and not list(ROOT.glob(path.rstrip("/")))
    }
    assert not missing


def test_functions_in_the_table_of_places_exist() -> None:
    places = PLACE.findall(text_of(ROOT / "docs" / "architecture.md"))
    assert len(places) > 10
    for file, names in places:
        text = (ROOT / file).read_text()
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^\s*(?:(?:def|class) )?{name}\b", text, re.MULTILINE), f"{file} has no {name}"


def test_paths_in_docstrings_exist() -> None:
    """A path relative to the tree or to its package, as `folder/module.py`."""
    path = re.compile(r"(?<![\w/.<{])((?:\w+/)+\w+\.py)\b")
    missing = [
        f"{module.relative_to(ROOT)}: {found}"
        for package in ("gateway", "webui", "profiles")
        for module in (ROOT / package).rglob("*.py")
        for found in path.findall(module.read_text())
        if not any((base / found).exists() for base in (ROOT, ROOT / package, *module.parents[:2]))
    ]
    assert not missing


def test_code_names_of_the_glossary_exist() -> None:
    """Each is the name of a class, a constant, a module, or an identifier in the code."""
    rows = re.findall(r"^\|(.+)\| `(\w+)` \|$", text_of(ROOT / "docs" / "glossary.md"), re.MULTILINE)
    assert len(rows) > 20
    code = "\n".join(
        f"{module.stem}\n{module.read_text()}"
        for package in ("gateway", "webui")
        for module in (ROOT / package).rglob("*.py")
    )
    missing = [name for _, name in rows if not re.search(rf"(?<![A-Za-z]){name}(?![A-Za-z])", code)]
    assert not missing
