"""Steps into the next band at a desk: real files, store, rules and verbs; the clock is the test's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.codes import Code
from gateway.control.protocol import WEB_VERBS, Role
from gateway.daemon.answers import Giver
from gateway.daemon.files import history as filehistory
from gateway.policy.jumps import Kind as Span
from gateway.policy.people import Account
from gateway.policy.values import Decision, Proto, Reason, Verdict
from gateway.store.database import Database
from gateway.store.given import Kind
from tests.daemon.conftest import Make
from tests.daemon.desk import PHONE, TABLET, Desk
from tests.daemon.edited import audit, edit, refused, says
from tests.store.helpers import look

DAY = timedelta(days=1)
BEFORE, MAY = "2027-04-30T12:00", "2027-05-01T12:00"
STEP = {"next_step": "2027-05"}
TEEN = {"band": "16-17", "next_step": "2027-05", "block": ["marker-block.test"],
        "limits": {"internet": "2h"}}  # fmt: skip


def go(desk: Desk, span: timedelta) -> None:
    """Day by day: minute by minute a month is long."""
    end = desk.clock.at + span
    while desk.clock.at < end:
        desk.clock.at = min(end, desk.clock.at + DAY)
        desk.loop.run_due()


def step(desk: Desk, who: str = "daughter") -> dict[str, Any] | None:
    return next((one for one in desk.ask("status")["steps"] if one["profile"] == who), None)


def stage(desk: Desk, who: str = "daughter") -> str:
    found = step(desk, who)
    return "" if found is None else str(found["stage"])


def steps(desk: Desk) -> list[tuple[str, str]]:
    """Of the audit, the oldest first."""
    return [(who, what) for who, what, _ in reversed(audit(desk)) if what.startswith("step")]


def web(desk: Desk, do: str, **values: object) -> dict[str, Any]:
    assert do in WEB_VERBS
    if desk.store.guardians().get("Mum") is None:
        desk.store.people.put(Account("Mum", came=True))
    return desk.ask(do, Role.WEB, **{"by": "Mum", "origin": "192.168.77.7", **values})


def put_off(desk: Desk, until: str = "2027-09", reason: str = "School first.") -> dict[str, Any]:
    return web(desk, "postpone_step", id="daughter", until=until, reason=reason)


def test_a_step_is_proposed_in_its_month_told_to_all_and_happens_after_thirty_days(make: Make) -> None:
    desk = make(BEFORE, daughter=STEP)
    assert step(desk) is None
    go(desk, DAY)
    found = step(desk)
    assert found is not None
    assert (found["stage"], found["band"], found["then"], found["on"]) == (
        "proposed", "10-12", "13-15", "2027-05-31",
    )  # fmt: skip
    assert found["later"] == ["2027-06", "2027-07", "2027-08", "2027-09", "2027-10", "2027-11"]
    go(desk, 29 * DAY)
    assert (stage(desk), says(desk)["band"]) == ("proposed", "10-12")
    go(desk, DAY)
    told = step(desk)
    assert told is not None
    assert (told["stage"], told["by_itself"]) == ("taken", True)
    assert (says(desk)["band"], says(desk)["next_step"]) == ("13-15", "2030-05")
    assert says(desk)["block"] == ["service:tiktok"], "what the family set stays"
    assert steps(desk) == [("qalqan", "step proposed"), ("qalqan", "step by itself")]
    assert [one["what"] for one in desk.heard("step")] == ["proposed", "taken"]
    go(desk, 31 * DAY)
    assert step(desk) is None
    assert len(steps(desk)) == 2


def test_a_guardian_takes_it_at_once_and_the_ordinary_undo_has_it_back(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    done = web(desk, "take_step", id="daughter")
    assert (done["band"], says(desk)["band"]) == ("13-15", "13-15")
    assert steps(desk)[-1] == ("Mum", "step")
    web(desk, "unedit", id="daughter", revision=done["undo"], found=done["revision"])
    assert (says(desk)["band"], says(desk)["next_step"]) == ("10-12", "2027-05")
    go(desk, timedelta(minutes=2))
    assert stage(desk) == "proposed"
    assert refused(desk, "take_step", id="son")[0] == Code.NO_STEP
    assert refused(desk, "take_step", id="mum")[0] == Code.NO_CHILD


def test_it_is_put_off_once_with_a_reason_that_the_child_reads(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    assert refused(desk, "postpone_step", id="daughter", until="2027-12", reason="x")[0] == Code.NOT_LATER
    assert refused(desk, "postpone_step", id="daughter", until="2027-09")[0] == Code.INVALID
    put_off(desk)
    found = step(desk)
    assert found is not None
    assert (found["stage"], found["until"], found["on"]) == ("postponed", "2027-09", "2027-09-01")
    assert (found["reason"], found["put_off_by"]) == ("School first.", "Mum")
    assert refused(desk, "postpone_step", id="daughter", until="2027-10", reason="x")[0] == Code.NOT_LATER
    desk.restart()
    go(desk, 123 * DAY - timedelta(hours=12, minutes=1))
    assert says(desk)["band"] == "10-12"
    go(desk, timedelta(minutes=2))
    assert says(desk)["band"] == "13-15"
    assert says(desk)["next_step"] == "2030-05", "of the ages, not of the month to which it was put off"
    assert not any("School" in line for one in audit(desk) for line in one)


def test_one_that_happened_is_taken_back_by_putting_it_off(make: Make) -> None:
    desk = make(MAY, daughter={**STEP, "log_level": 2})
    go(desk, 30 * DAY)
    assert says(desk).get("log_level") is None, "more than the new band may have"
    put_off(desk)
    assert (says(desk)["band"], says(desk)["next_step"], says(desk)["log_level"]) == ("10-12", "2027-05", 2)
    assert desk.rules.profile("daughter").rules.log_level <= 2
    assert steps(desk)[-1] == ("Mum", "step back")
    go(desk, 95 * DAY)
    assert (says(desk)["band"], stage(desk)) == ("13-15", "taken")
    assert refused(desk, "postpone_step", id="daughter", until="2027-10", reason="x")[0] == Code.NOT_LATER


def test_back_from_a_file_that_was_changed_since_leaves_that_change(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    go(desk, 30 * DAY)
    edit(desk, bedtime="22:00-07:00")
    put_off(desk)
    assert (says(desk)["band"], says(desk)["bedtime"]) == ("10-12", "22:00-07:00")


def test_by_a_clock_that_nobody_vouches_for_nothing_happens(make: Make) -> None:
    desk = make(BEFORE, daughter=STEP)
    desk.jump(400 * DAY, known=False)
    go(desk, 40 * DAY)
    assert (step(desk), says(desk)["band"]) == (None, "10-12")
    desk.jump(-439 * DAY, known=True)
    go(desk, timedelta(minutes=2))
    assert stage(desk) == "proposed"


def test_a_clock_that_jumps_ahead_and_back_takes_no_step_and_leaves_no_proposal(make: Make) -> None:
    desk = make("2027-04-02T12:00", daughter=STEP, son={"band": "16-17", "next_step": "2027-05"})
    desk.jump(800 * DAY)
    assert (stage(desk), stage(desk, "son")) == ("proposed", "proposed")
    go(desk, timedelta(hours=20))
    desk.jump(-800 * DAY)
    assert (says(desk)["band"], says(desk, "son")["band"]) == ("10-12", "16-17")
    assert (step(desk), step(desk, "son")) == (None, None)
    assert [one["what"] for one in desk.heard("step")] == ["proposed", "proposed", "over", "over"]


def test_a_jump_within_the_thirty_days_leaves_as_many(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    go(desk, 10 * DAY)
    desk.jump(300 * DAY)
    go(desk, 19 * DAY)
    assert says(desk)["band"] == "10-12"
    desk.jump(-290 * DAY)
    go(desk, 2 * DAY)
    assert says(desk)["band"] == "13-15"


def test_a_clock_that_goes_back_after_the_step_takes_no_second_one_and_undoes_none(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    go(desk, 30 * DAY)
    for size in (-60 * DAY, 55 * DAY, 10 * DAY):
        desk.jump(size)
        go(desk, 2 * DAY)
    assert (says(desk)["band"], says(desk)["next_step"]) == ("13-15", "2030-05")
    assert steps(desk).count(("qalqan", "step by itself")) == 1


def test_after_months_without_a_gateway_there_are_thirty_days_to_answer(make: Make) -> None:
    desk = make("2027-05-11T12:00", daughter=STEP)
    go(desk, 10 * DAY)
    desk.stop()
    desk.clock.at += 200 * DAY
    desk.start()
    assert stage(desk) == "proposed"
    go(desk, 19 * DAY)
    assert says(desk)["band"] == "10-12"
    go(desk, 2 * DAY)
    assert says(desk)["band"] == "13-15"


def test_restarts_within_a_day_or_two_cost_nothing(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    for _ in range(30):
        go(desk, DAY)
        desk.restart()
    assert says(desk)["band"] == "13-15"
    assert steps(desk).count(("qalqan", "step by itself")) == 1


def test_another_month_or_band_ends_the_proposal(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    edit(desk, next_step="2027-08")
    go(desk, timedelta(minutes=2))
    assert step(desk) is None


def test_what_changes_is_the_difference_of_what_holds(make: Make) -> None:
    desk = make(MAY, daughter={**STEP, "categories": {"social_networks": "refuse"}})
    told = web(desk, "step", id="daughter")
    assert (told["then"], told["month"]) == ("13-15", "2027-05")
    assert (told["rules"]["limits"], told["after"]["limits"]) == (
        {"play": {"school": "2h", "free": "3h"}}, {},
    )  # fmt: skip
    assert (told["rules"]["log_level"], told["after"]["log_level"]) == (2, 1)
    assert told["after"]["categories"]["social_networks"] == "refuse"
    assert told["after"]["categories"]["ai_companions"] == "ask"
    assert told["after"]["block"] == ["service:tiktok"]
    before = says(desk)
    web(desk, "take_step", id="daughter")
    assert web(desk, "step", id="daughter")["rules"] == told["after"]
    assert before["band"] == "10-12"


# ------------------------------------------------------------------------------------------------- at 18


def furnished(make: Make, when: str = MAY) -> Desk:
    """A person of 17 with everything that is kept of one, marked."""
    desk = make(when, daughter=TEEN)
    now = desk.local_now()
    web(desk, "edit", id="daughter", set={"block/marker-edit.test": True})
    for host, verdict in (("marker-refused.test", Verdict.BLOCK), ("marker-seen.test", Verdict.ALLOW)):
        decision = Decision(verdict, Reason.FAMILY_BLOCK, f"block: {host}", "family")
        desk.store.record(
            decision, host=host, proto=Proto.TLS, profile="daughter", device=TABLET, level=3,
            category="marker-kind", at=now,
        )  # fmt: skip
    desk.store.flush(0.0, force=True)
    desk.store.history.keep(now.date() - DAY, {("daughter", "category:marker-use"): 7})
    desk.store.minutes.keep(now.date() - DAY, {("daughter", "marker-gate"): 7})
    asked = web(desk, "request", device=TABLET, minutes=15, reason="marker-reason")
    giver = Giver("Mum", Kind.GRANT, now, desk.store.gifts.new_number(now))
    desk.answers.open("daughter", "Daughter", "marker-open.test", now + DAY, Span.LASTING, giver)
    web(desk, "pin", action="set", who="daughter", pin="4711")
    web(desk, "pause", who="daughter", minutes=60)
    web(desk, "ticket", who="daughter", minutes=15, count=1)
    web(desk, "answer", id=asked["request"]["id"], answer="once")
    return desk


def test_at_18_control_ends_and_nothing_of_it_stays_in_the_file(make: Make) -> None:
    desk = furnished(make)
    database = desk.folder / "state" / "q.db"
    assert b"marker" in bytes_of(database)
    go(desk, 29 * DAY)
    found = step(desk)
    assert found is not None
    assert (found["then"], found["on"], found["later"]) == ("adult", "2027-05-31", [])
    go(desk, DAY)
    told = step(desk)
    assert told is not None
    assert (told["stage"], told["by_itself"]) == ("taken", True)
    assert says(desk) == {"name": "Daughter", "band": "adult", "devices": [TABLET, "02:00:00:00:00:1a"]}
    assert desk.family.member_of(TABLET) is None, "no rules and no log: it has no slot"
    assert desk.ask("device", mac=TABLET)["step"]["name"] == "Daughter"
    assert desk.ask("device", mac=TABLET)["profile"] == "adult"
    assert "step" not in desk.ask("device", mac=PHONE)
    store = desk.store
    assert not [one for one in store.requests.all() if one.who == "daughter"]
    assert not store.gifts.given({"daughter"})
    assert not store.tickets.all()
    assert not store.state(desk.local_now()).pauses
    assert store.pins.of("daughter") is None
    for table in ("decisions", "counts", "minutes", "uses", "requests", "openings", "extensions"):
        rows = look(database, f"SELECT * FROM {table}")
        assert not [row for row in rows if "daughter" in row], table
    desk.store.close()
    for path in (*database.parent.glob("q.db*"), *(desk.folder / "profiles").rglob("*")):
        assert path.is_dir() or b"marker" not in path.read_bytes(), path
    desk.store = type(desk.store)(database)


def test_of_the_audit_who_and_when_stays_and_no_more(make: Make) -> None:
    desk = furnished(make)
    before = {(who, what) for who, what, _ in audit(desk)}
    go(desk, 31 * DAY)
    lines = audit(desk)
    assert before <= {(who, what) for who, what, _ in lines}
    about = {what: detail for _, what, detail in lines if "daughter" in detail}
    assert {about[what] for what in ("edit", "pause", "request", "answer", "tickets")} == {"daughter"}
    assert about["step by itself"] == "daughter: 16-17 → adult"


def test_adulthood_is_neither_put_off_nor_written_away(make: Make) -> None:
    desk = make(MAY, daughter=TEEN)
    put = {"id": "daughter", "until": "2027-09", "reason": "x"}
    assert refused(desk, "postpone_step", **put)[0] == Code.ADULT_NEXT
    for changes in ({"next_step": "2028-05"}, {"next_step": None}, {"band": "13-15"}):
        assert refused(desk, "edit", id="daughter", set=changes, by="Mum")[0] == Code.ADULT_NEXT
    edit(desk, safe_search="strict", next_step="2027-05")
    assert web(desk, "take_step", id="daughter")["band"] == "adult"
    assert says(desk).keys() == {"name", "band", "devices"}
    assert refused(desk, "unedit", id="daughter", revision=1, by="Mum")[0] == Code.NO_REVISION


def test_a_gateway_that_was_off_over_the_birthday_ends_control_within_three_days(make: Make) -> None:
    desk = make("2027-12-24T12:00", daughter=TEEN)
    go(desk, 2 * DAY)
    assert says(desk)["band"] == "16-17"
    go(desk, DAY)
    assert says(desk)["band"] == "adult"


# ------------------------------------------------------------------------------------------- cut short


class KilledError(BaseException):
    """The process is gone: nothing after it runs."""


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """``after``: how many more writes, of the database or of a file, there are before the kill."""
    left: dict[str, int] = {}

    def counted(real: Any) -> Any:
        def call(*args: Any, **values: Any) -> Any:
            if "after" in left:
                left["after"] -= 1
                if left["after"] < 0:
                    raise KilledError
            return real(*args, **values)

        return call

    monkeypatch.setattr(Database, "write", counted(Database.write))
    for name in ("write_whole", "_remove"):
        monkeypatch.setattr(filehistory, name, counted(getattr(filehistory, name)))
    yield left
    left.clear()


@pytest.mark.parametrize("teen", [False, True])
def test_killed_at_any_write_the_step_happens_once_and_whole(
    make: Make, killer: dict[str, int], *, teen: bool
) -> None:
    for writes in itertools.count():
        desk = furnished(make, "2027-05-29T12:00") if teen else make("2027-05-02T12:00", daughter=STEP)
        go(desk, (2 if teen else 29) * DAY)
        killer["after"] = writes
        killed = False
        try:
            go(desk, 2 * DAY)
        except KilledError:
            killed = True
        killer.clear()
        after_kill(desk)
        go(desk, timedelta(minutes=2))
        wanted = "adult" if teen else "13-15"
        assert says(desk)["band"] == wanted, writes
        assert steps(desk).count(("qalqan", "step by itself")) == 1, writes
        if teen:
            assert says(desk).keys() == {"name", "band", "devices"}
            assert b"marker" not in bytes_of(desk.folder / "state" / "q.db"), writes
            assert not [one for one in desk.store.requests.all() if one.who == "daughter"]
        else:
            assert (says(desk)["next_step"], stage(desk)) == ("2030-05", "taken")
        desk.stop()
        clean(desk.folder)
        if not killed:
            assert writes > 5
            return


def after_kill(desk: Desk) -> None:
    """A new process: memory is what the disk has."""
    desk.store._database.close()
    desk.loop = type(desk.loop)(lambda: desk.clock.now() - desk.clock.set_by)
    desk.rules = type(desk.rules)(desk.folder / "qalqan.yaml")
    desk.start()


def clean(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def bytes_of(database: Path) -> bytes:
    return b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
