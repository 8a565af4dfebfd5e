"""Names are found as people type them."""

from __future__ import annotations

import pytest

from webui.language.spelling import NameMatch, Query, closest, latin, one_mistake

NAMES = (
    "YouTube", "YouTube Kids", "YouTube Music", "TikTok", "WhatsApp", "Instagram", "Roblox", "Minecraft",
    "Discord", "Snapchat", "Facebook", "Google", "Twitch", "Netflix", "Fortnite", "Telegram", "VK", "Steam",
    "Spotify", "Chrome", "Pinterest", "X (Twitter)", "ChatGPT", "Zoom", "Brawl Stars", "Epic Games", "Skype",
    "Yandex", "Reddit", "Likee", "Kaspi", "Khan Academy", "Duolingo", "Wikipedia", "Odnoklassniki",
)  # fmt: skip


def found(text: str) -> list[str]:
    return list(closest(Query.of(text), {name: name for name in NAMES}))


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("youtube", "YouTube"), ("you tube", "YouTube"), ("youtub", "YouTube"), ("yotube", "YouTube"),
        ("ютуб", "YouTube"), ("ю туб", "YouTube"), ("ютьюб", "YouTube"), ("ютуб кидс", "YouTube Kids"),
        ("тикток", "TikTok"), ("тик ток", "TikTok"), ("tictok", "TikTok"), ("вотсап", "WhatsApp"),
        ("ватсапп", "WhatsApp"), ("инстаграм", "Instagram"), ("инстаграмм", "Instagram"),
        ("instgram", "Instagram"), ("роблокс", "Roblox"), ("майнкрафт", "Minecraft"),
        ("minecarft", "Minecraft"), ("дискорд", "Discord"), ("снэпчат", "Snapchat"), ("фейсбук", "Facebook"),
        ("гугл", "Google"), ("твич", "Twitch"), ("нетфликс", "Netflix"), ("фортнайт", "Fortnite"),
        ("телеграмм", "Telegram"), ("вк", "VK"), ("стим", "Steam"), ("спотифай", "Spotify"),
        ("хром", "Chrome"), ("твиттер", "X (Twitter)"), ("чат гпт", "ChatGPT"), ("зум", "Zoom"),
        ("бравл старс", "Brawl Stars"), ("скайп", "Skype"), ("яндекс", "Yandex"), ("реддит", "Reddit"),
        ("хан академи", "Khan Academy"), ("дуолинго", "Duolingo"), ("википедия", "Wikipedia"),
        ("одноклассники", "Odnoklassniki"),
    ],
)  # fmt: skip
def test_a_name_is_found_first_however_it_is_typed(typed: str, name: str) -> None:
    assert found(typed)[0] == name


def test_exact_names_come_first_and_weaker_matches_are_left_out() -> None:
    assert found("youtube") == ["YouTube", "YouTube Kids", "YouTube Music"]
    assert found("kids") == ["YouTube Kids"]
    assert found("zzzz") == []
    assert found("school") == []


def test_kazakh_and_accented_letters() -> None:
    assert latin("Ұйқы уақыты") == "uyky uakyty"
    assert latin("Café ÉCOLE") == "cafe ecole"
    assert Query.of("уйкы").match("Ұйқы уақыты") is NameMatch.PREFIX


@pytest.mark.parametrize("text", ["", " ", "!?", "\N{COMBINING ACUTE ACCENT}"])
def test_an_empty_search_finds_nothing(text: str) -> None:
    assert Query.of(text).match("YouTube") is None
    assert found(text) == []


@pytest.mark.parametrize(
    ("word", "other", "same"),
    [
        ("abcd", "abcd", True), ("abcd", "abd", True), ("abcd", "abxcd", True), ("abcd", "abxd", True),
        ("abcd", "acbd", True), ("abcd", "dbca", False), ("abcd", "ab", False), ("abcd", "axcx", False),
    ],
)  # fmt: skip
def test_one_mistake(word: str, other: str, same: bool) -> None:
    assert one_mistake(word, other) is same
    assert one_mistake(other, word) is same
