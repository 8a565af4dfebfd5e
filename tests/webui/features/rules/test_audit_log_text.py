"""What stands in the audit log has words of its own, whatever the daemon writes there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

import gateway
from gateway.policy.identity.questions import Ask
from gateway.store.tables.history import SAMPLE
from gateway.store.tables.pauses import COUNTERS, REMOTE, SUPPORT
from webui.features.rules import audit_log_text

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WRITTEN = re.compile(r'(?:(?:\b_?audit(?:\.record)?|audit_line|_note)\([^"\n]*|_record\()\s*"([a-z_ -]+)"')
ASKED = {f"device {one}" for one in Ask if one is not Ask.NEW} | {f"{one} over" for one in Ask}
APPROVED = {what for name in (SUPPORT, REMOTE, COUNTERS) for what in (name, f"{name} end")}


@dataclass
class Line:
    what: str
    about: str = "Daughter"
    detail: str = "bedtime changed"
    until: datetime | None = None


def written() -> set[str]:
    source = Path(gateway.__file__).parent
    return (
        {what for path in source.rglob("*.py") for what in WRITTEN.findall(path.read_text("utf-8"))}
        - {"origin"}
        | ASKED
        | APPROVED
        | {SAMPLE}
    )


@pytest.mark.parametrize("what", sorted(written()))
def test_each_kind_of_line_has_a_phrase(app: Flask, what: str) -> None:
    with app.test_request_context():
        shown = audit_log_text.describe(Line(what), NOW)
    assert shown != f"{what} Daughter bedtime changed"


def test_the_kinds_are_found_in_the_code() -> None:
    assert {"edit", "unedit", "pin set", "guardian claim", "list_add", "backup", "assign"} <= written()


def test_who_is_gone_is_called_as_it_was(app: Flask) -> None:
    with app.test_request_context():
        shown = audit_log_text.describe(Line("remove_profile", about="", detail="timur"), NOW)
        edited = audit_log_text.describe(Line("edit", about="", detail="timur: block"), NOW)
    assert shown == "removed timur from the family"
    assert edited == "changed the rules of timur"


RUSSIAN = [
    ("tickets", "5 of 30 min", "5 кодов на 30 мин"),
    ("teach_end", "8 names kept, as 5 entries", "сохранено адресов: 8"),
    ("device mark", "no_mobile_data: yes", "Мобильного интернета на нём нет"),
    ("guardian role", "Oma helper", "Oma: Помощник"),
    ("guardian role", "Oma helper 30", "Oma: Помощник, 30 мин"),
    ("guardian propose", "Oma Maria none", "Oma Maria: без доступа"),
    ("guardian token", "Kitchen display guardian", "Kitchen display: Родитель"),
    ("alerts", "request, week", "Просьба ждёт ответа, Последние семь дней"),
    ("alerts", "push", "сообщения в браузере"),
    ("alerts", "off", "нет"),
    ("auto_backup", "daily /mnt/usb", "каждый день, usb"),
    ("auto_backup", "off", "выключено"),
    ("restore", "made 2026-10-02T18:00:00+05:00 on Qalqan home", "копия сделана 2 октября, Qalqan home"),
    ("restore", "made 2026-11-27T09:00:00+00:00", "копия сделана сегодня"),
    ("assign", "visitor", "взрослый гость"),
    ("name_device", "-", "нет"),
    ("trusted name", "off", "выключено"),
    ("home_automation", "192.168.1.5 helper", "192.168.1.5: Помощник"),
    ("home_automation", "off", "выключено"),
    ("register_on", "kz", "Казахстан"),
    ("self set", "bedtime set, limits/play off", "Время сна, Развлечения"),
]


@pytest.mark.parametrize(("what", "detail", "russian"), RUSSIAN)
def test_details_are_in_the_language_of_the_reader(app: Flask, what: str, detail: str, russian: str) -> None:
    with app.test_request_context(headers={"Accept-Language": "ru"}):
        app.preprocess_request()
        shown = audit_log_text.describe(Line(what, about="Tablet", detail=detail), NOW)
    assert russian in shown
    assert detail not in shown


def test_the_details_of_an_earlier_version_stay_as_they_were_stored(app: Flask) -> None:
    """A line may be a year old."""
    with app.test_request_context(headers={"Accept-Language": "ru"}):
        app.preprocess_request()
        for what in sorted({what for what, _detail, _russian in RUSSIAN}):
            shown = audit_log_text.describe(Line(what, about="Tablet", detail="as it was before"), NOW)
            assert "as it was before" in shown
