"""The catalogues that are kept: complete, of the code as it is, and compiled as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from gateway.policy.judge.explanation import ENGLISH
from gateway.policy.names.services import OWN_GROUP
from profiles import DATA
from tests.words import catalogues
from tests.words.catalogues import LANGUAGES, TEMPLATE
from webui.language import things
from webui.language.i18n import OWN_NAMES, READ_BY_NATIVES, load_catalogues

MEND = "run `make words`, translate what it names, and run it again"


def test_the_template_says_what_the_code_says() -> None:
    with TEMPLATE.open("rb") as file:
        kept = {(one.context, one.id): one.auto_comments for one in read_po(file)}
    assert kept == {(one.context, one.id): one.auto_comments for one in catalogues.code()}, MEND


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_each_message_of_the_code_and_no_other(language: str) -> None:
    ours = {(one.context, one.id) for one in catalogues.code()}
    assert {(one.context, one.id) for one in catalogues.read(language)} == ours, MEND
    assert not catalogues.read(language).obsolete, MEND


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_complete(language: str) -> None:
    assert catalogues.faults(language) == [], MEND


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    written = catalogues.texts(catalogues.compiled(language))
    assert catalogues.texts(catalogues.mo(language).read_bytes()) == written, MEND


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_head_says_that_no_native_reader_has_checked_it(language: str) -> None:
    """And so does the code, by which a page about a crisis says it."""
    assert "No native reader has checked it yet" in catalogues.po(language).read_text().split("msgid", 1)[0]
    assert language not in READ_BY_NATIVES


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_ends_no_sentence_brings_no_full_stop_into_one(language: str) -> None:
    """A date as `2027 г.` would end a sentence with two of them."""
    for message in catalogues.read(language):
        sources, told = (
            (one,) if isinstance(one, str) else tuple(one or ()) for one in (message.id, message.string)
        )
        if message.id and not sources[0].endswith("."):
            assert not any(text.endswith(".") for text in told), message.id


def test_plural_forms_are_those_of_the_language() -> None:
    """CLDR 46, plural rules: Russian one, few, many (other is of fractions); Kazakh one, other."""
    forms = load_catalogues(catalogues.FOLDER)
    told = {
        number: forms["ru"].ngettext("%(num)d minute ago", "%(num)d minutes ago", number) % {"num": number}
        for number in (1, 2, 5, 11, 21, 112)
    }
    assert told == {
        1: "1 минуту назад",
        2: "2 минуты назад",
        5: "5 минут назад",
        11: "11 минут назад",
        21: "21 минуту назад",
        112: "112 минут назад",
    }
    assert catalogues.read_plurals("kk") == 2


@pytest.mark.parametrize(
    ("ids", "texts", "fault"),
    [
        ("Open", "", "is not translated"),
        ("Ask for %(name)s", "Попросить", "holds [], the English ['%(name)s']"),
        ("Ask", "Попросить %(name)s", "holds ['%(name)s'], the English []"),
        ("{what} is allowed.", "{that} разрешено.", "holds ['{that}'], the English ['{what}']"),
        (" until {when}", "до {when}", "begins or ends with another space"),
        ("a <b>%(x)s</b>", "а %(x)s", "holds ['%(x)s'], the English ['%(x)s', '</b>', '<b>']"),
        (("%(num)d day", "%(num)d days"), ("%(num)d день", "%(num)d дня"), "has 2 plural forms, not 3"),
        (("%(num)d day", "%(num)d days"), ("день", "%(num)d дня", "%(num)d дней"), None),
    ],
)
def test_what_has_to_be_mended_is_found(ids: str, texts: str, fault: str | None) -> None:
    found = list(catalogues._faults(Message(ids, texts), 3))
    assert found == ([] if fault is None else [fault])


@pytest.mark.parametrize("language", LANGUAGES)
def test_lists_have_as_many_words_as_the_english(language: str) -> None:
    """They are taken apart at their commas."""
    known = load_catalogues(catalogues.FOLDER)[language]
    for key in ("weekdays", "months"):
        told = known.pgettext("decision", ENGLISH[key])
        assert len(set(told.split(","))) == len(ENGLISH[key].split(",")), key


def test_kinds_and_groups_are_those_of_the_product() -> None:
    kinds = yaml.safe_load(Path(DATA, "categories.yaml").read_text())["categories"]
    assert dict(things._categories()) == {key: one["name"]["en"] for key, one in kinds.items()}
    assert dict(things._abouts()) == {key: one["about"]["en"] for key, one in kinds.items()}
    files = [yaml.safe_load(path.read_text()) for path in sorted(Path(DATA, "services").glob("*.yaml"))]
    groups = {file["group"]["id"]: file["group"]["name"]["en"] for file in files}
    assert dict(things._groups()) == {OWN_GROUP.id: OWN_GROUP.name["en"], **groups}


@pytest.mark.parametrize(
    "path", sorted(Path(catalogues.WEBUI, "static").glob("*.js")), ids=lambda one: one.name
)
def test_scripts_have_no_words(path: Path) -> None:
    """What they show is HTML of the server's."""
    code = re.sub(r"//.*", "", path.read_text())
    literals = re.findall(r'"((?:[^"\\\n]|\\.)*)"', code)
    assert [one for one in literals if re.search(r"[A-Z][a-z]+ [a-z]", one)] == []


@pytest.mark.parametrize(
    "path", sorted(Path(catalogues.WEBUI, "static").glob("*.css")), ids=lambda one: one.name
)
def test_styles_know_no_left_and_right(path: Path) -> None:
    """But start and end, so that a page from right to left is mirrored by itself."""
    style = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    sided = re.findall(
        r"(?<![\w-])(?:(?:margin|padding|border|inset|scroll-margin|scroll-padding)-(?:left|right)|(?:left|right)"
        r"|border-(?:top|bottom)-(?:left|right)-radius)\s*:[^;}]*|(?:text-align|float|clear)\s*:\s*(?:left|right)",
        style,
    )
    assert sided == []
    four = re.findall(
        r"(?<![\w-])(?:margin|padding|inset)\s*:\s*((?:[^\s;}(]+(?:\([^)]*\))?\s+){3}[^\s;}]+)", style
    )
    assert [one for one in four if one.split()[1] != one.split()[3]] == []


def test_the_menu_names_each_language_in_itself() -> None:
    assert list(OWN_NAMES) == ["en", "kk", "ru"]
    assert set(load_catalogues(catalogues.FOLDER)) == set(OWN_NAMES)
