"""15, 5 and 1 minute before something closes, once each, and again where a grant moved it."""

from __future__ import annotations

from datetime import timedelta

from gateway.path.live_flows import FlowId, LiveFlow
from tests.features.conftest import Make, at
from tests.features.desk import PHONE, TABLET, Desk

MINUTE = timedelta(minutes=1)
SCREEN = {"limits": {"internet": "2h"}, "bedtime": {}}


def said(desk: Desk, profile: str = "daughter") -> list[tuple[str, int]]:
    """What was said of a child since the last time, when."""
    found = [one for one in desk.heard("warning") if one["profile"] == profile]
    desk.events.clear()
    return [(one["what"], one["minutes"]) for one in found]


def test_before_bedtime(make: Make) -> None:
    desk = make("2026-11-24T20:00")
    for span, expected in ((29, []), (1, [15]), (9, []), (1, [5]), (3, []), (1, [1]), (1, []), (30, [])):
        desk.go(span * MINUTE)
        assert said(desk) == [("bedtime", minutes) for minutes in expected], desk.local_now()


def test_each_tells_when(make: Make) -> None:
    desk = make("2026-11-24T20:29")
    desk.go(2 * MINUTE)
    (event,) = desk.heard("warning")
    assert event["at"] == at("2026-11-24T20:45")
    assert (event["left"], event["what_name"], event["name"]) == (15, "The internet", "Daughter")


def test_a_grant_moves_them(make: Make) -> None:
    desk = make("2026-11-24T20:00")
    desk.go(41 * MINUTE)
    assert said(desk) == [("bedtime", 15), ("bedtime", 5)]
    desk.ask("grant", who="daughter", minutes=30)
    desk.go(18 * MINUTE)
    assert said(desk) == []
    desk.go(MINUTE)
    assert said(desk) == [("bedtime", 15)]
    desk.ask("revoke", who="daughter")
    desk.go(20 * MINUTE)
    assert said(desk) == []  # it is shut


def test_a_pause_in_between_says_nothing_again(make: Make) -> None:
    desk = make("2026-11-24T20:29")
    desk.go(2 * MINUTE)
    assert said(desk) == [("bedtime", 15)]
    desk.ask("pause", who="daughter", minutes=2)
    desk.warnings.look()
    desk.go(5 * MINUTE)
    desk.ask("resume", who="daughter")
    desk.warnings.look()
    assert said(desk) == []
    desk.go(5 * MINUTE)
    assert said(desk) == [("bedtime", 5)]


def test_a_landing_too(make: Make) -> None:
    desk = make("2026-11-24T20:44")
    desk.go(MINUTE)
    said(desk)
    desk.ask("landing", device=TABLET)
    desk.go(10 * MINUTE)
    assert said(desk) == [("bedtime", 15), ("bedtime", 5), ("bedtime", 1)]


def test_a_limit_is_told_by_what_is_used_of_it(make: Make) -> None:
    desk = make("2026-11-24T16:00", daughter=SCREEN)
    desk.use("daughter", internet=60)
    desk.go(60 * MINUTE)  # nothing of it is used
    assert said(desk) == []
    for used, expected in ((104, []), (105, [15]), (106, []), (115, [5]), (119, [1]), (120, [])):
        desk.use("daughter", internet=used)
        assert said(desk) == [("internet", minutes) for minutes in expected]
    desk.ask("grant", who="daughter", minutes=10)
    assert said(desk) == [("internet", 15)]
    desk.use("daughter", internet=126)
    assert said(desk) == [("internet", 5)]


def test_a_limit_that_is_cut_short_is_told_at_once(make: Make) -> None:
    desk = make("2026-11-24T16:00", daughter=SCREEN)
    desk.use("daughter", internet=30)
    desk.use("daughter", internet=117)
    assert said(desk) == [("internet", 5)]


