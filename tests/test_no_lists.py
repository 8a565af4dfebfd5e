"""No list of sites that show the abuse of children is in the repository or in what is installed, nor a place
for one: only sets of the tests' own making, under `.invalid`.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gateway.core.errors import ListError, PolicyError
from gateway.household.loading import load_product
from gateway.lists.sources import parse_sources
from gateway.lists.table import seed_table
from gateway.policy.sealed.sealed_set import MAGIC, parse_set
from profiles import DATA

ROOT = Path(__file__).parent.parent
# What the magic is written down in: the format's code and page, and the tests that make sets.
OF_THE_FORMAT = {
    "gateway/policy/sealed/sealed_set.py",
    "docs/providers/sealed-lists.md",
    "tests/policy/sealed/test_sealedset.py",
}
_MADE_OF = re.compile(rb"\.make\(\s*\[([^\]]*)\]")


def _files() -> list[Path]:
    """Of the repository, those that are not committed yet included."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_sealed_set_is_in_the_repository_nor_in_what_is_installed() -> None:
    found = {str(path.relative_to(ROOT)) for path in _files() if MAGIC in path.read_bytes()}
    assert found == OF_THE_FORMAT, "the wheel has what the packages of the repository have (test_wheel.py)"
    for path in _files():
        with pytest.raises(ListError):
            parse_set(path.read_bytes())


def test_no_list_of_that_kind_ships_and_none_could() -> None:
    product = load_product()
    assert product.categories.sealed == {"csam"}
    assert not {path.stem for path in DATA.joinpath("lists").iterdir()} & product.categories.sealed
    assert not seed_table().known_categories & product.categories.sealed
    one = "{name: A, url: https://a.test/x, format: domains, licence: MIT, category: csam, size: 1}"
    text = f"sources: {{a-list: {one}}}"
    with pytest.raises(PolicyError, match="csam"):
        parse_sources(text, "sources.yaml", product.categories)


def test_every_name_that_a_test_seals_is_under_invalid() -> None:
    """Or one that no honest set holds, which is what that test is about."""
    innocent = {"google.com", "co.uk", "innocent", "childline.org.uk"}
    for path in _files():
        if path.suffix != ".py" or path.name == Path(__file__).name:
            continue
        for names in _MADE_OF.findall(path.read_bytes()):
            for name in re.findall(rb'"([^"]+)"', names):
                assert name.endswith(b".invalid") or name.decode() in innocent, (path, name)
