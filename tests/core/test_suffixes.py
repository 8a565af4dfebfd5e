"""Public suffixes as publicsuffix.org's own rules say, beside what others make of the same file."""

from __future__ import annotations

from pathlib import Path

import publicsuffixlist
import pytest

from gateway.core.errors import PolicyError
from gateway.lists import public_suffixes as suffixes
from gateway.lists.public_suffixes import (
    compact_public_suffix_check,
    lazy_public_suffix_check,
    public_suffix_check,
)

WHOLE, COMPACT = public_suffix_check(), compact_public_suffix_check()
SUFFIXES = (
    "com",
    "co.uk",
    "github.io",
    "kz",
    "org.kz",
    "nosuchtop",
    "xn--p1ai",
    "xn--55qx5d.cn",
    "anything.ck",
)
NAMES = (
    "example.com",
    "a.co.uk",
    "me.github.io",
    "www.kz",
    "a.org.kz",
    "a.nosuchtop",
    "b.xn--p1ai",
    "www.ck",
)


@pytest.mark.parametrize("name", SUFFIXES + NAMES)
def test_it_says_what_the_whole_list_says(name: str) -> None:
    assert lazy_public_suffix_check()(name) is WHOLE(name) is COMPACT(name) is (name in SUFFIXES)


def test_answers_for_one_top_level_name_do_not_depend_on_another() -> None:
    check = lazy_public_suffix_check()
    assert [check(name) for name in (*SUFFIXES, *NAMES)] == [True] * len(SUFFIXES) + [False] * len(NAMES)


def test_it_takes_each_rule_as_others_do() -> None:
    """At each rule's own name, and at two names under it."""
    others = publicsuffixlist.PublicSuffixList()
    bases = {rule.lstrip("!*.") for rule in suffixes.rules()}
    assert len(bases) > 9000
    names = [name for base in bases for name in (base, f"a.{base}", f"b.a.{base}")]
    assert [name for name in names if WHOLE(name) is not (others.publicsuffix(name) == name)] == []
    assert [name for name in names if COMPACT(name) is not WHOLE(name)] == []


def test_where_the_package_of_pypi_is_not_the_systems_list_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(suffixes, "PACKAGE", "no_such_package")
    monkeypatch.setattr(suffixes, "SYSTEM", tmp_path / "list.dat")
    with pytest.raises(PolicyError, match=r"list\.dat.*install the package publicsuffix"):
        public_suffix_check()
    suffixes.SYSTEM.write_text("// a remark\n\ntest\n*.wild.test\n!tame.wild.test\n", "utf-8")
    for check in (public_suffix_check(), lazy_public_suffix_check(), compact_public_suffix_check()):
        assert [check(name) for name in ("test", "a.test", "x.wild.test", "tame.wild.test")] == [
            True, False, True, False,
        ]  # fmt: skip
