"""Extra time and opened sites: kept, ended, taken back; never lost by a kill, never there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, date, timedelta
from pathlib import Path

from gateway.store.store import Store
from gateway.store.tables.grants import GrantKind, GrantRow, SiteOpening
from tests.store.helpers import HOUR, NOW

DAY = timedelta(days=1)
KILLS = 12


def given(
    number: int, gate: str = "bedtime", minutes: int = 15, until: timedelta | None = HOUR, **more: object
) -> GrantRow:
    at = NOW.astimezone(UTC)
    values: dict[str, object] = {"who": "daughter", "day": date(2026, 11, 24), "service": None, "by": "Mum"}
    values |= {"at": at, "kind": GrantKind.GRANT, **more}
    return GrantRow(number, gate=gate, minutes=minutes, until=None if until is None else at + until, **values)  # type: ignore[arg-type]


def give(store: Store, *rows: GrantRow) -> None:
    store.grants.give(rows, audit_text=f"{rows[0].who} {rows[0].minutes} min")


def test_it_survives_a_restart_with_who_gave_it(path: Path) -> None:
    store = Store(path)
    rows = given(1), given(1, "internet", 20, None, service="youtube")
    give(store, *rows)
    opening = SiteOpening(
        2, "son", "service:tiktok", (NOW + HOUR).astimezone(UTC), NOW.astimezone(UTC), "Dad"
    )
    store.grants.open(opening)
    store.close()
    store = Store(path)
    assert store.state(NOW).given == rows
    assert store.state(NOW).openings == (opening,)
    assert [(line.who, line.what, line.detail) for line in store.audit.lines()][::-1] == [
        ("Mum", "grant", "daughter 15 min"),
        ("Dad", "open", "son service:tiktok until 2026-11-24T15:00+00:00"),
    ]
    store.close()


def test_the_audit_has_no_name_of_a_site(store: Store) -> None:
    store.grants.open(SiteOpening(2, "son", "example.com", NOW + HOUR, NOW, "Dad"))
    (line,) = store.audit.lines()
    assert line.detail == f"son a site until {(NOW + HOUR).isoformat(timespec='minutes')}"


def test_by_the_clock_it_ends_at_its_time_else_with_the_family_s_day(store: Store) -> None:
    give(store, given(1), given(1, "internet", 15, None))
    gates = [[one.gate for one in store.state(NOW + later).given] for later in (timedelta(), HOUR, DAY)]
    assert gates == [["bedtime", "internet"], ["internet"], []]
    before = NOW.replace(hour=3, minute=59) + DAY
    assert [one.gate for one in store.state(before).given] == ["internet"]
    assert store.state(before + timedelta(minutes=1)).given == ()


def test_a_number_is_never_given_twice(store: Store) -> None:
    first = store.grants.new_number(NOW)
    give(store, given(first))
    assert store.grants.new_number(NOW) == first + 1
    assert store.grants.new_number(NOW - 30 * DAY) == first + 1  # a clock that was put back


def test_what_is_taken_back_does_not_hold(path: Path, store: Store) -> None:
    give(store, given(1), given(1, who="son"))
    give(store, given(2, "internet", 15, None))
    store.grants.take_back(1, by="Dad", at=NOW)
    assert [one.grant for one in store.state(NOW).given] == [2]
    assert store.grants.holders(NOW, date(2026, 11, 24)) == {2: {"daughter"}}
    again = Store(path)
    assert [one.grant for one in again.state(NOW).given] == [2]
    assert len(again.grants.given({"daughter", "son"})) == 3  # a landing that is taken back stays taken
    again.close()


def test_what_was_added_to_it_is_shorter_by_it(path: Path, store: Store) -> None:
    give(store, given(1, until=15 * timedelta(minutes=1)))
    give(store, given(2, until=30 * timedelta(minutes=1)))
    give(store, given(3, who="son", until=30 * timedelta(minutes=1)))
    store.grants.take_back(1, by="Mum", at=NOW)
    again = Store(path)
    for one in (store, again):
        ends = [(row.grant, row.until) for row in one.state(NOW).given]
        utc = NOW.astimezone(UTC)
        minute = timedelta(minutes=1)
        assert ends == [(2, utc + 15 * minute), (3, utc + 30 * minute)]
    again.close()


def test_old_ones_go(path: Path) -> None:
    store = Store(path)
    give(store, given(1))
    store.purge(NOW + 30 * DAY)
    assert len(store.grants.given()) == 1
    store.purge(NOW + 31 * DAY)
    assert store.grants.given() == ()
    store.close()


def test_what_belongs_together_is_written_as_one(path: Path, store: Store) -> None:
    with store.transaction():
        give(store, given(1))
        store.grants.open(SiteOpening(1, "daughter", "example.com", NOW + HOUR, NOW, "Mum"))
        other = Store(path)
        assert other.grants.given() == ()
        other.close()
    other = Store(path)
    assert len(other.grants.given()) == 1
    assert len(other.state(NOW).openings) == 1
    assert len(other.audit.lines()) == 2
    other.close()


WRITER = """
import sys
from datetime import date
from pathlib import Path
from gateway.store.store import Store
from gateway.store.tables.grants import GrantKind, GrantRow
from tests.store.helpers import HOUR, NOW

store = Store(Path(sys.argv[1]))
while True:
    number = store.grants.new_number(NOW)
    day = date(2026, 11, 24)
    row = GrantRow(number, "son", day, "bedtime", 15, NOW + HOUR, None, NOW, "Mum", GrantKind.GRANT)
    with store.transaction():
        store.grants.give([row, row], audit_text="son 15 min")
    print(number, flush=True)
"""


def test_killed_in_a_loop_it_loses_nothing_that_was_answered(path: Path) -> None:
    """Each line is an answer: what was told is there, whole and once, after every `kill -9`."""
    answered: list[int] = []
    chance = random.Random(7)
    root = Path(__file__).parents[3]
    for _ in range(KILLS):
        argv = [sys.executable, "-c", WRITER, str(path)]
        env = {**os.environ, "PYTHONPATH": str(root)}
        with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=root, env=env, text=True) as process:
            assert process.stdout is not None
            answered.append(int(process.stdout.readline()))
            time.sleep(chance.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            answered += [int(line) for line in process.stdout.read().split("\n")[:-1]]
        store = Store(path)
        kept = [row.grant for row in store.grants.given()]
        assert set(answered) <= set(kept)
        assert len(set(kept)) - len(answered) <= KILLS  # written, but the answer was cut off
        assert all(kept.count(number) == 2 for number in kept)
        store.close()
