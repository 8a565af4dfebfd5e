"""That a step was put off goes along in a backup: what was answered on one gateway counts on the next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.reason_codes import Code
from tests.features.backup.backed_up import sent, taken
from tests.features.conftest import Make, at
from tests.features.desk import Desk
from tests.features.growing.stepping import DAY, MAY, STEP, go, put_off, stage, step, steps, web
from tests.features.rules.edited import refused, says


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Each with a folder of its own, and a guardian who has come."""
    made: list[Desk] = []

    def build(when: str, **rules: object) -> Desk:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Desk(folder, at(when), **rules))  # type: ignore[arg-type]
        web(made[-1], "step", id="daughter")
        return made[-1]

    yield build
    for one in made:
        one.stop()


def test_a_gateway_that_is_set_up_anew_from_a_backup_knows_that_a_step_was_put_off(gateway: Make) -> None:
    desk = gateway(MAY, daughter=STEP)
    put_off(desk, "2027-07", "School first.")
    kept = taken(desk)
    anew = gateway(MAY, daughter=STEP)
    assert stage(anew) == "proposed"
    token = sent(anew, kept)
    assert web(anew, "restore", action="look", token=token)["steps"] == 1
    web(anew, "restore", action="apply", token=token)
    found = step(anew)
    assert found is not None
    assert (found["stage"], found["until"], found["reason"]) == ("postponed", "2027-07", "School first.")
    assert refused(anew, "postpone_step", id="daughter", until="2027-09", reason="x")[0] == Code.NOT_LATER
    anew.restart()
    go(anew, 60 * DAY)
    assert says(anew)["band"] == "10-12"
    assert [what for _, what in steps(anew)] == ["step proposed"], "and is told once"
    go(anew, DAY)
    assert (says(anew)["band"], stage(anew)) == ("13-15", "taken")


def test_a_month_that_has_passed_until_the_backup_is_put_in_place_was_the_answer(gateway: Make) -> None:
    desk = gateway(MAY, daughter=STEP)
    put_off(desk, "2027-07")
    kept = taken(desk)
    anew = gateway("2027-08-20T12:00", daughter=STEP)
    web(anew, "restore", action="apply", token=sent(anew, kept))
    go(anew, timedelta(minutes=2))
    assert says(anew)["band"] == "13-15"


def test_a_backup_of_before_takes_back_nothing_that_was_put_off_here(gateway: Make) -> None:
    """Neither a later month nor that it was once; its own way back leaves the proposal."""
    desk = gateway(MAY, daughter=STEP)
    before = taken(desk)
    put_off(desk, "2027-07")
    web(desk, "restore", action="apply", token=sent(desk, before))
    found = step(desk)
    assert found is not None
    assert (found["stage"], found["until"]) == ("postponed", "2027-07")
    other = gateway(MAY, daughter=STEP)
    put_off(other, "2027-11")
    web(desk, "restore", action="apply", token=sent(desk, taken(other)))
    found = step(desk)
    assert found is not None
    assert found["until"] == "2027-07"
    third = gateway(MAY, daughter=STEP)
    web(third, "restore", action="apply", token=sent(third, taken(other)))
    assert stage(third) == "postponed"
    web(third, "restore", action="undo")
    go(third, timedelta(minutes=2))
    assert stage(third) == "proposed"
