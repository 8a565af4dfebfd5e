"""What the pages tell, the API tells too: changes of one's own rules, versions of lists, the trusted name."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from tests.control.running import Running
from tests.webui.api.clients import Program
from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.household import NOW, Household
from webui.front import KEY, Trusted

API = "/api/v1"


def test_a_childs_device_reads_who_changed_its_rules_and_why(
    hall: Program, tablet: Browser, household: Household
) -> None:
    edit = {"set": {"limits/play": "45m"}, "because": "Until the exams are over."}
    assert hall.ask("PATCH", "/children/daughter/rules", edit).status_code == 200
    [told] = tablet.get(f"{API}/my/changes").get_json()["changes"]
    assert (told["who"], told["because"]) == ("daughter", "Until the exams are over.")
    assert told["by"].startswith("Mum")
    assert [one["key"] for one in told["edits"]] == ["limits/play"]
    assert {told[key] for key in ("grant", "revision", "found", "token")} == {None}, (
        "a child takes nothing back"
    )


def test_a_child_s_limits_are_told_by_day_and_by_week(hall: Program, household: Household) -> None:
    play, roblox = household.minutes["daughter"]["used"]
    play["week"] = {"minutes": 570, "limit": 600, "bonus": 30, "owner": "family"}
    roblox.update(limit=None, week={"minutes": 60, "limit": 180, "bonus": 0, "owner": "band:10-12"})
    household.minutes["daughter"]["left"] = {
        "minutes": 60, "gate": "internet", "name": "The internet", "at": None, "week": True, "period": "week"
    }  # fmt: skip
    told = hall.get("/children/daughter").get_json()
    assert [(used["limit"], used["week"]) for used in told["used"]] == [
        (90, {"minutes": 570, "limit": 600, "bonus": 30, "owner": "family"}),
        (None, {"minutes": 60, "limit": 180, "bonus": 0, "owner": "band:10-12"}),
    ]
    assert (told["left"]["minutes"], told["left"]["at"], told["left"]["week"]) == (60, None, True)
    assert [used["week"] for used in hall.get("/children/son").get_json()["used"]] == [None]


def test_a_device_of_nobodys_reads_none(app: Flask, daemon: Running) -> None:
    guest = app.test_client().get(
        f"{API}/my/changes", base_url=GATEWAY, environ_overrides={"REMOTE_ADDR": "192.168.1.30"}
    )
    assert (guest.status_code, guest.get_json()["code"]) == (403, "no_device_of_a_child")


def test_the_home_says_that_the_provider_turned_the_rules_off(hall: Program, household: Household) -> None:
    household.extra.update(mode="off", off_until=NOW + timedelta(hours=1), stopped_by_provider=True)
    state = hall.get("/home").get_json()
    assert (state["mode"], state["stopped_by_provider"]) == ("off", True)
    assert state["off_until"] == (NOW + timedelta(hours=1)).isoformat()


def test_the_home_has_the_fields_that_its_document_names(hall: Program) -> None:
    document = hall.get("/openapi.json").get_json()
    schema = document["paths"]["/home"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    assert hall.get("/home").get_json().keys() == named.keys()


def test_a_look_up_says_which_version_of_which_list(hall: Program) -> None:
    [source, *_] = hall.get("/lists/lookup?host=www.bet.example").get_json()["sources"]
    assert source.keys() == {"id", "name", "url", "category", "version"}
    assert (source["category"], source["version"]) == ("gambling", "2026-11-24")


def test_the_trusted_name_is_told_with_the_homes_settings(app: Flask, hall: Program) -> None:
    none = {"name": "", "good": False, "until": None, "problem": ""}
    assert hall.get("/family").get_json()["trusted"] == none
    until = NOW + timedelta(days=60)
    app.extensions[KEY].now = Trusted("gw.qalqan.test", good=True, until=until)
    told = hall.get("/family").get_json()["trusted"]
    assert (told["name"], told["good"], told["until"]) == ("gw.qalqan.test", True, until.isoformat())


def test_a_service_of_the_family_s_own_is_added_and_used_in_rules(hall: Program) -> None:
    own = {"name": "Club Penguin", "domains": ["cpjourney.net"], "addresses": ["45.60.1.0/24"]}
    assert hall.ask("PATCH", "/family", {"set": {"services/club-penguin": own}}).status_code == 200
    assert hall.get("/family").get_json()["services"] == {"club-penguin": own}
    services = hall.get("/catalogue").get_json()["services"]
    [shown] = [service for service in services if service["group"] == "own"]
    assert (shown["id"], shown["name"]) == ("club-penguin", "Club Penguin")
    rules = {"limits/service:club-penguin": "1h", "block/service:club-penguin": True}
    assert hall.ask("PATCH", "/children/daughter/rules", {"set": rules}).status_code == 200
    removed = hall.ask("PATCH", "/family", {"set": {"services/club-penguin": None}})
    assert removed.get_json()["code"] == "service_used"
