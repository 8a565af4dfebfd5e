"""A state's register in the daemon: for whom it holds while it is on, and what is kept of a hit."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.lists.table import TABLE_NAME
from gateway.policy.names.domain_table import pack_table
from gateway.policy.values import Reason
from tests.household.a_home import MUMS, PHONE, STRANGER, TABLET, Home

LISTED = "listed.example"
KZ = {"file": "/srv/kz.txt", "on": True, "by": "Mum", "since": "2026-11-24"}
CHILD = {"band": "10-12", "name": "Daughter", "devices": [TABLET], "allow": [LISTED], "log_level": 2}


def a_home(folder: Path, register: dict[str, object], unknown: str = "guest") -> Home:
    (folder / "state").mkdir(parents=True)
    names = {LISTED: {"law:kz"}}
    table = pack_table(names, salt=bytes(16), built="2026-11-24T06:00:00Z")
    (folder / "state" / TABLE_NAME).write_bytes(table)
    return Home(folder, CHILD, registers={"kz": register}, unknown_devices=unknown)


@pytest.mark.parametrize("unknown", ["guest", "home", "quarantine"])
def test_it_holds_for_everyone_in_the_home(tmp_path: Path, unknown: str) -> None:
    home = a_home(tmp_path, KZ, unknown)
    for mac in (TABLET, PHONE, MUMS, STRANGER):
        assert home.reason(mac, f"www.{LISTED}") is Reason.REGISTER
    assert home.rules.binds_everyone, "so adults' DNS is asked about"
    home.store.close()


def test_while_it_is_off_nobody_is_asked_about_it(tmp_path: Path) -> None:
    home = a_home(tmp_path, {"file": "/srv/kz.txt"})
    for mac in (TABLET, PHONE, MUMS, STRANGER):
        assert home.reason(mac, LISTED) is not Reason.REGISTER
    assert not home.rules.binds_everyone, "adults' packets go as before"
    home.store.close()
