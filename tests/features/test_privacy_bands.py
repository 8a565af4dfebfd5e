"""Choosing a younger band never raises the maximum of the log, by whichever way a band or a level changes.

The pages, the first run, the import of carried rules and the API change a child's file by these verbs and in
no other way (import-linter and `tests/webui/api/test_pages.py` see to it).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from tests.features.backup.backed_up import sent, taken, web
from tests.features.conftest import Make
from tests.features.desk import Desk
from tests.features.growing.stepping import DAY, MAY, STEP, go
from tests.features.surfaces import MAXIMA, MUM, a_child_of

NOW = "2026-11-24T16:30"
YOUNG, OLD = "10-12", "16-17"


def level(desk: Desk, who: str = "daughter") -> int:
    profile = desk.rules.household.profile(who)
    told = desk.ask("profile", Role.WEB, id=who)["profile"]["log_level"]
    assert told == profile.rules.log_level == desk.ask("rules", Role.WEB, id=who)["rules"]["log_level"]
    (child,) = (one for one in desk.ask("status", Role.WEB)["profiles"] if one["id"] == who)
    assert child["log_level"] == told
    return int(told)


def file_of(desk: Desk, who: str = "daughter") -> Path:
    return Path(desk.rules.household.config.profiles) / f"{who}.yaml"


def an_edit(desk: Desk) -> None:
    web(desk, "edit", id="daughter", set={"band": YOUNG})


def an_edit_with_its_level(desk: Desk) -> None:
    web(desk, "edit", id="daughter", set={"band": YOUNG, "log_level": MAXIMA[YOUNG]})


def two_edits(desk: Desk) -> None:
    an_edit(desk)
    web(desk, "edit", id="daughter", set={"log_level": MAXIMA[YOUNG]})


def an_answer_for_always(desk: Desk) -> None:
    an_edit(desk)
    number = desk.ask("request", Role.WEB, device="02:00:00:00:00:0a", site="tiktok.com")["request"]["id"]
    web(desk, "answer", id=number, answer="always")


def a_hand(desk: Desk) -> None:
    """And a start of the daemon after it."""
    said = yaml.safe_load(file_of(desk).read_text())
    file_of(desk).write_text(yaml.safe_dump({**said, "band": YOUNG, "log_level": MAXIMA[YOUNG]}))
    desk.reload()
    desk.restart()


def an_undo(desk: Desk) -> None:
    """Of an edit that had made the band older."""
    an_edit(desk)
    web(desk, "unedit", id="daughter", revision=web(desk, "edit", id="daughter", set={"band": OLD})["undo"])


def removed_and_added_anew(desk: Desk) -> None:
    """As the first run, an import and the API add a child."""
    devices = web(desk, "remove_profile", id="daughter")["devices"]
    assert web(desk, "add_profile", name="Daughter", band=YOUNG, devices=devices)["id"] == "daughter"


def imported(desk: Desk) -> None:
    """Carried rules, whose level is what their band had."""
    web(desk, "remove_profile", id="daughter")
    rules = {"log_level": MAXIMA[YOUNG], "block": ["example.com"]}
    web(desk, "add_profile", name="Daughter", band=YOUNG, set=rules, trial=True)
    web(desk, "add_profile", name="Daughter", band=YOUNG, set=rules)


def removed_and_back(desk: Desk) -> None:
    an_edit(desk)
    web(desk, "restore_profile", token=web(desk, "remove_profile", id="daughter")["undo"])


def a_backup(desk: Desk) -> None:
    """Of the time at which the child was younger."""
    told = json.loads(taken(desk))
    told["profiles"]["daughter.yaml"] = told["profiles"]["daughter.yaml"].replace(OLD, YOUNG)
    told["bands"] = []
    web(desk, "restore", action="apply", token=sent(desk, json.dumps(told)))


def a_backup_and_its_undo(desk: Desk) -> None:
    an_edit(desk)
    a_backup(desk)
    web(desk, "restore", action="undo")


WAYS: tuple[Callable[[Desk], None], ...] = (
    an_edit, an_edit_with_its_level, two_edits, an_answer_for_always, a_hand, an_undo, removed_and_added_anew,
    imported, removed_and_back, a_backup, a_backup_and_its_undo,
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_younger_age_group_does_not_raise_the_level(make: Make, way: Callable[[Desk], None]) -> None:
    desk = a_child_of(make, OLD, NOW, categories={"social_networks": "ask"}, block=[])
    assert level(desk) == MAXIMA[OLD]
    way(desk)
    assert desk.rules.household.profile("daughter").band.value == YOUNG
    assert level(desk) == MAXIMA[OLD]
    assert "daughter" not in {one["id"] for one in desk.ask("status")["profiles"] if one["log_level"]}


def test_a_child_with_a_new_id_keeps_its_highest_age_group(make: Make) -> None:
    desk = a_child_of(make, OLD, NOW)
    an_edit(desk)
    web(desk, "edit", id="daughter", set={"name": "Aruzhan"})
    token = web(desk, "remove_profile", id="daughter")["undo"]
    web(desk, "add_profile", name="Daughter", band="0-5")
    again = web(desk, "restore_profile", token=token)["id"]
    assert again != "daughter"
    assert level(desk, again) == MAXIMA[OLD]


def test_another_gateway_learns_from_the_backup_what_was_held(make: Make) -> None:
    desk = a_child_of(make, "6-9", NOW)
    told = json.loads(taken(desk))
    told["bands"] = [{"profile": "daughter", "band": OLD}]
    web(desk, "restore", action="apply", token=sent(desk, json.dumps(told)))
    assert level(desk) == MAXIMA[OLD]


def test_a_step_that_is_put_off_after_it_was_taken_brings_back_no_log(make: Make) -> None:
    desk = a_child_of(make, YOUNG, MAY, **STEP)
    desk.growing.look()
    web(desk, "take_step", id="daughter")
    assert level(desk) == MAXIMA["13-15"]
    web(desk, "postpone_step", id="daughter", until="2027-09", reason="School first.")
    assert desk.rules.household.profile("daughter").band.value == YOUNG
    assert level(desk) == MAXIMA["13-15"]


@pytest.mark.parametrize("band", ["13-15", OLD])
def test_no_way_takes_a_level_above_the_band_s(make: Make, band: str) -> None:
    desk = a_child_of(make, band, NOW)
    most = MAXIMA[band]
    with pytest.raises(GatewayError, match="log_level"):
        web(desk, "edit", id="daughter", set={"log_level": most + 1})
    with pytest.raises(GatewayError, match="log_level"):
        web(desk, "add_profile", name="Other", band=band, set={"log_level": most + 1})
    before = file_of(desk).read_text()
    file_of(desk).write_text(before + f"log_level: {most + 1}\n")
    assert desk.reload(), "a hand's file that says so is not used, and is told"
    assert level(desk) == most


def test_growing_by_itself_lowers_it_for_good(make: Make) -> None:
    desk = a_child_of(make, YOUNG, MAY, **STEP)
    desk.growing.look()
    go(desk, 31 * DAY)
    assert desk.rules.household.profile("daughter").band.value == "13-15"
    assert level(desk) == MAXIMA["13-15"]
    an_edit(desk)
    assert level(desk) == MAXIMA["13-15"]
    assert MUM in desk.store.people.accounts()
