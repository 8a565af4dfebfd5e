"""A child deletes its own names by the API too, and nobody else's."""

from __future__ import annotations

from flask import Flask

from tests.control.running import Running
from tests.webui.api.clients import Program, program
from tests.webui.conftest import GATEWAY
from tests.webui.standin.household import Household

FROM_HERE = {"Origin": GATEWAY}
TABLET, SONS = "192.168.1.20", "192.168.1.22"


def test_a_child_deletes_its_own_names_by_its_pin(app: Flask, daemon: Running, household: Household) -> None:
    household.lending.needs_pins = True
    household.lending.pins["daughter"] = ("4821", "")
    tablet = Program(app, FROM_HERE, TABLET)
    for wrong in ({}, {"pin": "9137"}):
        answer = tablet.post("/my/erase", wrong)
        assert answer.status_code >= 400
        assert answer.get_json()["code"] in ("invalid", "pin_wrong")
    assert household.erased == {}
    assert tablet.post("/my/erase", {"pin": "4821"}).status_code == 204
    assert household.erased == {"daughter": "names"}


def test_below_ten_a_guardian_does_it(app: Flask, daemon: Running, household: Household) -> None:
    household.lending.needs_pins = True
    assert Program(app, FROM_HERE, SONS).post("/my/erase", {}).status_code == 403
    by_mum = program(app, household)
    by_mum.ip = SONS
    assert by_mum.post("/my/erase", {}).status_code == 204
    assert household.erased == {"son": "names"}


def test_a_stranger_has_nothing_to_delete(app: Flask, daemon: Running) -> None:
    assert Program(app, FROM_HERE, "192.168.1.99").post("/my/erase", {}).status_code == 403
