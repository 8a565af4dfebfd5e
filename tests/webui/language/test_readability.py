"""*My rules* and the refused page are as easy to read as their readers are old, in each language."""

from __future__ import annotations

import pytest

from gateway.policy.judge.explanation import ENGLISH
from tests.webui.language.reading import LONG, Score, score, texts_of, translated
from webui.language.levels import ReadingLevel

# Words of the longest sentence, of one on average, and the share of long words. Russian and Kazakh say the
# same in fewer and longer words, and are held to the same.
LIMITS = {
    ReadingLevel.LITTLE: Score(longest=11, average=6.0, long_words=0.04),
    ReadingLevel.MIDDLE: Score(longest=14, average=7.0, long_words=0.05),
    ReadingLevel.TEEN: Score(longest=18, average=8.0, long_words=0.06),
}
# A small child reads these with a grown-up, as they say at their beginning: held to what ten-year-olds read.
TOGETHER = frozenset(
    {
        "child/refused_list.html",
        "child/set_by.html",
        "child/ways.html",
        "refused/everyone.html",
        "refused/register.html",
    }
)
RULES, REFUSED = "My rules", "refused"
PAGES = {RULES: ("child/{level}.html",), REFUSED: ("refused.html", "why.html")}
SENTENCE = 14  # words of a decision in a sentence, which all levels are told


def texts(page: str, level: ReadingLevel) -> list[str]:
    folded = TOGETHER if level is ReadingLevel.LITTLE else frozenset[str]()
    return texts_of(tuple(one.format(level=level) for one in PAGES[page]), level, folded)


@pytest.mark.parametrize("language", LONG)
@pytest.mark.parametrize("level", ReadingLevel)
@pytest.mark.parametrize("page", PAGES)
def test_it_is_read_by_whom_it_is_for(page: str, level: ReadingLevel, language: str) -> None:
    found, limit = score(translated(texts(page, level), language), language), LIMITS[level]
    assert found.longest <= limit.longest
    assert found.average <= limit.average
    assert found.long_words <= limit.long_words


@pytest.mark.parametrize("language", LONG)
def test_a_decision_is_told_in_short_sentences(language: str) -> None:
    told = [one for one in ENGLISH.values() if one.endswith(".")]
    found = score(translated(told, language), language)
    assert found.longest <= SENTENCE
    assert found.average <= LIMITS[ReadingLevel.MIDDLE].average


def test_each_level_reads_its_own_texts() -> None:
    """The measure sees what is on the page: macros, parts and branches by level, nothing of another level."""
    little, teen = texts(RULES, ReadingLevel.LITTLE), texts(RULES, ReadingLevel.TEEN)
    assert "Your parents decided it." in little
    assert "Your parents decided it." not in teen
    assert "Check it yourself" in teen
    assert "Check it yourself" not in little
    assert "Ask for more time" in little, "of a part"
    assert "What was closed here" in texts(REFUSED, ReadingLevel.LITTLE)
    assert "What was closed here" not in texts(REFUSED, ReadingLevel.TEEN)
    assert "This device is new here" in texts(REFUSED, ReadingLevel.MIDDLE), "of a part whose name is made"


@pytest.mark.parametrize("page", sorted(TOGETHER - {"child/refused_list.html", "child/set_by.html"}))
def test_what_is_read_together_says_so(page: str) -> None:
    """The other two are folded away under "All of it, to read together"."""
    only = set(texts_of((page,), ReadingLevel.LITTLE)) - set(texts_of((page,), ReadingLevel.TEEN))
    assert any("grown-up" in one for one in only)


def test_a_hard_text_has_a_worse_score() -> None:
    easy = score(["It is bedtime. The internet opens at %(until)s."], "en")
    hard = score(["Notwithstanding provisions enumerated hereinbefore, connectivity is discontinued."], "en")
    assert (easy.longest, easy.long_words) == (5, 0)
    assert hard.longest > easy.longest
    assert hard.long_words > 0.5
