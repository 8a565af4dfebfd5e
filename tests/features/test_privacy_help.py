"""Help leaves no trace (R-04): every shipped name of it, at each log level and in each state, and every place
in which something could be left.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing

import pytest

from gateway.control.protocol import Role
from gateway.household.loading import load_countries
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL
from gateway.policy.values import Reason
from tests.features.conftest import Make
from tests.features.desk import LATE, NOON, TABLET, Desk
from tests.features.surfaces import OF_A_CHILD
from tests.features.watched import Watched

BANDS = ("16-17", "13-15", "10-12", "6-9")  # by log level
OPEN_SITE = "www.khanacademy.org"
REASONS = {
    "open": Reason.OPEN,
    "bedtime": Reason.BEDTIME,
    "paused": Reason.PAUSED,
    "out of time": Reason.OUT_OF_TIME,
    "quarantined": Reason.QUARANTINED,
}
STRANGER = "02:00:00:00:00:77"
WITNESS = "m4rk-witness.refused.test"


def shipped() -> list[str]:
    lines = [line for country in load_countries().values() for line in country.help_lines]
    entries = {entry.removeprefix("=") for line in lines for entry in (*line.web, *line.companions)}
    return sorted(one for one in entries if not one.startswith("*"))


HELP = shipped()


def in_state(make: Make, state: str, level: int) -> tuple[Watched, str]:
    """A desk and a device of it that is in that state."""
    rules = {
        "band": BANDS[level],
        "bedtime": "20:45-07:00" if state == "bedtime" else {},
        "limits": {"internet": "0m"} if state == "out of time" else {},
        "block": ["refused.test"],
    }
    desk = make(LATE if state == "bedtime" else NOON, daughter=rules, unknown_devices="quarantine")
    desk.use("daughter", internet=0)
    assert desk.rules.household.profile("daughter").rules.log_level == level
    if state == "paused":
        desk.ask("pause", who="all", minutes=60)
    mac = STRANGER if state == "quarantined" else TABLET
    if state == "quarantined":
        desk.store.devices.seen(STRANGER, desk.clock.now(), "")
        desk.reassign()
    assert desk.reason(mac, OPEN_SITE) is REASONS[state]
    desk.events.clear()
    return Watched(desk), mac


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("state", REASONS)
def test_help_leaves_no_trace(make: Make, state: str, level: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    watched, mac = in_state(make, state, level)
    desk = watched.desk
    watched.kept()
    before = rows(desk)
    for host in HELP:
        watched.asks(mac, host)
    assert not any(str(Reason.HELP) in key for key in watched.decision_log.verdicts)
    assert watched.decision_log.questions == 0
    assert desk.events == []
    assert desk.ask("refusals", Role.WEB, device=mac)["refusals"] == []
    everything = b"".join(watched.kept().values()).lower()
    assert rows(desk) == before, "neither a name nor a count"
    said = watched.said(caplog.records)
    told = {verb: repr(desk.ask(verb, **values)).casefold() for verb, values in OF_A_CHILD.items()}
    for host in HELP:
        assert host.encode() not in everything
        assert host not in said
        assert [verb for verb, text in told.items() if f"'{host}'" in text] == []


@pytest.mark.parametrize("level", range(4))
def test_what_is_no_help_would_be_found(make: Make, level: int, caplog: pytest.LogCaptureFixture) -> None:
    """The same way, so that silence above means something."""
    caplog.set_level(logging.DEBUG)
    watched, mac = in_state(make, "open", level)
    desk = watched.desk
    before = rows(desk)
    watched.asks(mac, WITNESS)
    assert desk.ask("refusals", Role.WEB, device=mac)["refusals"]
    assert (WITNESS.encode() in b"".join(watched.kept().values())) == (level >= NAMES_LEVEL)
    assert (rows(desk) == before) == (level < KINDS_LEVEL)
    assert (WITNESS in watched.said(caplog.records)) == (level >= NAMES_LEVEL)
    assert watched.decision_log.verdicts


def rows(desk: Desk) -> dict[str, int]:
    """Of each table."""
    with closing(sqlite3.connect(desk.folder / "state" / "q.db")) as found:
        tables = [name for (name,) in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {one: found.execute(f'SELECT count(*) FROM "{one}"').fetchone()[0] for one in tables}
