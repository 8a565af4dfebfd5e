"""The books of texts: each key has its words in every language, in sentences that its readers can follow."""

from __future__ import annotations

import re
from itertools import chain

import pytest

from gateway.age.bands import AgeBand
from gateway.household.loading import load_product
from gateway.policy.config.config import FAMILY_KEYS
from gateway.policy.profile.rule_keys import PERSON_KEYS, PERSONAL_KEYS, RULE_KEYS
from gateway.policy.values import Reason
from webui.language.i18n import OWN_NAMES
from webui.language.levels import ReadingLevel
from webui.learn.book import ABOUT, ALIAS, BookEntry, TextBook, entries
from webui.pages.guide import LEAFLET, SCREENS

LANGUAGES = tuple(OWN_NAMES)
PARTS = ("what", "why", "not")
NO_PROMISE = re.compile(r"!|\bprotects?\b|\bprotected\b|\bguarantee", re.IGNORECASE)
# Words of a sentence: the longest, and the average of a level. Kazakh and Russian say the same in fewer and
# longer words, so that they are held to no more than English.
LONGEST = {ReadingLevel.LITTLE: 9, ReadingLevel.MIDDLE: 14, ReadingLevel.TEEN: 24}
AVERAGE = {ReadingLevel.LITTLE: 6.0, ReadingLevel.MIDDLE: 9.0, ReadingLevel.TEEN: 12.0}
PARENTS = 24


def book(which: TextBook, language: str) -> dict[str, BookEntry]:
    found = list(entries(which, language))
    keys = [one.key for one in found]
    assert len(keys) == len(set(keys)), "each key once"
    return {one.key: one for one in found if one.key != ABOUT}


def sentences(texts: tuple[str, ...]) -> list[int]:
    """How many words each has. A colon or a semicolon is a place to breathe and ends one."""
    parts = chain.from_iterable(re.split(r"[.?:;…](?:\s|$)", text) for text in texts)
    return [len(part.split()) for part in parts if part.strip()]


def wanted() -> set[str]:
    settings = {*PERSON_KEYS, *RULE_KEYS, *PERSONAL_KEYS, *FAMILY_KEYS, "pause", "extra_time", "off"}
    return {
        *(f"category:{one}" for one in load_product().categories.by_id),
        *(f"band:{one.value}" for one in AgeBand),
        *(f"setting:{one}" for one in settings),
        *(f"reason:{one.value}" for one in Reason),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_kind_setting_band_and_reason_has_its_words(language: str) -> None:
    found = book(TextBook.LEARN, language)
    assert found.keys() == wanted()
    for key, one in found.items():
        other = one.one(ALIAS)
        if other:
            assert not found[other].one(ALIAS), key
            continue
        assert all(len(one.all(part)) == 1 and one.one(part) for part in PARTS), key
        assert one.one("name") or key.partition(":")[0] in ("category", "band"), key


def test_what_is_refused_for_everyone_has_one_text_that_tells_no_kind_from_another() -> None:
    for language in LANGUAGES:
        found = book(TextBook.LEARN, language)
        for kind in ("csam", "malware", "phishing"):
            assert found[f"category:{kind}"].lines == {ALIAS: ("reason:refused_for_everyone",)}


@pytest.mark.parametrize("which", TextBook)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_lines_and_aliases(which: TextBook, language: str) -> None:
    ours, english = book(which, language), book(which, "en")
    assert list(ours) == list(english)
    sources = {"source", "verified_on"}
    for key, one in ours.items():
        mine = {name: texts for name, texts in one.lines.items() if name not in sources}
        theirs = {name: texts for name, texts in english[key].lines.items() if name not in sources}
        lengths = [{name: len(texts) for name, texts in lines.items()} for lines in (mine, theirs)]
        assert lengths[0] == lengths[1], key
        assert one.one(ALIAS) == english[key].one(ALIAS), key


@pytest.mark.parametrize("level", ReadingLevel)
@pytest.mark.parametrize("language", LANGUAGES)
def test_first_aid_is_in_sentences_of_its_reading_level(language: str, level: ReadingLevel) -> None:
    told = book(TextBook.MEAN, language)[level.value]
    lengths = sentences(tuple(chain.from_iterable(told.lines.values())))
    assert max(lengths) <= LONGEST[level]
    assert sum(lengths) / len(lengths) <= AVERAGE[level]
    assert {"title", "intro", "keep", "block", "tell", "hurry"} <= told.lines.keys()


@pytest.mark.parametrize("which", [TextBook.LEARN, TextBook.GUIDE])
@pytest.mark.parametrize("language", LANGUAGES)
def test_parents_read_no_sentence_of_more_than_twenty_four_words(which: TextBook, language: str) -> None:
    for key, one in book(which, language).items():
        texts = tuple(chain.from_iterable(texts for name, texts in one.lines.items() if name != ALIAS))
        assert max(sentences(texts), default=0) <= PARENTS, key


@pytest.mark.parametrize("which", TextBook)
def test_nothing_is_promised_and_nobody_shouts(which: TextBook) -> None:
    for language in LANGUAGES:
        for key, one in book(which, language).items():
            for text in chain.from_iterable(one.lines.values()):
                assert not NO_PROMISE.search(text), (language, key, text)


# What only those who answer there can say: when they do, and what they keep to themselves.
OF_HELP_LINES = re.compile(
    r"help lines? (?:\w+ )*(?:listens|open)|телефоны доверия [^.]*открыты|телефон доверия слуша"
    r"|сенім телефон\w+ [^.]*(?:ашық|тыңдайды)",
    re.IGNORECASE,
)


@pytest.mark.parametrize("which", TextBook)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_hours_of_help_lines_are_told_that_nobody_has_confirmed(which: TextBook, language: str) -> None:
    for key, one in book(which, language).items():
        for text in chain.from_iterable(texts for name, texts in one.lines.items() if key != "reason:help"):
            assert not OF_HELP_LINES.search(text), (key, text)


@pytest.mark.parametrize(
    ("language", "secret"),
    [("en", "as long as no one is in danger"), ("ru", "пока никому"), ("kk", "қауіп төнбесе")],
)
def test_that_help_lines_keep_secrets_is_said_with_its_bound(language: str, secret: str) -> None:
    told = [text for text in book(TextBook.MEAN, language)["teen"].all("tell") if secret in text]
    assert len(told) == 1


def test_the_ten_services_to_report_in_are_known_and_say_how_they_are_known() -> None:
    known, found = load_product().catalogue.services, book(TextBook.REPORT, "en")
    assert len(found) == 10
    for key, one in found.items():
        assert key.removeprefix("service:") in known
        assert one.one("source")
        assert one.one("verified_on"), "a date that a person sets, or a dash"


def test_the_guide_has_its_screens_and_says_what_a_filter_cannot_do() -> None:
    assert set(book(TextBook.GUIDE, "en")) == {*SCREENS, LEAFLET}
    assert "little or no effect" in " ".join(book(TextBook.GUIDE, "en")["cannot"].all("say"))


@pytest.mark.parametrize("which", TextBook)
@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_who_has_read_it_is_said_until_somebody_has(which: TextBook, language: str) -> None:
    about = next(one for one in entries(which, language) if one.key == ABOUT)
    assert re.fullmatch(r"-|20\d\d-\d\d-\d\d", about.one("read_by_native"))
