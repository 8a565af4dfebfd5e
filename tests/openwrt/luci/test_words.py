"""The words of LuCI's pages: each in the template, in Russian and in Kazakh."""

from __future__ import annotations

import re

import pytest

from tests.openwrt.luci.running import APP, VIEWS, Node
from tests.openwrt.luci.test_overview import FINE, OVERVIEW, PAGES, asked, child, home
from tests.openwrt.luci.test_settings import FILLED, SETTINGS
from tests.openwrt.luci.words import TEMPLATE, faults, kept, messages, po, template, updated
from tests.words.catalogues import LANGUAGES

SAID = {text for text, *_ in messages()}


def test_the_template_has_what_the_code_says() -> None:
    assert TEMPLATE.read_bytes() == template(), "run: make words"


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated(language: str) -> None:
    assert (APP / po(language)).read_bytes() == updated(language), "run: make words"
    assert faults(language) == []
    assert set(kept(language)) == SAID


def test_the_languages_are_those_of_the_pages() -> None:
    assert {path.name for path in (APP / "po").iterdir()} == {"templates", *LANGUAGES}


def test_a_language_that_luci_lacks_can_be_selected_in_a_build() -> None:
    """LuCI's rules take a translation if the symbol of its language is set; LuCI defines only its own."""
    symbols = re.findall(r"^config LUCI_LANG_(\w+)$", (APP / "Makefile").read_text(), re.MULTILINE)
    assert {"ru", *symbols} == set(LANGUAGES)


def test_each_word_of_the_views_is_found_in_their_text() -> None:
    """What is put together while they run would be in no template; so would what goes over several lines."""
    for path in sorted(VIEWS.rglob("*.js")):
        text = path.read_text()
        assert len(re.findall(r"\b_\(", text)) == len(re.findall(r"\b_\('(?:[^'\\\n])*'\)", text)), path.name


@pytest.mark.needs("node")
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_english_is_left_on_a_translated_page(node: Node, language: str) -> None:
    one = child("Имя", left={"minutes": 5, "at": "2026-11-24T20:45:00+05:00"})
    findings = [{"level": level, "text": "1", "fix": "2"} for level in ("error", "warning", "note")]
    week = child("Имя", left={"minutes": 5, "at": None, "period": "week"})
    told = home(one, week, child("Имя", "paused"), mode="off", clock=False, internet="down", requests=2)
    setup = {"claimed": False, "pages": PAGES, "devices": []}
    health = {**FINE, "findings": findings, "running": True}
    page = asked(told, health, done={"setup": setup}, words=kept(language))
    settings = {"run": "view", "view": str(SETTINGS), "uci": FILLED, "words": kept(language)}
    for wanted in (page, settings):
        shown = node.ask(wanted)
        assert set(shown["words"]) <= SAID
        alien = re.findall(r"[A-Za-z]{3,}", shown["looks"][0]["text"])
        assert set(alien) <= {"HTTP", "https", "SVG", "PNG", "Qalqan", "lan", "flow", "offloading"}, OVERVIEW
