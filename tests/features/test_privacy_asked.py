"""What a child asks for is a letter to its guardians: whole while it waits, by the log level afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.control.protocol import Role
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL
from tests.features.conftest import Make, at
from tests.features.desk import TABLET, Desk
from tests.features.surfaces import CHILDREN, MAXIMA, MUM, a_child_of, answers, with_

NOW = "2026-11-24T16:30"
RULES = {
    "unknown": "ask",
    "block": [],
    "categories": {"social_networks": "ask"},
    "limits": {"internet": "3h", "service:youtube": "1h"},
}
SITE, WHY, WORD = "m4rksite.test", "m4rkwhy", "m4rkword"
REDDIT = "reddit"  # a service of a kind: social networks
DAY = timedelta(days=1)


def asks(desk: Desk, **values: object) -> int:
    return int(desk.ask("request", Role.WEB, device=TABLET, reason=WHY, **values)["request"]["id"])


def answers_to(desk: Desk, number: int, answer: str, **values: object) -> None:
    desk.ask("answer", Role.WEB, id=number, answer=answer, by=MUM, because=WORD, **values)


def of_guardians(desk: Desk) -> list[dict[str, object]]:
    return list(desk.ask("requests", Role.WEB)["requests"])


def its_own(desk: Desk) -> str:
    return repr(desk.ask("requests", Role.WEB, device=TABLET))


@pytest.mark.parametrize("band", CHILDREN)
def test_a_waiting_request_is_shown_in_full_at_every_level(make: Make, band: str) -> None:
    desk = a_child_of(make, band, NOW, **RULES)
    asks(desk, site=SITE)
    (one,) = of_guardians(desk)
    assert (one["thing"], one["reason"], one["at"], one["device"]) == (SITE, WHY, at(NOW), TABLET)
    (event,) = desk.heard("request")
    assert (event["site"], event["state"]) == (SITE, "pending")


@pytest.mark.parametrize("band", CHILDREN)
def test_the_log_level_limits_what_every_surface_shows_of_an_old_request(make: Make, band: str) -> None:
    """Said no, given, expired: its site, its service and what anybody wrote are in nothing that is told."""
    desk, level = a_child_of(make, band, NOW, **RULES), MAXIMA[band]
    refused, opened, given = (
        asks(desk, site=SITE),
        asks(desk, site=f"service:{REDDIT}"),
        asks(desk, minutes=15),
    )
    expires = asks(desk, minutes=30, service="youtube")
    desk.events.clear()
    answers_to(desk, refused, "no")
    answers_to(desk, opened, "once", minutes=30)
    answers_to(desk, given, "once")
    desk.go(DAY)
    told = answers(desk) | {"events": repr(desk.events)}
    hidden = (SITE, WHY, WORD, REDDIT)
    if level >= NAMES_LEVEL:
        assert with_(SITE, told) == {"requests"}
        assert with_(WHY, told) == {"requests"}
        assert with_(WORD, told) == {"requests", "events"}
        assert with_(REDDIT, told) >= {"requests"}
        return
    assert {one: with_(one, told) for one in hidden} == {one: set() for one in hidden}
    assert all(one in its_own(desk) for one in (SITE, WHY, WORD, REDDIT, "youtube")), (
        "the child's are its own"
    )
    if level < KINDS_LEVEL:
        assert of_guardians(desk) == []
        heard = [{key: one[key] for key in one if key != "event"} for one in desk.heard("answer")]
        assert heard == [{"id": one, "profile": "daughter", "state": "over"} for one in (1, 2, 3, 4)]
        return
    by_id = {one["id"]: one for one in of_guardians(desk)}
    assert by_id[opened]["thing"] == "category:forums"  # of its two kinds the first
    assert (by_id[refused]["thing"], by_id[refused]["answer"], by_id[refused]["by"]) == (None, "no", MUM)
    assert by_id[expires]["thing"] == "category:video_sharing"
    assert (by_id[given]["minutes"], by_id[given]["given"]) == (15, 15)
    day = at("2026-11-24T00:00")
    assert {one["at"] for one in by_id.values()} == {day}
    assert {by_id[one]["answered"] for one in (refused, opened, given)} == {day}
    assert {one["device"] for one in by_id.values()} == {None}


@pytest.mark.parametrize("band", CHILDREN)
def test_what_a_parent_gave_stays_readable_while_it_is_in_force(make: Make, band: str) -> None:
    """A grant is the guardian's own word, however it came to it; so is a rule."""
    desk = a_child_of(make, band, NOW, **RULES)
    answers_to(desk, asks(desk, site=f"service:{REDDIT}"), "once", minutes=30)
    answers_to(desk, asks(desk, site=SITE), "always")
    changes = repr(desk.ask("changes", Role.WEB))
    assert f"service:{REDDIT}" in changes
    assert SITE in repr(desk.ask("rules", id="daughter")["rules"]["allow"])
    desk.go(timedelta(minutes=31))
    assert "'open'" not in repr(desk.ask("changes", Role.WEB)["changes"])


