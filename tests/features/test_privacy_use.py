"""What follows from use is told of nobody without a log: what rules, the clock and guardians close is told.

What is not told cannot be seen in any difference: each verb is asked before and after, and answers the same.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.control.protocol import Role
from gateway.path.live_flows import FlowId, LiveFlow
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL
from gateway.policy.values import Observation, Proto, Reason
from tests.features.conftest import Make, at
from tests.features.desk import TABLET, Desk
from tests.features.surfaces import CHILDREN, MAXIMA, MUM, a_child_of, answers, others
from tests.features.watched import Watched

NOW = "2026-11-24T16:30"
MINUTE = timedelta(minutes=1)
RULES = {"limits": {"internet": "1h", "play": "30m", "service:youtube": "20m"}, "landing": "10m"}


def uses(desk: Desk) -> None:
    """All of its minutes, on one device, with a service that runs."""
    desk.use("daughter", internet=60, play=30, **{"service:youtube": 20})
    desk.counted.devices["daughter"] = {TABLET: {"internet": 60}}
    member = desk.family.member_of(TABLET)
    assert member is not None
    number = desk.store.class_number(member.slot, frozenset({"device", "play", "service:youtube"}))
    desk.live.put(
        FlowId(member.slot, 6, b"", 1, b"", 443),
        LiveFlow((Observation(Proto.TLS, "www.youtube.com"),), number, False),
    )


def is_closed(desk: Desk) -> bool:
    return desk.reason(TABLET) is Reason.OUT_OF_TIME


@pytest.mark.parametrize("band", CHILDREN)
def test_no_answer_shows_out_of_time_or_use_below_level_2(make: Make, band: str) -> None:
    desk = a_child_of(make, band, NOW, **RULES)
    before = answers(desk)
    uses(desk)
    assert is_closed(desk)
    told = others(before, answers(desk))
    assert told == (
        {"status", "ledger", "profile", "why", "filter_test_site"} if MAXIMA[band] >= NAMES_LEVEL else set()
    )


@pytest.mark.parametrize("band", CHILDREN)
def test_below_level_2_no_minute_of_today_is_shown(make: Make, band: str) -> None:
    desk, level = a_child_of(make, band, NOW, **RULES), MAXIMA[band]
    uses(desk)
    child = desk.ask("status")["profiles"][0]
    used = {one["target"]: one["minutes"] for one in child["used"]}
    assert used == ({"internet": 60, "play": 30, "service:youtube": 20} if level >= NAMES_LEVEL else {})
    assert any(one["devices"] for one in child["used"]) == (level >= NAMES_LEVEL), "where is a detail"
    assert child["state"] == ("out_of_time" if level >= NAMES_LEVEL else "open")


@pytest.mark.parametrize("band", CHILDREN)
def test_blocks_by_parents_and_the_clock_are_shown_at_every_level(make: Make, band: str) -> None:
    desk = a_child_of(make, band, NOW, **RULES, bedtime={"school": "20:45-07:00"})
    uses(desk)
    desk.ask("pause", Role.WEB, who="daughter", minutes=10, by=MUM)
    child = desk.ask("status")["profiles"][0]
    assert (child["state"], child["until"]) == ("paused", at("2026-11-24T16:40"))
    desk.go(timedelta(hours=5))
    assert desk.ask("status")["profiles"][0]["state"] == "bedtime"


@pytest.mark.parametrize("band", CHILDREN)
def test_no_answer_or_event_shows_what_a_child_used_on_its_own_below_level_2(make: Make, band: str) -> None:
    """A landing, a code on paper but for how many are left, and the daily amount."""
    rules = {**RULES, "bedtime": {"school": "16:40-07:00"}, "auto_approve": "15m"}
    desk, level = a_child_of(make, band, NOW, **rules), MAXIMA[band]
    code = desk.ask("ticket", Role.WEB, who="daughter", minutes=20, by=MUM)["codes"][0]
    desk.go(timedelta(minutes=20))
    before = answers(desk)
    desk.events.clear()
    desk.ask("request", Role.WEB, device=TABLET, minutes=15)
    desk.ask("landing", Role.WEB, device=TABLET)
    told = others(before, answers(desk))
    assert desk.ask("device", Role.WEB, mac=TABLET)["state"] == "open"
    requested = {"audit_log", "requests"} if level >= KINDS_LEVEL else set()  # a request is for the parents
    if level < NAMES_LEVEL:
        assert told == requested
        assert [one["event"] for one in desk.events] == ["request"] * bool(requested)
    else:
        assert "status" in told
    assert bool(desk.heard("landing")) == (level >= NAMES_LEVEL)
    desk.ask("redeem", Role.WEB, device=TABLET, code=code)
    assert bool(desk.heard("grant")) == (level >= NAMES_LEVEL)
    if level < NAMES_LEVEL:
        assert others(before, answers(desk)) == {"tickets", *requested}, "the paper is the guardian's"


@pytest.mark.parametrize("band", CHILDREN)
def test_below_level_2_no_use_of_a_past_moment_is_shown(make: Make, band: str) -> None:
    """By asking why at each minute of the day, the minutes that a limit counted could be found."""
    desk = a_child_of(make, band, NOW, **RULES)
    asked = {"profile": "daughter", "host": "neutral.test", "at": "2026-11-24T16:00"}
    previewed = {**asked, "set": {"block/example.org": True}}
    before = desk.ask("why", Role.WEB, **asked), desk.ask("why", Role.WEB, **previewed)

    class Counted:
        gate, service, device, bytes, why = "internet", None, TABLET, 1, "moved"

        def __init__(self, minute: int) -> None:
            self.at = at("2026-11-24T14:00") + minute * MINUTE

    desk.counted.rows = tuple(map(Counted, range(60)))
    after = desk.ask("why", Role.WEB, **asked), desk.ask("why", Role.WEB, **previewed)
    assert (before != after) == (MAXIMA[band] >= NAMES_LEVEL)


def test_no_preview_of_a_younger_age_group_shows_more(make: Make) -> None:
    desk = a_child_of(make, "16-17", NOW, **RULES)
    asked = {"profile": "daughter", "host": "www.youtube.com", "set": {"band": "6-9", "bedtime": {}}}
    before = desk.ask("why", Role.WEB, **asked)
    uses(desk)
    assert desk.ask("why", Role.WEB, **asked) == before


@pytest.mark.parametrize(("band", "told"), [("10-12", True), ("13-15", False), ("16-17", False)])
def test_the_event_that_a_limit_closed_is_told_where_limits_are(make: Make, band: str, told: bool) -> None:
    desk = a_child_of(make, band, NOW, **RULES)
    watched = Watched(desk)
    slots = desk.family.slots_of("daughter")
    watched.decision_log.moved(slots)  # as it is at the start
    desk.events.clear()
    uses(desk)
    watched.decision_log.moved(slots)
    assert bool(desk.heard("status")) is told
    desk.events.clear()
    desk.ask("pause", Role.WEB, who="daughter", minutes=10, by=MUM)
    watched.decision_log.moved(slots)
    assert any("profile" in one for one in desk.heard("status")), (
        "what a guardian closes is told of everybody"
    )


@pytest.mark.parametrize(("band", "told"), [("10-12", True), ("13-15", False), ("16-17", False)])
def test_a_warning_names_a_service_in_use_from_the_level_of_names_on(
    make: Make, band: str, told: bool
) -> None:
    window = {"service:roblox": {"school": ["16:00-16:40"]}}
    desk = a_child_of(make, band, NOW)
    desk.ask("edit", id="daughter", set={"windows": window}, by="console")
    member = desk.family.member_of(TABLET)
    assert member is not None
    number = desk.store.class_number(member.slot, frozenset({"device", "window:service:roblox"}))
    desk.live.put(FlowId(member.slot, 6, b"", 1, b"", 443), LiveFlow((), number, False))
    desk.warnings.look()
    desk.go(timedelta(minutes=6))
    assert bool(desk.heard("warning")) is told


@pytest.mark.parametrize("band", CHILDREN)
def test_bedtime_is_warned_of_at_every_level(make: Make, band: str) -> None:
    desk = a_child_of(make, band, NOW, bedtime={"school": "16:40-07:00"})
    desk.go(timedelta(minutes=6))
    assert {one["what"] for one in desk.heard("warning")} == {"bedtime"}


@pytest.mark.parametrize("band", CHILDREN)
def test_a_backup_has_no_more_of_what_a_child_took_than_is_told(make: Make, band: str) -> None:
    desk = a_child_of(make, band, NOW, **RULES, bedtime={"school": "16:40-07:00"}, auto_approve="15m")
    desk.ask("grant", Role.WEB, who="daughter", minutes=5, by=MUM)
    desk.ask("request", Role.WEB, device=TABLET, minutes=15)
    text = desk.ask("backup", Role.WEB, by=MUM, session=desk.session(MUM))["text"]
    assert ('"by":"Daughter"' in text.replace(" ", "")) == (MAXIMA[band] >= NAMES_LEVEL)
    assert f'"by":"{MUM}"' in text.replace(" ", ""), "what a guardian gave is a guardian's"
