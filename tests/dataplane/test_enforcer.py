"""Leases of the pass map: how long what is open stays so without a daemon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from gateway.dataplane.gates import RENEW, Gates, byte_with_class
from gateway.kernel.marks import ANSWERED_OTHERWISE, CUT, MAX_CLASS, FlowState, decode_verdict
from gateway.kernel.snapshot import Snapshot
from gateway.path.live_flows import LiveFlows
from gateway.wire.flows.table import FlowTable
from tests.features.conftest import Make, at
from tests.features.desk import TABLET, Desk

GATES = frozenset({"device", "bedtime"})
BEDTIME = at("2026-11-24T20:45")


class Table:
    """Notes what was begun anew, and when it runs out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.snapshot = Snapshot(lan=("lo",))
        self.ends: dict[tuple[int, int], datetime] = {}

    def update(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def renew(self, passes: Any) -> None:
        for one in passes:
            self.ends[one.slot, one.class_number] = self._desk.clock.at + timedelta(seconds=one.lease)


def gates(desk: Desk) -> tuple[Gates, Table]:
    table = Table(desk)
    made = Gates(
        cast("Any", desk.loop),
        cast("Any", table),
        desk.family,
        desk.store,
        LiveFlows(),
        desk.clock.now,
        FlowTable(),
        changed=lambda _: None,
        classes_opened=lambda: None,
    )
    table.snapshot = made.snapshot(table.snapshot)
    return made, table


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.45, 0.7, 0.99])
def test_without_a_daemon_the_last_lease_ends_within_a_second_of_the_boundary(
    make: Make, phase: float
) -> None:
    """The daemon is killed at any moment of the last half minute."""
    desk = make("2026-11-24T20:43")
    desk.go(timedelta(seconds=phase))
    made, table = gates(desk)
    member = desk.family.member_of(TABLET)
    assert member is not None
    desk.store.class_number(member.slot, GATES)
    made.renew()
    for _ in range(3):
        desk.go(timedelta(seconds=RENEW))
    late = max(end - BEDTIME for end in table.ends.values())
    assert timedelta(seconds=0.5) <= late < timedelta(seconds=0.7)
    made.close()


def test_leases_are_renewed_by_one_timer_however_often_the_clock_jumps(make: Make) -> None:
    desk = make("2026-11-24T12:00")
    made, table = gates(desk)
    begun: list[datetime] = []
    cast("Any", table).renew = lambda _: begun.append(desk.clock.at)
    for _ in range(5):
        made.renew()
    begun.clear()
    desk.go(timedelta(seconds=4 * RENEW))
    assert 3 <= len(begun) <= 4
    made.close()


@pytest.mark.parametrize(
    ("before", "number", "after"),
    [
        ((FlowState.PASSES, 1), 2, (FlowState.PASSES, 2)),
        ((FlowState.ASKS, 1), 2, (FlowState.ASKS, 2)),
        ((FlowState.ANSWERABLE, 1), 2, (FlowState.ANSWERABLE, 2)),
        ((FlowState.ANSWERABLE, 1), MAX_CLASS, decode_verdict(ANSWERED_OTHERWISE)),
        (decode_verdict(ANSWERED_OTHERWISE), 2, decode_verdict(ANSWERED_OTHERWISE)),
        ((FlowState.UNDECIDED, 0), 2, (FlowState.UNDECIDED, 0)),
        ((FlowState.REFUSED, 0), 2, (FlowState.REFUSED, 0)),
        ((FlowState.PASSES, 1), 0, decode_verdict(CUT)),
        ((FlowState.ANSWERABLE, 1), 0, decode_verdict(CUT)),
    ],
)
def test_a_change_of_rules_keeps_the_state_of_a_connection(
    before: tuple[FlowState, int], number: int, after: tuple[FlowState, int]
) -> None:
    assert decode_verdict(byte_with_class(*before, number)) == after