@pytest.mark.parametrize("band", CHILDREN)
def test_what_it_was_given_for_is_not_told_once_that_is_over(make: Make, band: str) -> None:
    desk = a_child_of(make, band, NOW, **RULES, bedtime={"school": "20:45-07:00"})
    answers_to(desk, asks(desk, minutes=15, service="youtube"), "once")
    assert "service:youtube" in repr(desk.ask("changes", Role.WEB))
    number = desk.ask("changes", Role.WEB)["changes"][0]["undo"]["grant"]
    desk.ask("revoke", Role.WEB, grant=number, by=MUM)
    told = repr(desk.ask("changes", Role.WEB)["changes"])
    assert ("service:youtube" in told) == (MAXIMA[band] >= NAMES_LEVEL)


@pytest.mark.parametrize("band", CHILDREN)
def test_the_log_level_limits_what_the_audit_log_shows_of_a_child(make: Make, band: str) -> None:
    rules = {**RULES, "auto_approve": "15m", "landing": "10m", "bedtime": {"school": "16:40-07:00"}}
    desk, level = a_child_of(make, band, NOW, **rules), MAXIMA[band]
    asks(desk, minutes=15)  # granted by itself
    answers_to(desk, asks(desk, site=SITE), "no")
    code = desk.ask("ticket", Role.WEB, who="daughter", minutes=20, by=MUM)["codes"][0]
    desk.ask("redeem", Role.WEB, device=TABLET, code=code)
    desk.go(timedelta(minutes=40))
    desk.ask("landing", Role.WEB, device=TABLET)
    desk.go(DAY)
    log = desk.ask("audit_log", Role.WEB)
    own = {one["what"]: one for one in log["lines"] if one["who"] == "Daughter"}
    assert own.keys() == ({"request", "request auto", "auto", "ticket", "landing"} if level else set())
    assert ("Daughter" in log["people"]) == bool(level)
    assert ({"answer"} <= {one["what"] for one in log["lines"]}) == bool(level)
    exact = level >= NAMES_LEVEL
    assert {one["day_only"] for one in own.values()} == ({not exact} if level else set())
    midnights = [one["at"] == at("2026-11-24T00:00") for one in own.values()]
    assert all(not one for one in midnights) if exact else all(midnights)
    desk.store.flush(0.0, force=True)
    written = {line.what for line in desk.store.audit.lines(200) if line.who == "Daughter"}
    assert written == own.keys(), "of somebody without a log it is not even written down"


@pytest.mark.parametrize("band", CHILDREN)
def test_one_that_waits_stands_in_the_audit_where_anything_is_written_down(make: Make, band: str) -> None:
    desk = a_child_of(make, band, NOW, **RULES)
    asks(desk, site=SITE)
    lines = [one for one in desk.ask("audit_log", Role.WEB)["lines"] if one["what"] == "request"]
    assert [(one["at"], one["day_only"]) for one in lines] == [(at(NOW), False)] * bool(MAXIMA[band])


@pytest.mark.parametrize(("band", "told"), [("10-12", "all"), ("13-15", "kind"), ("16-17", None)])
def test_one_that_is_granted_by_itself_never_waits(make: Make, band: str, told: str | None) -> None:
    desk = a_child_of(make, band, NOW, **RULES, auto_approve="30m")
    asks(desk, minutes=15, service="youtube")
    assert [one["told"] for one in of_guardians(desk)] == ([told] if told else [])
    events = desk.heard("request")
    assert len(events) == (1 if told else 0)
    assert ("YouTube" in repr(events)) is (told == "all")


def test_an_older_line_of_the_audit_is_told_no_more_once_the_child_is_older(make: Make) -> None:
    desk = a_child_of(make, "10-12", NOW, **RULES)
    answers_to(desk, asks(desk, site=SITE), "once", minutes=30)
    desk.go(timedelta(hours=2))
    desk.ask("edit", Role.WEB, id="daughter", set={"band": "16-17"}, by=MUM)
    lines = desk.ask("audit_log", Role.WEB)["lines"]
    assert not {one["what"] for one in lines} & {"request", "answer"}
    assert of_guardians(desk) == []


def test_of_a_child_who_left_the_family_nothing_is_told_that_it_asked_for(make: Make) -> None:
    desk = a_child_of(make, "16-17", NOW, **RULES)
    answers_to(desk, asks(desk, site=SITE), "no")
    desk.ask("remove_profile", Role.WEB, id="daughter", by=MUM, session=desk.session(MUM))
    assert SITE not in repr(desk.ask("requests", Role.WEB)) + repr(desk.ask("audit_log", Role.WEB))
    assert of_guardians(desk) == []
