"""The country over the API: marks, laws and for whom they are on, help that nobody has confirmed."""

from __future__ import annotations

from tests.webui.api.clients import Program
from tests.webui.standin.household import Household

AU = "au-under-16-social"


def test_a_law_is_read_turned_on_and_off(hall: Program, household: Household) -> None:
    household.editing.settings["country"] = "au"
    told = hall.ask("GET", "/home/country").get_json()
    assert [one["name"] for one in told["ratings"]] == ["Australian Classification"]
    [law] = told["laws"]
    assert (law["id"], law["status"], law["since"]) == (AU, "in force", "2025-12-10")
    assert not any(child["on"] for child in law["children"])
    assert hall.ask("PATCH", "/children/daughter/rules", {"set": {f"laws/{AU}": True}}).status_code == 200
    [law] = hall.ask("GET", "/home/country").get_json()["laws"]
    assert [child["id"] for child in law["children"] if child["on"]] == ["daughter"]
    assert hall.ask("PATCH", "/children/daughter/rules", {"set": {f"laws/{AU}": None}}).status_code == 200
    [law] = hall.ask("GET", "/home/country").get_json()["laws"]
    assert not any(child["on"] for child in law["children"])


def test_help_lines_say_whether_somebody_confirmed_them(hall: Program) -> None:
    lines = hall.ask("GET", "/home/help-lines").get_json()["lines"]
    assert lines
    assert {one["confirmed"] for one in lines} == {False}


def test_who_hears_complaints_is_told_with_them(hall: Program) -> None:
    rights = hall.ask("GET", "/home/help-lines").get_json()["rights"]
    assert rights
    assert all(one["name"] and (one["phone"] or one["web"]) for one in rights)
