"""Pages are read without effort: the Flesch-Kincaid grade of their English texts.

Parents' pages are measured page by page; then all texts of the catalogue, those of the modules too, file by
file; children's pages; and the explanations.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import pytest

from tests.webui.language.reading import LETTERS, PLACE, TEMPLATES, texts_of
from tests.words.catalogues import code
from webui.language.levels import ReadingLevel
from webui.learn.book import ABOUT, ALIAS, TextBook, entries

GRADE = 7.0  # of all sentences of a page
HARDEST = 12.0  # of a single sentence
CHILDS_GRADE = 5.0  # of all sentences of a child's page
CHILDS_HARDEST = 9.5
FEW = 3  # sentences: a file with fewer has no grade of its own
LABEL = 4  # words; what is not longer is a label or a button, which the measure does not fit
PARENTS = re.compile(r"\{% extends '(?:parent|child_page|setup_page)\.html' %\}")
CHILDS = re.compile(  # templates that a child reads
    r"(?:child|refused)/|(?:child|refused|why|ask|mean|pin|use|use_pin|code|screens|rights|wrong|offline)\.html|my_"
)
# Names of laws, and lists of days and months.
NAMES = re.compile(r"\((?:Australia|[A-Z][a-z]+)\)|^(?:Monday|January),")
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


def of_files() -> dict[str, list[str]]:
    """Return the sentences of the catalogue, by the file that has them."""
    found: dict[str, list[str]] = defaultdict(list)
    for message in code():
        for text in (message.id,) if isinstance(message.id, str) else message.id:
            for path, _line in message.locations:
                found[path] += _sentences(text)
    return found


def childs_pages() -> list[str]:
    names = (path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
    return sorted(name for name in names if CHILDS.match(name))


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


def test_the_texts_of_a_file_are_read_at_grade_seven_or_lower() -> None:
    """Those of modules and of parts, which no page of parents names."""
    grades = {path: round(grade(found), 1) for path, found in of_files().items() if len(found) >= FEW}
    assert {path: value for path, value in grades.items() if value > GRADE} == {}


def test_no_sentence_of_the_catalogue_is_very_hard() -> None:
    found = {sentence for told in of_files().values() for sentence in told if not NAMES.search(sentence)}
    assert {sentence for sentence in found if grade([sentence]) > HARDEST} == set()


@pytest.mark.parametrize("level", ReadingLevel)
@pytest.mark.parametrize("page", childs_pages())
def test_a_child_s_page_is_read_at_grade_five_or_lower(page: str, level: ReadingLevel) -> None:
    found = [one for text in texts_of((page,), level) for one in _sentences(text)]
    hard = {sentence: round(grade([sentence]), 1) for sentence in found if grade([sentence]) > CHILDS_HARDEST}
    assert hard == {}
    assert len(found) < FEW or grade(found) <= CHILDS_GRADE, sorted(found, key=lambda one: -grade([one]))[:5]


@pytest.mark.parametrize("which", [TextBook.LEARN, TextBook.GUIDE])
def test_an_explanation_is_read_at_grade_seven_or_lower(which: TextBook) -> None:
    for entry in entries(which, "en"):
        texts = [text for name, told in entry.lines.items() if name != ALIAS for text in told]
        found = [one for text in texts for one in _sentences(text)]
        worst = sorted(found, key=lambda sentence: -grade([sentence]))[:3]
        assert entry.key == ABOUT or grade(found) <= GRADE, (entry.key, worst)


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
