from __future__ import annotations

import pytest

from gateway.policy.hosts import public_suffix_check
from gateway.suffixes import suffixes_when_asked

WHOLE = public_suffix_check()
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
    assert suffixes_when_asked()(name) is WHOLE(name) is (name in SUFFIXES)


def test_answers_for_one_top_level_name_do_not_depend_on_another() -> None:
    check = suffixes_when_asked()
    assert [check(name) for name in (*SUFFIXES, *NAMES)] == [True] * len(SUFFIXES) + [False] * len(NAMES)
