"""Parents' pages are read without effort: the Flesch-Kincaid grade of their English texts, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest

from tests.webui.language.reading import LETTERS, PLACE, TEMPLATES, texts_of
from webui.language.levels import ReadingLevel

GRADE = 7.0  # of all sentences of a page
HARDEST = 12.0  # of a single sentence
LABEL = 4  # words; what is not longer is a label or a button, which the measure does not fit
PARENTS = re.compile(r"\{% extends '(?:parent|child_page|setup_page)\.html' %\}")
_ENDS = re.compile(r"[.?!…](?=\s|$)")
_VOWELS = re.compile(r"[aeiouy]+")


def pages() -> list[str]:
    return sorted(path.name for path in TEMPLATES.glob("*.html") if PARENTS.search(path.read_text("utf-8")))


def sentences_of(page: str) -> list[str]:
    texts = texts_of((page,), ReadingLevel.TEEN, frozenset({"parent.html"}))
    return [one for text in texts for one in _sentences(text)]


def _sentences(text: str) -> Iterator[str]:
    plain = PLACE.sub("Name", re.sub(r"<[^>]+>", " ", text))
    for sentence in _ENDS.split(plain):
        if len(LETTERS.findall(sentence)) > LABEL:
            yield sentence.strip()


def syllables(word: str) -> int:
    """Count groups of vowels, without a silent ``e`` at the end or in ``-ed``."""
    word = word.lower()
    count = len(_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee"))
    silent |= word.endswith("ed") and not word.endswith(("ted", "ded"))
    return max(count - silent, 1)


def grade(sentences: Iterable[str]) -> float:
    """Return the Flesch-Kincaid grade, in years of school in the United States; 0 without a sentence."""
    words = [LETTERS.findall(sentence) for sentence in sentences]
    count = sum(map(len, words))
    if not count:
        return 0
    spoken = sum(syllables(word) for sentence in words for word in sentence)
    return 0.39 * count / len(words) + 11.8 * spoken / count - 15.59


@pytest.mark.parametrize("page", pages())
def test_a_page_is_read_at_grade_seven_or_lower(page: str) -> None:
    found = sentences_of(page)
    worst = sorted(found, key=lambda sentence: -grade([sentence]))[:5]
    listed = "\n".join(f"{grade([sentence]):.1f}: {sentence}" for sentence in worst)
    assert grade(found) <= GRADE, listed


def test_no_sentence_is_very_hard() -> None:
    hard = {sentence for page in pages() for sentence in sentences_of(page) if grade([sentence]) > HARDEST}
    assert not hard


def test_the_measure_knows_hard_from_easy() -> None:
    assert len(pages()) > 40
    assert [syllables(word) for word in ("blocked", "limited", "time", "table", "category")] == [
        1,
        3,
        1,
        2,
        4,
    ]
    assert grade(["It is bedtime and the internet is off."]) < 6
    assert grade(["Notwithstanding provisions enumerated hereinbefore, connectivity is discontinued."]) > 20
