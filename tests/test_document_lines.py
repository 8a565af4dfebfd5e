"""Prose in the Markdown pages is wrapped at 100 columns."""

from __future__ import annotations

import re

import pytest

from tests.test_document_links import ROOT, pages

WIDTH = 100
FENCE = re.compile(r"\s*```")
WHOLE = re.compile(r"\s*[|#]")  # a row of a table, a heading
MARK = re.compile(r"^\s*(?:(?:[-*+]|\d+[.)]|>)\s+)?")
# What a break would split: a link or picture with its text, a code span, a word.
PART = re.compile(r"(?:!?\[[^\]]*\]\([^)\s]*\)|`[^`]*`|[^\s`\[]|\[(?![^\]]*\]\([^)\s]*\)))+")


def long_lines(text: str) -> list[int]:
    """Return the numbers of the lines of prose that are too long and can be broken."""
    found = []
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            code = not code
        elif len(line) > WIDTH and not code and not WHOLE.match(line):
            prose = MARK.sub("", line, count=1)
            if len(PART.findall(prose)) > 1:
                found.append(number)
    return found


# In the changelogs each entry is one line.
@pytest.mark.parametrize("name", [name for name in pages() if not name.endswith("CHANGELOG.md")])
def test_prose_is_wrapped(name: str) -> None:
    assert long_lines((ROOT / name).read_text()) == []


def test_what_is_prose() -> None:
    words, link = f"{'x' * 60} {'y' * 60}", f"[the text of a link](https://example.com/{'x' * 90})"
    assert long_lines(f"- {link}\n| {words} |\n## {words}\n```\n{words}\n```\n{'x' * 120}\n") == []
    assert long_lines(f"{words}\n- {words}\nx {link}\n") == [1, 2, 3]