def test_play_and_services_only_where_they_are_in_use(make: Make) -> None:
    desk = make("2026-11-24T16:00", daughter={**SCREEN, "limits": {"play": "2h", "service:youtube": "1h"}})
    desk.use("daughter", play=115, **{"service:youtube": 55})
    assert said(desk) == []
    member = desk.family.member_of(TABLET)
    assert member is not None
    number = desk.store.class_number(member.slot, frozenset({"device", "play", "service:youtube"}))
    desk.live.put(FlowId(member.slot, 6, b"", 1, b"", 443), LiveFlow((), number, False))
    desk.warnings.look()
    assert sorted(said(desk)) == [("play", 5), ("service:youtube", 5)]
    desk.warnings.look()
    assert said(desk) == []


def test_a_restart_says_nothing_again(make: Make) -> None:
    desk = make("2026-11-24T20:00")
    desk.go(33 * MINUTE)
    assert said(desk) == [("bedtime", 15)]
    desk.restart()
    desk.go(6 * MINUTE)
    assert said(desk) == []
    desk.go(MINUTE)
    assert said(desk) == [("bedtime", 5)]


def test_each_child_its_own(make: Make) -> None:
    desk = make("2026-11-24T20:29", son={"bedtime": "20:50-07:00"})
    desk.go(7 * MINUTE)
    events = [(one["profile"], one["minutes"]) for one in desk.heard("warning")]
    assert events == [("daughter", 15), ("son", 15)]
    assert desk.family.member_of(PHONE) is not None


def test_it_sleeps_until_the_next_word(make: Make) -> None:
    desk = make("2026-11-24T12:00")
    woken = []
    look = desk.warnings.look
    desk.warnings.look = lambda: (woken.append(1), look())[1]  # type: ignore[func-returns-value]
    desk.warnings.look()
    desk.go(timedelta(hours=8))
    assert len(woken) <= 8 * 12 + 2


def closing(desk: Desk, mac: str = TABLET) -> list[tuple[str, int]]:
    """What `device` says, which `status` says too."""
    told: list[dict[str, object]] = desk.ask("device", mac=mac)["closing"]
    return [(str(one["what"]), int(str(one["minutes"]))) for one in told]


def test_what_is_about_to_close_can_be_asked(make: Make) -> None:
    desk = make("2026-11-24T20:29")
    assert closing(desk) == []
    desk.go(6 * MINUTE)
    bedtime = {
        "minutes": 10,
        "what": "bedtime",
        "name": "The internet",
        "at": at("2026-11-24T20:45"),
        "week": False,
        "period": "day",
    }
    assert desk.ask("device", mac=TABLET)["closing"] == [bedtime]
    assert desk.ask("status")["profiles"][0]["closing"] == [bedtime]
    desk.ask("pause", who="daughter", minutes=2)
    assert closing(desk) == []
    desk.go(10 * MINUTE)
    assert closing(desk) == []


def test_a_window_of_a_service_is_told_in_use_or_not(make: Make) -> None:
    desk = make("2026-11-24T17:44")  # a school day: Roblox until 18:00
    assert closing(desk) == []
    desk.go(6 * MINUTE)
    (told,) = desk.ask("status")["profiles"][0]["closing"]
    assert told == {
        "minutes": 10,
        "what": "window:service:roblox",
        "name": "Roblox",
        "at": at("2026-11-24T18:00"),
        "week": False,
        "period": "day",
    }
    desk.go(11 * MINUTE)
    assert closing(desk) == []


def test_of_several_the_soonest_is_first(make: Make) -> None:
    desk = make("2026-11-24T17:50", daughter={"limits": {"play": "2h", "internet": "8h"}})
    desk.use("daughter", play=115, internet=466)
    assert closing(desk) == [("play", 5), ("window:service:roblox", 10), ("internet", 14)]
    desk.use("daughter", play=120, internet=466)
    assert ("play", 0) not in closing(desk)


def test_what_another_rule_shuts_first_is_not_told_twice(make: Make) -> None:
    """Idle, with a quarter of an hour left of the limit, until bedtime comes before its end."""
    desk = make("2026-11-24T20:27", daughter={"limits": {"internet": "2h"}})
    desk.use("daughter", internet=105)
    assert said(desk) == [("internet", 15)]
    for _ in range(18):
        desk.go(MINUTE)
        desk.use("daughter", internet=105)
    assert said(desk) == [("bedtime", 5), ("bedtime", 1)]
