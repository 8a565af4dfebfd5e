"""Lists over the control socket: the family's own in their file, what a host is on, and wrong entries."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import ControlError, GatewayError, PolicyError
from gateway.core.reason_codes import Code
from gateway.features.lists.updates import PROBLEMS, UpdateRunner
from gateway.household.rule_book import RuleBook
from gateway.lists.own_lists import MAX_OWN, MAX_WRONG
from gateway.lists.table import TABLE_NAME
from gateway.policy.accounts.people import Account
from gateway.policy.names.domain_table import pack_table
from gateway.policy.values import Observation, Proto, Reason
from tests.features.conftest import Make
from tests.features.desk import NOON, PHONE, TABLET, Desk, Running
from tests.sentences import sentence

MINE = {"name": "School's list", "url": "https://lists.example.org/games.txt", "category": "games"}
CASINO = "1xbet.com"  # of our own list of gambling sites


def web(desk: Desk, do: str, **values: object) -> dict[str, Any]:
    assert do in WEB_VERBS
    desk.store.people.put(Account("Mum", secret="stamp"))
    return desk.ask(do, Role.WEB, **{"by": "Mum", "origin": "192.168.77.7", **values})


def runner(desk: Desk) -> UpdateRunner:
    return cast("UpdateRunner", desk.list_updates.runner)


def source(desk: Desk, key: str) -> dict[str, Any]:
    return next(one for one in desk.ask("lists")["sources"] if one["id"] == key)


def audit(desk: Desk) -> tuple[str, str, str, str]:
    one = desk.store.audit.lines()[0]
    return one.who, one.what, one.detail, one.origin


def test_each_changes_for_a_guardian_alone(make: Make) -> None:
    desk = make(NOON)
    for verb in ("list_add", "list_remove", "list_update", "list_report", "list_unreport"):
        with pytest.raises(ControlError) as refused:
            desk.ask(verb, Role.WEB, by="Nobody", host=CASINO, id="ut1-games", **MINE)
        assert refused.value.code == Code.NO_GUARDIAN


def test_what_there_is(make: Make) -> None:
    desk = make(NOON)
    answer = desk.ask("lists", Role.WEB)
    assert answer["table"]["names"] > 500, "our own seed"
    one = source(desk, "ut1-games")
    assert (one["category_name"], one["licence"], one["on"], one["own"]) == (
        "Games",
        "CC-BY-SA-4.0",
        True,
        False,
    )
    assert not source(desk, "blp-phishing")["on"]
    assert {"id": "games", "name": "Games"} in answer["categories"]
    assert "malware" not in [one["id"] for one in answer["categories"]], "it binds everyone"
    assert answer["update"] == {"running": False, "ended": None, "problems": []}
    assert len(json.dumps(answer, default=str)) < 100_000


def test_how_fresh_each_is(make: Make) -> None:
    desk = make(NOON)
    shelf = Path(desk.rules.household.config.state) / "lists"
    shelf.mkdir(parents=True)
    old = desk.clock.at - timedelta(days=8)
    book = {
        "ut1-games": {"fetched": desk.clock.at.isoformat()},
        "ut1-dating": {"fetched": old.isoformat(), "error": "the server responded with 500"},
    }
    (shelf / "sources.json").write_text(json.dumps(book))
    for key in book:
        (shelf / f"{key}.list").write_text("play.example\n")
    assert not source(desk, "ut1-games")["stale"]
    assert (source(desk, "ut1-games")["fetched"], source(desk, "ut1-games")["bytes"]) == (desk.clock.at, 13)
    stale = source(desk, "ut1-dating")
    assert (stale["stale"], stale["error"]) == (True, "the server responded with 500")


def test_one_of_our_own_and_its_end(make: Make) -> None:
    desk = make(NOON)
    key = web(desk, "list_add", **MINE)["id"]
    assert audit(desk) == ("Mum", "list_add", f"{key} games {MINE['url']}", "192.168.77.7")
    file = desk.folder / "lists.yaml"
    assert yaml.safe_load(file.read_text())["lists"] == {key: MINE}
    one = source(desk, key)
    assert (one["own"], one["on"], one["url"], one["default"]) == (True, True, MINE["url"], False)
    assert desk.heard("lists")[-1]["what"] == "changed"
    copy = Path(desk.rules.household.config.state) / "lists" / f"{key}.list"
    copy.parent.mkdir(parents=True)
    copy.write_text("play.example\n")
    web(desk, "list_remove", id=key)
    assert not copy.exists()
    assert key not in file.read_text()
    assert audit(desk)[1] == "list_remove"


def reason(desk: Desk, mac: str, host: str) -> Reason:
    member = desk.family.member_of(mac)
    assert member is not None
    return desk.family.subjects[member.slot].decide(Observation(Proto.DNS, host), desk.clock.at).reason


def test_one_for_one_child_is_a_category_of_its_own(make: Make) -> None:
    desk = make(NOON, son={"band": "6-9", "mode": "block-list", "unknown": "ask"})
    key = web(desk, "list_add", **{**MINE, "category": "own"}, people=["daughter"])["id"]
    file = desk.folder / "lists.yaml"
    assert yaml.safe_load(file.read_text())["lists"][key] == {**MINE, "category": key}
    listed = source(desk, key)
    assert (listed["category"], listed["category_name"], listed["people"]) == (
        key,
        MINE["name"],
        ["daughter"],
    )
    assert key not in [one["id"] for one in desk.ask("lists")["categories"]], "no other list feeds it"
    assert desk.ask("rules", id="daughter")["rules"]["categories"][key] == "block"
    state = Path(desk.rules.household.config.state)
    state.mkdir(exist_ok=True)
    (state / TABLE_NAME).write_bytes(pack_table({"play.example": [key]}, salt=bytes(16), built="now"))
    desk.ask("reload")
    assert reason(desk, TABLET, "www.play.example") is Reason.CATEGORY
    told = desk.ask("why", host="play.example", profile="daughter")
    assert MINE["name"] in told["sentence"]
    # For the son it is as if no list had the name.
    assert reason(desk, PHONE, "play.example") is reason(desk, PHONE, "unlisted.example")
    assert reason(desk, PHONE, "play.example") is not Reason.OPEN
    assert {one["id"] for one in desk.ask("catalogue")["categories"]} >= {key}
    desk.ask("edit", id="daughter", set={f"limits/category:{key}": "1h"}, by="Mum")
    desk.restart()
    assert reason(desk, TABLET, "www.play.example") is Reason.CATEGORY
    web(desk, "list_remove", id=key)
    said = desk.ask("rules", id="daughter")["rules"]
    assert (key in said["categories"], f"category:{key}" in said["limits"]) == (False, False)
    assert reason(desk, TABLET, "www.play.example") is Reason.OPEN, "although the table still has its names"
    assert key not in {one["id"] for one in desk.ask("catalogue")["categories"]}


def test_an_own_category_is_added_for_all_its_children_or_for_none(make: Make) -> None:
    desk = make(NOON, son={"band": "6-9"})
    profiles = desk.folder / "profiles"
    (profiles / "son.yaml").write_text("name: [")
    with pytest.raises(PolicyError, match=r"son\.yaml"):
        web(desk, "list_add", **{**MINE, "category": "own"}, people=["daughter", "son"])
    assert not [one for one in desk.ask("lists")["sources"] if one["own"]]
    assert "own-" not in (profiles / "daughter.yaml").read_text()


def test_a_rule_for_a_list_that_is_gone_has_no_effect(make: Make) -> None:
    desk = make(NOON, daughter={"categories": {"own-0badf00d": "block"}})
    assert not desk.rules.problems()
    assert reason(desk, TABLET, "play.example") is Reason.OPEN


def test_lists_that_cannot_be_read_leave_the_rules_in_force(make: Make) -> None:
    desk = make(NOON)
    web(desk, "list_add", **{**MINE, "category": "own"}, people=["daughter"])
    (desk.folder / "lists.yaml").write_text("lists: [")
    desk.ask("reload")
    assert not desk.rules.problems()
    desk.restart()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"category": "own"}, Code.INVALID),
        ({"category": "own", "people": ["nobody"]}, Code.NO_PROFILE),
        ({"category": "own-1c9a2f4e"}, Code.INVALID),
        ({"url": "file:///etc/passwd"}, Code.NOT_OUTSIDE),
        ({"url": "http://127.0.0.1/x"}, Code.NOT_OUTSIDE),
        ({"url": "http://[::ffff:192.168.1.1]/x"}, Code.NOT_OUTSIDE),
        ({"url": "https://mum:secret@lists.example.org/"}, Code.NOT_OUTSIDE),
        ({"category": "malware"}, Code.INVALID),
        ({"category": "nothing"}, Code.INVALID),
        ({"name": "x" * 61}, Code.INVALID),
        ({"name": ""}, Code.INVALID),
        ({"id": "nobody"}, Code.NO_LIST),
    ],
)
def test_what_is_no_list(make: Make, values: dict[str, object], code: Code) -> None:
    desk = make(NOON)
    with pytest.raises(GatewayError) as refused:
        web(desk, "list_add", **{**MINE, **values})
    assert refused.value.code == code
    assert not (desk.folder / "lists.yaml").exists()


def test_there_are_sixteen_at_most_and_none_twice(make: Make) -> None:
    desk = make(NOON)
    web(desk, "list_add", **MINE)
    with pytest.raises(GatewayError, match=sentence(Code.LIST_NOT_ADDED)) as refused:
        web(desk, "list_add", **MINE)
    assert refused.value.code == Code.LIST_NOT_ADDED
    for number in range(1, MAX_OWN):
        web(desk, "list_add", **{**MINE, "url": f"https://lists.example.org/{number}"})
    with pytest.raises(GatewayError, match=sentence(Code.LIST_NOT_ADDED)):
        web(desk, "list_add", **{**MINE, "url": "https://lists.example.org/more"})


def test_a_published_list_is_switched_on_and_off(make: Make) -> None:
    desk = make(NOON)
    web(desk, "list_add", id="blp-phishing")
    web(desk, "list_remove", id="ut1-games")
    assert source(desk, "blp-phishing")["on"]
    assert not source(desk, "ut1-games")["on"]
    web(desk, "list_remove", id="blp-phishing")
    web(desk, "list_add", id="ut1-games")
    assert not source(desk, "blp-phishing")["on"]
    assert source(desk, "ut1-games")["on"]


def test_a_file_that_cannot_be_used_says_where(make: Make) -> None:
    desk = make(NOON)
    (desk.folder / "lists.yaml").write_text(
        "lists:\n  x: {name: a, url: 'https://a.example', category: games}\n"
    )
    with pytest.raises(PolicyError, match=r"lists\.yaml:2: lists\.x"):
        desk.ask("lists")


def test_an_update_runs_beside_the_daemon(make: Make) -> None:
    desk = make(NOON)
    lists, errand = runner(desk), Running()
    lists._process = cast("Any", errand)
    assert web(desk, "list_update")["running"]
    path = str(desk.folder / "qalqan.yaml")
    assert errand.arguments == [["gateway", "lists", "update", "--steps", "--config", path]]
    lists._stepped({"source": "ut1-games", "done": 65536, "total": None, "percent": 40, "other": "x"})
    assert desk.ask("lists")["update"]["source"] == "ut1-games"
    assert desk.ask("lists")["update"]["percent"] == desk.ask("status")["lists"]["percent"] == 40
    step = {"source": "ut1-games", "done": 65536, "percent": 40}
    assert desk.heard("lists")[-1] == {"event": "lists", "what": "step", **step}
    web(desk, "list_update", force=True)
    assert len(errand.arguments) == 1, "there is one at a time"
    errand.running = False
    lists._finished(1, "qalqan: ut1-games: the server responded with 404\n\n" + "qalqan: x\n" * 40)
    told = desk.ask("lists")["update"]
    assert len(told["problems"]) == PROBLEMS
    assert told["ended"] == desk.clock.at
    lists._finished(0, "ut1-games: 12 kB")
    assert desk.ask("lists")["update"]["problems"] == []
    lists._finished(0, "ut1-games: 12 kB\nqalqan: ut1-dating: the server responded with 404\n")
    assert desk.ask("lists")["update"]["problems"] == ["ut1-dating: the server responded with 404"]
    assert desk.heard("lists")[-1]["problems"] == ["ut1-dating: the server responded with 404"]


def damaged(desk: Desk) -> Running:
    """A desk whose table is cut while it is in use; the errand that its rebuild would be."""
    table = Path(desk.rules.household.config.state) / TABLE_NAME
    table.write_bytes(
        pack_table({"dice.example": {"gambling"}}, salt=bytes(16), built="2026-11-24T06:00:00Z")
    )
    desk.reload()
    errand = Running()
    runner(desk)._process = cast("Any", errand)
    os.truncate(table, 64)
    assert desk.rules.world.table.categories("dice.example") == frozenset()
    return errand


def test_a_damaged_table_is_built_again_from_the_stored_copies(make: Make) -> None:
    desk = make(NOON)
    errand = damaged(desk)
    assert errand.arguments == [], "a look-up starts no process"
    desk.go(timedelta(seconds=1))
    config = str(desk.folder / "qalqan.yaml")
    assert errand.arguments == [["gateway", "lists", "build", "--nice", "--config", config]]
    assert desk.heard("lists")[-1]["what"] == "begun"
    # It fails: the problem stays, and is not tried again every second.
    errand.running = False
    runner(desk)._finished(1, "qalqan: the disk is full\n")
    desk.reload()
    desk.go(timedelta(minutes=30))
    assert len(errand.arguments) == 1
    assert desk.ask("lists")["update"]["problems"] == ["the disk is full"]
    desk.go(timedelta(minutes=31))
    desk.reload()
    desk.go(timedelta(seconds=1))
    assert len(errand.arguments) == 2


def test_a_rebuild_waits_for_an_update_that_runs(make: Make) -> None:
    desk = make(NOON)
    errand = damaged(desk)
    web(desk, "list_update")
    desk.go(timedelta(seconds=1))
    assert [one[2] for one in errand.arguments] == ["update"], "it builds as well"
    errand.running = False
    runner(desk)._finished(1, "qalqan: no internet\n")
    assert [one[2] for one in errand.arguments] == ["update", "build"]


def test_a_start_with_a_damaged_table_builds_it_again(make: Make) -> None:
    desk = make(NOON)
    table = Path(desk.rules.household.config.state) / TABLE_NAME
    table.mkdir()
    desk.stop()
    desk.rules = RuleBook(desk.rules.path)
    desk.start()
    errand = Running()
    runner(desk)._process = cast("Any", errand)
    desk.go(timedelta(seconds=1))
    assert [one[1:3] for one in errand.arguments] == [["lists", "build"]]


def test_what_a_host_is_on(make: Make) -> None:
    desk = make(NOON)
    shelf = Path(desk.rules.household.config.state) / "lists"
    shelf.mkdir(parents=True)
    (shelf / "ut1-gambling.list").write_text("casino.example\n")
    answer = desk.ask("list_lookup", Role.WEB, host=f"WWW.{CASINO}")
    assert answer["host"] == f"www.{CASINO}"
    assert answer["matches"] == [{"name": CASINO, "categories": ["gambling"]}]
    assert answer["categories"] == [{"id": "gambling", "name": "Gambling"}]
    assert [one["id"] for one in answer["sources"]] == ["ut1-gambling"], "a list that is here"
    assert desk.ask("list_lookup", host="www.youtube.com")["services"][0]["id"] == "youtube"
    assert desk.ask("list_lookup", host="nothing.example")["matches"] == []
    with pytest.raises(GatewayError):
        desk.ask("list_lookup", host="no host at all")


def test_a_wrong_entry_is_written_down_and_opened(make: Make) -> None:
    desk = make(NOON)
    with pytest.raises(GatewayError) as refused:
        web(desk, "list_report", host=f"www.{CASINO}", open=["daughter"])
    assert refused.value.code == Code.CONFIRM_NEEDED
    assert CASINO not in (desk.folder / "profiles" / "daughter.yaml").read_text()
    answer = web(desk, "list_report", host=f"www.{CASINO}", open=["daughter"], confirmed=True)
    assert answer["opened"] == ["daughter"]
    assert CASINO in (desk.folder / "profiles" / "daughter.yaml").read_text()
    assert CASINO not in (desk.folder / "profiles" / "son.yaml").read_text()
    wrong = desk.ask("lists")["wrong"]
    assert wrong == [{"host": CASINO, "category": "gambling", "by": "Mum", "at": "2026-11-24"}]
    assert audit(desk) == ("Mum", "list_report", f"{CASINO} gambling daughter", "192.168.77.7")
    why = desk.ask("why", host=CASINO, profile="daughter")
    assert why["verdict"] == "allow"
    web(desk, "list_unreport", host=CASINO)
    assert desk.ask("lists")["wrong"] == []


@pytest.mark.parametrize("broken", ["profiles/son.yaml", "lists.yaml"])
def test_a_wrong_entry_is_opened_for_all_its_children_or_for_none(make: Make, broken: str) -> None:
    desk = make(NOON)
    (desk.folder / broken).write_text("name: [")
    daughter = desk.folder / "profiles" / "daughter.yaml"
    before = yaml.safe_load(daughter.read_text())
    with pytest.raises(GatewayError, match=broken.rpartition("/")[2]):
        web(desk, "list_report", host=CASINO, open=["daughter", "son"], confirmed=True)
    assert yaml.safe_load(daughter.read_text()) == before
    assert desk.ask("why", host=CASINO, profile="daughter")["verdict"] != "allow"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"host": "nothing.example"}, Code.NOT_LISTED),
        ({"host": CASINO, "open": ["mum"]}, Code.NO_PROFILE),
        ({"host": CASINO, "open": "daughter"}, Code.INVALID),
        ({"host": CASINO, "open": [1]}, Code.INVALID),
    ],
)
def test_what_is_no_report(make: Make, values: dict[str, object], code: Code) -> None:
    desk = make(NOON)
    with pytest.raises(ControlError) as refused:
        web(desk, "list_report", **values)
    assert refused.value.code == code
    assert desk.ask("lists")["wrong"] == []


def test_reports_are_bounded(make: Make) -> None:
    desk = make(NOON)
    from gateway.lists.own_lists import OwnLists, WrongEntry

    own = OwnLists()
    for number in range(MAX_WRONG + 5):
        own = own.with_wrong(WrongEntry(f"{number}.example", "games", "Mum", desk.clock.at.date()))
    assert own.wrong[0].host == "5.example"
    assert len(own.wrong) == MAX_WRONG
