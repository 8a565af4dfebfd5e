"""The home's own file, previews, weeks and the catalogue."""

from __future__ import annotations

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import ANSWER_LIMIT, Role, encode
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.config.config import FAMILY_KEYS
from tests.features.conftest import Make
from tests.features.desk import NOON, STRANGER, TABLET
from tests.features.rules.edited import edit, file, owner, refused


def test_the_homes_own_file(make: Make) -> None:
    desk = make(NOON)
    told = desk.ask("family")
    assert set(FAMILY_KEYS) <= told.keys()
    assert (told["country"], told["timezone"], told["unknown_devices"]) == ("kz", "Asia/Almaty", "guest")
    changes = {"country": "de", f"shared/{STRANGER}": {"people": ["daughter", "son"]}, "language": "kk"}
    done = desk.ask("edit_family", set=changes, by="Mum", revision=told["revision"])
    told = desk.ask("family")
    assert (told["country"], told["language"]) == ("de", "kk")
    assert told["shared"] == {STRANGER: {"people": ["daughter", "son"]}}
    assert told["set"]["by"] == "Mum"
    assert owner(desk, STRANGER) == "daughter"
    desk.ask("unedit_family", revision=done["undo"], by="Mum")
    assert desk.ask("family")["shared"] == {}
    for key, value in (
        ("state", "/tmp"), ("country", "Kazakhstan"), ("unknown_devices", "nobody"), ("timezone", "Asia"),
        (f"shared/{TABLET}", {"people": ["daughter", "son"]}), (f"shared/{STRANGER}", {"people": ["x", "y"]}),
    ):  # fmt: skip
        code, values = refused(desk, "edit_family", set={key: value}, by="Mum")
        assert (code, values["key"]) == (Code.BAD_RULE, key)


def test_a_preview_writes_nothing_and_says_what_an_edit_would_do(make: Make) -> None:
    desk = make(NOON)
    before = file(desk).read_bytes()
    values = {"profile": "daughter", "host": "www.example.org"}
    assert desk.ask("why", **values)["verdict"] == "allow"
    for host, site in (("www.example.org", "example.org"), ("www.gov.kz", "www.gov.kz"), ("a.kz", "a.kz")):
        assert desk.ask("why", **{**values, "host": host})["site"] == site
    told = desk.ask("why", **values, set={"block/example.org": True})
    assert (told["verdict"], told["reason"], told["owner"]) == ("block", "family_block", "family")
    assert told["sentence"]
    late = desk.ask("why", **values, at="2026-11-24T21:00")
    assert late["reason"] == "bedtime"
    late = desk.ask("why", **values, at="2026-11-24T21:00", set={"bedtime/school": "21:30-07:00"})
    assert late["verdict"] == "allow"
    assert file(desk).read_bytes() == before
    assert desk.ask("why", **values)["verdict"] == "allow"
    assert refused(desk, "why", **values, set={"mode": "x"})[0] == Code.BAD_RULE
    with pytest.raises(GatewayError, match="give profile instead of device"):
        desk.ask("why", device=TABLET, host="www.example.org", set={"block/example.org": True})


def test_a_week_says_what_is_open_when(make: Make) -> None:
    desk = make(NOON)
    days = desk.ask("week", id="daughter")["days"]
    assert [one["weekday"] for one in days] == ["tue", "wed", "thu", "fri", "sat", "sun", "mon"]
    assert days[0]["spans"] == [
        {"from": "00:00", "to": "07:00", "state": "bedtime", "owner": "band:10-12"},
        {"from": "07:00", "to": "20:45", "state": "open"},
        {"from": "20:45", "to": "24:00", "state": "bedtime", "owner": "band:10-12"},
    ]
    roblox = days[0]["windows"][0]
    assert (roblox["target"], roblox["name"]) == ("service:roblox", "Roblox")
    assert [one["state"] for one in roblox["spans"]] == ["window", "open", "window"]
    changed = desk.ask(
        "week", id="daughter", set={"windows/internet": {"tue": ["15:00-18:00"]}, "bedtime": {}}
    )
    assert [one["state"] for one in changed["days"][0]["spans"]] == ["window", "open", "window"]


def test_the_catalogue_is_whole_and_fits_into_an_answer(make: Make) -> None:
    desk = make(NOON)
    told = desk.ask("catalogue")
    groups = {one["id"] for one in told["groups"]}
    assert all(one["group"] in groups for one in told["services"])
    assert {one["id"] for one in told["bands"]} == {"0-5", "6-9", "10-12", "13-15", "16-17", "adult"}
    assert all(one["about"] for one in told["categories"])
    assert "malware" not in {one["id"] for one in told["categories"]}
    assert len(encode(told)) < ANSWER_LIMIT / 4


def test_the_pages_may_ask(make: Make) -> None:
    desk = make(NOON)
    for verb in ("rules", "edit", "unedit", "catalogue", "why", "week", "family", "edit_family"):
        assert verb in WEB_VERBS
    assert desk.ask("rules", Role.WEB, id="daughter")["id"] == "daughter"


def test_the_rules_that_are_shown_say_who_set_them(make: Make) -> None:
    desk = make(NOON)
    assert desk.ask("profile", id="daughter")["profile"]["set"] is None
    edit(desk, mode="allow-list")
    assert desk.ask("profile", id="daughter")["profile"]["set"] == {"by": "Mum", "at": desk.clock.at}
    file(desk).write_text(file(desk).read_text() + "strict: true\n")
    assert desk.ask("profile", id="daughter")["profile"]["set"] is None, "a hand did"
    assert desk.ask("profile", id="guest")["profile"]["set"] is None
