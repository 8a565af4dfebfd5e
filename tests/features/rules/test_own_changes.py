"""`own_changes`: a child reads who changed its rules and why, and nothing that is another's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.core.reason_codes import Code
from tests.features.conftest import Make
from tests.features.desk import STRANGER, TABLET, Desk
from tests.features.rules.edited import audit, file, refused

NOON = "2026-11-24T12:00"
EXAMS = "Because of the exams"


def own(desk: Desk, device: str = TABLET) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.ask("own_changes", device=device)["changes"]
    return found


def edit(desk: Desk, who: str = "daughter", /, **values: Any) -> None:
    desk.ask("edit", id=who, by="Mum", **values)


def test_a_change_is_told_with_who_what_was_before_and_why(make: Make) -> None:
    desk = make(NOON)
    edit(desk, set={"bedtime/school": "20:15-07:00"}, because=EXAMS)
    (one,) = own(desk)
    assert (one["by"], one["what"], one["because"], one["undo"]) == ("Mum", "rules", EXAMS, None)
    assert [(entry["key"], entry["after"]["school"]) for entry in one["edits"]] == [
        ("bedtime", "20:15-07:00")
    ]
    assert desk.ask("changes")["changes"][0]["because"] == EXAMS, "parents read the same"


def test_it_is_remembered_for_longer_than_a_day_and_over_a_restart(make: Make) -> None:
    desk = make(NOON)
    edit(desk, set={"limits/play": "1h"}, because=EXAMS)
    desk.go(timedelta(days=3))
    desk.rules.history(file(desk).parent).__init__(file(desk).parent)  # type: ignore[misc]  # as at a start
    assert [one["because"] for one in own(desk)] == [EXAMS]
    assert desk.ask("changes")["changes"] == []


@pytest.mark.parametrize(("band", "level"), [("6-9", "0"), ("10-12", "1"), ("13-15", "1"), ("16-17", "0")])
def test_neither_age_nor_log_level_hides_one(make: Make, band: str, level: str) -> None:
    desk = make(NOON)
    edit(desk, set={"band": band, "log_level": level, "limits/play": "1h"}, because=EXAMS)
    assert [one["because"] for one in own(desk)] == [EXAMS]


def test_a_siblings_changes_and_reasons_stay_the_siblings(make: Make) -> None:
    desk = make(NOON)
    edit(desk, "son", set={"limits/play": "1h"}, because="He was rude to Grandma")
    assert own(desk) == []
    desk.ask("edit", id="son", set={f"devices/{TABLET}": True}, by="Mum", because="It is his now")
    told = own(desk, "02:00:00:00:00:1a")
    assert "Grandma" not in str(told)
    assert [one["because"] for one in told] == [""], "that its tablet went is its own to know, why is his"


def test_a_reason_is_one_line_of_two_hundred_characters_and_stays_out_of_the_audit(make: Make) -> None:
    desk = make(NOON)
    rule = {"limits/play": "1h"}
    code, _ = refused(desk, "edit", id="daughter", set=rule, by="Mum", because="x" * 201)
    assert code == Code.REASON_TOO_LONG
    for hostile in ("two\nlines", "turned \u202e round", "x" * 301, 7):
        refused(desk, "edit", id="daughter", set=rule, by="Mum", because=hostile)
    assert own(desk) == []
    edit(desk, set=rule, because=EXAMS)
    assert EXAMS not in str(audit(desk))


def test_an_answer_for_always_carries_its_reason_to_the_change(make: Make) -> None:
    desk = make(NOON, daughter={"categories": {"social_networks": "ask"}})
    asked = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    desk.ask("answer", id=asked, answer="always", because="Good for the head", by="Mum")
    assert [one["because"] for one in own(desk)] == ["Good for the head"]


def test_nobody_else_reads_it(make: Make) -> None:
    desk = make(NOON)
    assert "own_changes" in WEB_VERBS
    assert refused(desk, "own_changes", device=STRANGER)[0] == Code.NO_DEVICE_OF_A_CHILD
    assert refused(desk, "own_changes", device="daughter")[0] == Code.NO_DEVICE_OF_A_CHILD


def test_whoever_gets_the_name_of_a_child_that_is_gone_reads_nothing_of_that_one(make: Make) -> None:
    desk = make(NOON)
    edit(desk, set={"limits/play": "1h"}, because=EXAMS)
    desk.ask("remove_profile", id="daughter", by="Mum")
    name = {"name": "Daughter", "band": "6-9", "devices": [TABLET]}
    assert desk.ask("add_profile", **name, by="Dad", because="Our new one")["id"] == "daughter"
    assert [(one["what"], one["by"], one["because"]) for one in own(desk)] == [
        ("added", "Dad", "Our new one")
    ]


def test_guardians_read_the_same_by_the_childs_id(make: Make) -> None:
    desk = make(NOON)
    edit(desk, set={"limits/play": "1h"}, because=EXAMS)
    assert desk.ask("own_changes", id="daughter")["changes"] == own(desk)
    assert desk.ask("own_changes", id="son")["changes"] == []
