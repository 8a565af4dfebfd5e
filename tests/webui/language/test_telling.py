"""The daemon's sentences and names in the reader's language."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from gateway.control.contract.activity import RecentBlock
from gateway.control.contract.requests import AnswerResult, RequestView
from gateway.control.contract.rules import HelpLineEntry
from gateway.control.contract.status import DeviceState
from gateway.control.contract.time import PersonGrant
from gateway.control.schema import decode
from gateway.policy.judge.explanation import ENGLISH, Names, sentence
from gateway.policy.requests.requests import Answer as GuardianAnswer
from gateway.policy.requests.requests import RequestState, RequestTopic
from gateway.policy.values import Decision, Reason, Verdict
from tests.webui.conftest import Browser
from tests.webui.language.catalogues import reading
from tests.webui.standin.household import BEDTIME, NOW, Household
from tests.webui.standin.pseudo import CODE, teach
from tests.webui.standin.states import home, rules
from webui.features.requests.requests_text import answered
from webui.features.status.own_rules_text import rule_name
from webui.features.time.grant_text import to_child, to_parent
from webui.helplines import in_readers_language
from webui.language import telling, things, words

PAUSED: dict[str, Any] = {
    "state": "paused", "until": "2026-11-24T20:10:00+05:00", "reason": "paused", "rule": "pause",
    "owner": "guardian:Mum", "sentence": "The internet is paused until 20:10. Mum set this.",
}  # fmt: skip
OUT = {
    "state": "out_of_time", "until": "2026-11-25T04:00:00+05:00", "reason": "out_of_time",
    "rule": "limits: internet: 90m + 15m", "owner": "band:10-12", "sentence": "…",
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "answer", "told"),
    [
        ("ru", PAUSED, "Интернет приостановлен до 20:10. Решение: Mum."),
        ("kk", PAUSED, "Интернет кідіртілген (аяқталуы: 20:10). Белгілеген: Mum."),
        ("en", PAUSED, "The internet is paused until 20:10. Mum set this."),
        (
            "ru",
            OUT,
            "Интернет: заблокировано до 04:00, сегодняшние 1 ч 45 мин израсходованы. "
            "Это правила группы 10-12.",
        ),
        ("ru", {"state": "open", "sentence": "Open."}, "Открыто."),
        (
            "ru",
            {
                "state": "open", "sentence": "…",
                "next_change": {"at": BEDTIME.isoformat(), "state": "bedtime"},
            },
            "Открыто до 20:45, потом время сна.",
        ),
        (
            "kk",
            {
                "state": "open", "sentence": "…",
                "next_change": {"at": (NOW + timedelta(hours=14)).isoformat(), "state": "window"},
            },
            "Ашық, аяқталуы: ертең, 09:40.",
        ),
        # A daemon of another version, with less or more to tell.
        ("ru", {"state": "paused", "sentence": "Paused."}, "Paused."),
        ("ru", {**PAUSED, "reason": "a new one"}, PAUSED["sentence"]),
    ],
)  # fmt: skip
def test_how_things_stand(app: Flask, language: str, answer: dict[str, Any], told: str) -> None:
    with reading(app, language):
        assert telling.state(decode(DeviceState, answer, strict=False), NOW) == told


def refusal(**values: object) -> RecentBlock:
    block = {
        "at": NOW.isoformat(), "host": "www.tiktok.com", "name": "TikTok", "reason": "service",
        "rule": "block: service:tiktok", "owner": "family", "sentence": "TikTok is blocked.", **values,
    }  # fmt: skip
    return decode(RecentBlock, block, strict=False)


@pytest.mark.parametrize(
    ("values", "russian", "kazakh"),
    [
        ({}, "TikTok: заблокировано. Так решили в семье.", "TikTok: бұғатталған. Отбасы осылай шешті."),
        (
            {"name": "", "host": "bet.example", "reason": "category", "rule": "category:gambling",
             "owner": "band:10-12"},
            "bet.example: заблокировано – Азартные игры. Это правила группы 10-12.",
            "bet.example: бұғатталған – Құмар ойындар. Бұл – 10-12 тобының ережелері.",
        ),
        (
            {"reason": "bedtime", "rule": "bedtime: 20:45-07:00", "owner": "band:10-12",
             "until": (NOW + timedelta(hours=11, minutes=20)).isoformat()},
            "Время сна: интернет заблокирован до 07:00. Это правила группы 10-12.",
            "Ұйқы уақыты: интернет бұғатталған (аяқталуы: 07:00). Бұл – 10-12 тобының ережелері.",
        ),
        (
            {"reason": "paused", "rule": "pause", "owner": "guardian:Mum",
             "until": (NOW + timedelta(days=2)).isoformat()},
            "Интернет приостановлен до 19:40 в четверг. Решение: Mum.",
            "Интернет кідіртілген (аяқталуы: бейсенбі, 19:40). Белгілеген: Mum.",
        ),
        (
            {"reason": "out_of_time", "rule": "limits: group:video: 1h", "owner": "band:10-12",
             "name": "YouTube"},
            "YouTube: заблокировано, сегодняшний 1 ч (видео) израсходован. Это правила группы 10-12.",
            "YouTube: бұғатталған, бүгінгі 1 сағ (бейне) бітті. Бұл – 10-12 тобының ережелері.",
        ),
        (
            {"host": "", "name": "Telegram", "reason": "family_block", "rule": "block: service:telegram",
             "sign": "address"},
            "Telegram: заблокировано. Так решили в семье. Соединение распознано по его адресу.",
            "Telegram: бұғатталған. Отбасы осылай шешті. Қосылым мекенжайы бойынша танылды.",
        ),
        # What a log level leaves out.
        ({"reason": "category", "rule": None}, "TikTok is blocked.", "TikTok is blocked."),
    ],
)  # fmt: skip
def test_a_refusal(app: Flask, values: dict[str, object], russian: str, kazakh: str) -> None:
    for language, told in (("ru", russian), ("kk", kazakh), ("en", "TikTok is blocked.")):
        with reading(app, language):
            assert telling.refusal(refusal(**values)) == told, language


@pytest.mark.parametrize("language", ["ru", "kk", CODE])
@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_words_in_each_language(app: Flask, reason: Reason, language: str) -> None:
    teach(app)
    decision = Decision(
        Verdict.BLOCK, reason, "block: category:adult", "guardian:Mum", until=NOW + timedelta(days=9)
    )
    english = sentence(decision, "a.example", NOW, Names(categories={"adult": "Adult sites"}))
    with reading(app, language):
        told = telling.refusal(refusal(
            reason=str(reason), rule=decision.rule, owner=decision.owner, name="", host="a.example",
            until=(NOW + timedelta(days=9)).isoformat(), sentence=english,
        ))  # fmt: skip
        assert told != english
        assert "{" not in told


def test_in_english_the_words_are_the_daemon_s_own(app: Flask) -> None:
    """Else the command line and the pages would say two things."""
    with reading(app, "en"):
        assert dict(telling._words()) == dict(ENGLISH)


def test_names_of_kinds_are_ours_and_those_of_services_are_their_own(app: Flask) -> None:
    entries = [
        {"target": "category:adult", "name": "Adult sites", "owner": "product", "verdict": "block"},
        {"target": "service:tiktok", "name": "TikTok", "owner": "family", "verdict": "block"},
        {"target": "ways:vpn", "name": "VPN", "owner": "product", "verdict": "block"},
        {"target": "protocol", "name": "Internet protocols that no app needs", "owner": "product"},
        {"target": "category:invented", "name": "Something new", "owner": "product"},
    ]
    with reading(app, "ru"):
        refused = rules(refused=entries).profile.refused
        assert [rule_name(rule) for rule in refused] == [
            "Сайты для взрослых", "TikTok", "VPN", "Протоколы, которые не нужны ни одному приложению",
            "Something new",
        ]  # fmt: skip
        # Longer than what is left of a name that somebody else chose.
        assert words.plain(rule_name(refused[3])) == rule_name(refused[3])
        assert things.thing("window:group:video", "Video") == "Видео"
        assert things.about("music", "Music, radio, podcasts and audio books.").startswith("Музыка")


@pytest.mark.parametrize(
    ("answer", "topic", "until", "russian", "english"),
    [
        (
            GuardianAnswer.NO, RequestTopic.SITE, None,
            "Aruzhan: просьба отклонена.", "The request of Aruzhan is declined.",
        ),
        (
            GuardianAnswer.ONCE, RequestTopic.TIME, BEDTIME,
            "Aruzhan: ещё 30 минут, до 20:45.", "Aruzhan has 30 more minutes, until 20:45.",
        ),
        (
            GuardianAnswer.ONCE, RequestTopic.TIME, None,
            "Aruzhan: ещё 30 минут сегодня.", "Aruzhan has 30 more minutes today.",
        ),
        (
            GuardianAnswer.ONCE, RequestTopic.LEDGER, None,
            "Aruzhan: ещё 30 минут сегодня.", "Aruzhan has 30 more minutes today.",
        ),
        (
            GuardianAnswer.ONCE, RequestTopic.SITE, BEDTIME,
            "Instagram: разрешено до 20:45 (Aruzhan).", "Instagram is allowed for Aruzhan until 20:45.",
        ),
        (
            GuardianAnswer.ALWAYS, RequestTopic.SITE, None,
            "Instagram: теперь разрешено всегда (Aruzhan).", "Instagram is allowed for Aruzhan from now on.",
        ),
    ],
)  # fmt: skip
def test_what_an_answer_did(
    app: Flask,
    answer: GuardianAnswer,
    topic: RequestTopic,
    until: datetime | None,
    russian: str,
    english: str,
) -> None:
    request = RequestView(
        id=7, profile="daughter", name="Aruzhan", device=None, topic=topic, thing="instagram.com",
        thing_name="Instagram", since=None, minutes=30, reason="", at=NOW, expires=None,
        state=RequestState.PENDING, reminded=False, answer=None, given=None, because="", by=None,
        answered=None, grant=None, told="all",
    )  # fmt: skip
    given = None
    if topic is not RequestTopic.SITE:
        given = PersonGrant("daughter", 30, until, ("internet",), None, None, False, english)
    result = AnswerResult(
        request=request, grant=None, until=until, given=given, sentence=english, thing_name="Instagram"
    )
    for language, told in (("ru", russian), ("en", english)):
        with reading(app, language):
            assert answered(request.name, answer, result, NOW) == told


def test_what_was_given(app: Flask) -> None:
    given = PersonGrant("son", 21, BEDTIME, ("bedtime",), None, None, True, "…")
    with reading(app, "ru"):
        assert to_parent(given, "Тимур", NOW) == ("Тимур: ещё 21 минута, до 20:45. Пауза продолжается.")
        assert to_child(given, NOW) == "У тебя ещё 21 минута, до 20:45."
        roblox = PersonGrant("son", 3, None, ("service:roblox",), "service:roblox", "Roblox", False, "…")
        assert to_parent(roblox, "Тимур", NOW) == "Тимур: ещё 3 минуты сегодня (Roblox)."
        assert to_child(roblox, NOW) == "У тебя сегодня ещё 3 минуты (Roblox)."
    with reading(app, "kk"):
        assert to_child(roblox, NOW) == "Сенде бүгін тағы 3 минут бар (Roblox)."
        assert to_child(given, NOW) == "Сенде тағы 21 минут бар, аяқталуы: 20:45."


def test_help_lines_are_named_in_the_reader_s_language(app: Flask) -> None:
    names = {"en": "Emergency", "kk": "Шұғыл қызметтер"}
    line = HelpLineEntry(
        name="Emergency",
        names=names,
        phone="112",
        text="",
        web="",
        kind="emergency",
        confirmed=False,
        channels=(),
    )
    for language, name in (("kk", "Шұғыл қызметтер"), ("ru", "Emergency"), ("en", "Emergency")):
        with reading(app, language):
            assert in_readers_language(line).name == name


def test_the_home_page_tells_states_by_what_they_are(mum: Browser, household: Household) -> None:
    household.paused["daughter"] = NOW + timedelta(minutes=30)
    page = mum.get("/parent/", Accept_Language="ru").text
    assert "Интернет приостановлен до 20:10. Решение: Mum." in page
    assert "Время сна: интернет заблокирован до 07:40. Это правила группы 6-9." in page


def test_a_home_without_the_new_keys_is_told_all_the_same(app: Flask) -> None:
    old = {"id": "a", "state": "paused", "sentence": "Paused."}
    with reading(app, "ru"):
        assert home(old).children[0].now.sentence == "Paused."
