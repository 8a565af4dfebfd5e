"""Phrases that were replaced by plain words are nowhere: pages, catalogues, documents, command line, API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from tests.lint_language import SCOPE, texts
from tests.words.catalogues import ROOT, code, po, read

# Each with what to write instead. The pattern is a phrase, of which words may be in two lines.
REPLACED: Mapping[str, str] = {
    r"What holds from now on": "These rules are now active",
    r"Prove it on a device": "Test it on X's device",
    r"The devices are given": "Devices assigned.",
    r"Open as for the youngest": "Filtered as for a child of 10 or older",
    r"of the house\b": "Not filtered",
    r"All is closed but help": "Only help lines work",
    r"The next step is the birthday": "Tell us the month and we'll suggest new rules",
    r"a visitor\b": "Adult guest",
    r"when it is here is not told": "Presence hidden",
    r"One that sleeps can be asked for": "Wake sleeping devices",
    r"it is not told whether a device is here": "Online status is private from age 13.",
    r"until I resume": "Until I turn it back on",
    r"It speaks WireGuard": "Type: WireGuard",
    r"With a word, or other minutes": "Add a message or change the time",
    r"Of what is answered or over": "For ages 13 to 15 we show only the type and day",
    r"As its kind\b": "Same as its category",
    r"Asked for first": "Child must ask",
    r"Refused by its kind": "Blocked by category",
    r"Counted as play": "Uses daily time",
    r"Teach a site": "Fix a broken site",
    r"Searches, ways around": "More settings",
    r"What would happen\b(?! if)": "Test a site",
    r"Minutes for what": "Set a time limit",
    r"Hours for what": "Set allowed hours",
    r"A weekday of its own": "Different on one day",
    r"take out\b": "Remove",
    r"as the band has it": "Back to the age default",
    r"silent minutes": "Idle time still counted",
    r"Minutes granted by themselves": "Automatic extra time",
    r"rules of time wait": "Time rules are not applied",
    r"A little grace": "Flexibility",
    r"has landed today already": "has already used “Finish my game”",
    r"How often it was asked for": "Connections by type",
    r"What devices try by themselves": "Background attempts",
    r"Everything goes as the rules say": "Everything tested is blocked as set.",
    r"it was asked of them, not waited for": "Checked now",
    r"All that was tried holds": "All tests passed.",
    r"by whom and when, is not noted": "Set by: unknown",
    r"The gateway sends it to nobody": "We don't share it.",
    r"Somebody says on it to be an adult": "Its user says they're an adult.",
    r"is good no more": "no longer works",
    r"What is what\b": "Glossary",
}
WHOLE = {"Look": "Search", "Put away": "Dismiss"}  # of a whole text: these words are in others too
# Verbs of the audit log and of forms that stored lines and other programs use.
STORED = re.compile(r"card put away")

# Of the whole catalogue of a language; calques, two words for one thing, missing separators.
RUSSIAN = {
    r"опекун": "родитель",
    r"Сейчас используется\b": "Сейчас используются:",
    r"Имена сайтов": "адреса",
    r"Когда решено": "Кто и когда",
    r"обходится без этого": "попыток больше не было",
    r"правила времени ждут": "не применяются",
    r"^Взрослого$": "Устройства взрослых",
    r"[.!?:;,][А-ЯЁ]": "a space after the sentence",
    r"[Оо]бходны[ехм]|^Обходы": "защита от VPN и обхода",
    r"[Пп]редел[ыаов]* времени": "лимит времени",
    r"[Тт]елефон\w* помощи|[Лл]ини\w+ помощи": "телефон доверия",
    r"[Аа]ккаунт": "учётная запись",
}
KAZAKH = {
    r"111 111": "111, once",
    r"[Сс]ервис": "қызмет",
    r"[Ққ]осымшалар|[Ққ]осымшан": "қолданба; қосымша is extra",
    r"бос күндері": "бос күндер",
    r"[^:,;.] шек:": "a separator",
    r"[Аа]ккаунт": "тіркелгі",
    r"[Бб]атырма": "түйме",
    r"[Ее]реже\w* \w*ұсталады": "қолданылады",
    r"тілдің иесі": "ана тілінде сөйлейтін адам",
    r"[Сс]айтты үйрету": "сайтты жөндеу",
    r"[Бб]ейне бөлісу": "бейне сайттары",
    r"ереже\w* жүр|шектер\w* жүр|сағаттар\w*( мен ұйқы уақыты)? жүр": "қолданылады",
    r"[.!?:;,][А-ЯЁӘҒҚҢӨҰҮҺІ]": "a space after the sentence",
}
LUCI = ROOT / "openwrt" / "luci-app-qalqan" / "po"


def found_in(text: str, phrases: Mapping[str, str], flags: int = 0) -> Iterator[str]:
    for phrase, instead in phrases.items():
        for match in re.finditer(phrase.replace(" ", r"[\s#]+"), text, flags):
            yield f"{match[0]!r}, not {instead!r}"


def messages(language: str) -> Iterator[str]:
    """The texts of a language: its two catalogues and its help texts."""
    with (LUCI / language / "qalqan.po").open("rb") as file:
        catalogues = read(language), read_po(file, locale=language)
    for message in (message for catalogue in catalogues for message in catalogue if message.id):
        yield from [message.string] if isinstance(message.string, str) else message.string or ()
    for path in (ROOT / "webui/learn" / language).glob("*.txt"):
        yield from (line for line in path.read_text("utf-8").splitlines() if not line.startswith("source:"))


def test_no_document_and_no_code_has_a_replaced_phrase() -> None:
    """The files of the product: documents, texts of the command line and the API, pages, help texts."""
    learn = [
        (path.relative_to(ROOT), path.read_text("utf-8")) for path in (ROOT / "webui/learn").rglob("*.txt")
    ]
    found = {
        f"{path}: {fault}"
        for path, text in (*texts((*SCOPE, "PRACTICE-STATEMENT.md")), *learn)
        if path.name != "CHANGELOG.md"
        for fault in found_in(STORED.sub("", text), REPLACED, re.IGNORECASE)
    }
    assert found == set()


def test_no_text_of_the_pages_is_a_replaced_phrase() -> None:
    ids = [message.id for message in code() if message.id]
    texts_of_pages = [text for found in ids for text in ([found] if isinstance(found, str) else found)]
    assert len(texts_of_pages) > 3000
    assert {text for text in texts_of_pages if text in WHOLE} == set()
    assert [fault for text in texts_of_pages for fault in found_in(text, REPLACED, re.IGNORECASE)] == []


@pytest.mark.parametrize(("language", "phrases"), [("ru", RUSSIAN), ("kk", KAZAKH)])
def test_no_translation_has_a_replaced_phrase(language: str, phrases: Mapping[str, str]) -> None:
    found = {f"{text}: {fault}" for text in messages(language) for fault in found_in(text, phrases)}
    assert found == set()


@pytest.mark.parametrize(
    ("language", "context", "english", "translation"),
    [
        ("ru", "target", "Play", "Развлечения"),
        ("ru", None, "In use", "Сейчас используются:"),
        ("ru", None, "Parent", "Родитель"),
        ("kk", None, "Parent", "Ата-ана"),
    ],
)
def test_a_term_has_its_translation(
    language: str, context: str | None, english: str, translation: str
) -> None:
    message = read(language).get(english, context)
    assert message is not None, f"{english} is in {po(language)}"
    assert message.string == translation


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_the_luci_app_says_the_same_as_the_pages(language: str) -> None:
    ours = {message.id: message.string for message in read(language) if message.id and not message.context}
    with (LUCI / language / "qalqan.po").open("rb") as file:
        theirs = {message.id: message.string for message in read_po(file, locale=language) if message.id}
    same = ours.keys() & theirs.keys()
    assert {text: theirs[text] for text in same if theirs[text] != ours[text]} == {}


def test_the_measure_finds_a_phrase_over_two_lines() -> None:
    assert list(found_in("# As its\n# kind of sites", REPLACED, re.IGNORECASE))
    assert list(found_in("Есть пароль.У вас", RUSSIAN))
    assert Path(po("ru")).exists()
