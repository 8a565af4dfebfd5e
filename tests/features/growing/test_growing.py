"""Steps into the next band at a desk: real files, store, rules and verbs; the clock is the test's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account
from gateway.policy.profile.edits import PROFILE_ORDER
from tests.features.backup.backed_up import sent, taken
from tests.features.conftest import Make
from tests.features.growing.stepping import BEFORE, DAY, MAY, STEP, go, put_off, stage, step, steps, web
from tests.features.rules.edited import audit, edit, refused, says
from tests.store.helpers import look


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


def test_one_that_is_delayed_is_logged_with_one_full_stop(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make(MAY, daughter=STEP)
    (desk.folder / "profiles" / "daughter.yaml").unlink()
    go(desk, 30 * DAY)
    lines = [one.getMessage() for one in caplog.records if "is delayed" in one.getMessage()]
    assert lines == [f"The next age group of daughter is delayed: {Code.NO_PROFILE.sentence}"]


def test_one_that_happened_is_taken_back_by_putting_it_off(make: Make) -> None:
    desk = make(MAY, daughter={**STEP, "log_level": 2})
    go(desk, 30 * DAY)
    assert says(desk).get("log_level") is None, "more than the new band may have"
    put_off(desk)
    assert (says(desk)["band"], says(desk)["next_step"], says(desk)["log_level"]) == ("10-12", "2027-05", 2)
    assert desk.rules.household.profile("daughter").rules.log_level <= 2
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


def test_what_was_changed_to_another_band_since_is_nothing_to_put_off(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    go(desk, 30 * DAY)
    edit(desk, band="16-17")
    assert refused(desk, "postpone_step", id="daughter", until="2027-09", reason="x")[0] == Code.NO_STEP
    assert says(desk)["band"] == "16-17", "and not two bands younger"


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


@pytest.mark.parametrize("restarted", [False, True])
def test_the_day_of_waiting_outlasts_small_changes_of_the_clock_and_a_restart(
    make: Make, restarted: bool
) -> None:
    desk = make(MAY, daughter=STEP)
    put_off(desk)
    desk.jump(130 * DAY)
    if restarted:
        desk.restart()
    for size in (timedelta(seconds=2), timedelta(seconds=-40)):
        desk.jump(size)
        go(desk, timedelta(hours=2))
    assert says(desk)["band"] == "10-12"
    go(desk, timedelta(hours=20, minutes=1))
    assert says(desk)["band"] == "13-15"


def test_a_jump_within_the_thirty_days_leaves_as_many(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    go(desk, 10 * DAY)
    desk.jump(300 * DAY)
    go(desk, 19 * DAY)
    assert says(desk)["band"] == "10-12"
    desk.jump(-290 * DAY)
    go(desk, 2 * DAY)
    assert says(desk)["band"] == "13-15"


def test_a_clock_that_is_put_right_by_parts_of_a_second_proposes_nothing_anew(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    for size in (timedelta(microseconds=7), timedelta(seconds=90, milliseconds=400), timedelta(seconds=-1.5)):
        desk.jump(size)
        go(desk, 3 * DAY)
    assert steps(desk) == [("qalqan", "step proposed")]
    assert [one["what"] for one in desk.heard("step")] == ["proposed"]


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
    desk = make(MAY, daughter={**STEP, "categories": {"social_networks": "block"}})
    told = web(desk, "step", id="daughter")
    assert (told["then"], told["month"]) == ("13-15", "2027-05")
    assert (told["rules"]["limits"], told["after"]["limits"]) == (
        {"play": {"school": "2h", "free": "3h"}}, {},
    )  # fmt: skip
    assert (told["rules"]["log_level"], told["after"]["log_level"]) == (2, 1)
    assert told["after"]["categories"]["social_networks"] == "block"
    assert told["rules"]["categories"]["ai"] == "ask"
    assert told["after"]["categories"]["ai"] == "allow"
    assert told["after"]["categories"]["ai_companions"] == "block"
    assert told["after"]["block"] == ["service:tiktok"]
    before = says(desk)
    web(desk, "take_step", id="daughter")
    assert web(desk, "step", id="daughter")["rules"] == told["after"]
    assert before["band"] == "10-12"


def test_the_younger_rules_bring_no_log_back_by_whatever_way(make: Make) -> None:
    """By putting the step off, by hand, by leaving and coming back, and out of a backup of before."""
    desk = make(MAY, daughter=STEP)

    def level() -> int:
        desk.reassign()
        return desk.rules.household.profile("daughter").rules.log_level

    desk.store.people.put(Account("Mum", came=True))
    assert level() == 2
    before = taken(desk)
    go(desk, 30 * DAY)
    assert level() == 1
    put_off(desk)
    assert (says(desk)["band"], level()) == ("10-12", 1)
    edit(desk, log_level=2)
    assert level() == 1
    gone = web(desk, "remove_profile", id="daughter")
    web(desk, "restore_profile", token=gone["undo"])
    assert level() == 1
    web(desk, "restore", action="apply", token=sent(desk, before))
    assert (says(desk)["band"], level()) == ("10-12", 1)
    assert '{"profile": "daughter", "band": "13-15"}' in taken(desk)


def test_there_is_a_band_and_a_month_and_no_birthday_anywhere(make: Make) -> None:
    desk = make(MAY, daughter=STEP)
    put_off(desk)
    found = look(desk.folder / "state" / "q.db", "SELECT sql FROM sqlite_master")
    told = [*(str(sql).lower() for (sql,) in found), taken(desk).lower(), *PROFILE_ORDER]
    told += [file.read_text().lower() for file in (desk.folder / "profiles").glob("*.yaml")]
    for word in ("birth", "born", "dob", "geburt"):
        assert not [one for one in told if word in one], word
    kept = look(desk.folder / "state" / "q.db", "SELECT month, until FROM growing")
    assert kept == [("2027-05", "2027-09")], "months, and no day of them"
    assert says(desk)["next_step"] == "2027-05"
