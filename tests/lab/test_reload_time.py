"""Reloads of the real daemon with ten children and a large calendar: the longest turns of its event loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import pytest

from tests.lab.daemon import Daemon
from tests.lab.filtering import fresh
from tests.lab.home import Home
from tests.pace import EXACT, until

pytestmark = pytest.mark.lab

CHILDREN, EVENTS = 10, 1900
ENTRIES = 200  # a family's own list; the longest has 2,000
LONGEST = 50.0 if EXACT else 250.0  # ms of processor time in one turn; a busy machine needs up to 80
SECONDLY = "DTSTART;VALUE=DATE:20240101\r\nRRULE:FREQ=SECONDLY\r\n"


def calendar(*events: str) -> str:
    lines = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}@school.example\r\n{event}END:VEVENT\r\n"
        for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{lines}END:VCALENDAR\r\n"


def holidays(month: int) -> str:
    """Return a calendar of 350 kB."""
    text = "SUMMARY:" + "x" * 60 + "\r\n"
    return calendar(
        *(f"DTSTART;VALUE=DATE:2026{month:02d}{1 + day % 28:02d}\r\n{text}" for day in range(EVENTS))
    )


def child(number: int, tag: str, **rules: object) -> Mapping[str, object]:
    return {
        "name": f"Child {number}",
        "band": "10-12",
        "devices": [f"02:00:00:00:01:{number:02x}"],
        "block": [f"site{entry}.{tag}{number}.example.org" for entry in range(ENTRIES)],
        **rules,
    }


class Turns:
    """The long turns of the daemon's loop since the last call, in ms."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._file = daemon.folder / "turns"
        self._file.write_text("")
        daemon.run_with(sys.executable, "-m", "tests.lab.loop_turns", str(self._file))

    def of_reload(self) -> list[float]:
        self._file.write_text("")
        self._daemon.reload()
        time.sleep(2.0)
        return [float(turn) for turn in self._file.read_text().split()]


def test_no_reload_holds_up_the_filter(home: Home) -> None:
    home.begin_anew()
    daemon = fresh(home, {f"child{number}": child(number, "own") for number in range(CHILDREN)})
    turns = Turns(daemon)
    school = daemon.profiles / "school.ics"
    found: dict[str, list[float]] = {}
    with daemon:
        found["nothing changed"] = turns.of_reload()
        daemon.write_profile("child3", child(3, "new"))
        found["one child changed"] = turns.of_reload()
        for number in range(CHILDREN):
            daemon.write_profile(f"child{number}", child(number, "newer"))
        found["all children changed"] = turns.of_reload()
        school.write_text(holidays(9))
        daemon.write_profile("child3", child(3, "new", calendars=["school.ics"]))
        found["a calendar is new"] = turns.of_reload()
        school.write_text(holidays(10))
        found["the calendar changed"] = turns.of_reload()
        school.write_text(calendar(SECONDLY))
        found["the calendar is broken"] = turns.of_reload()
        said = "repeats more often than daily"
        assert (
            until(lambda: said in str(daemon.client.call("status")["problems"]), 5.0, every=0.5) is not None
        )
    assert max(max(turns, default=0.0) for turns in found.values()) < LONGEST, found
