"""Leases of the pass map: how long what is open stays so without a daemon."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.dataplane.gates import RENEW, Gates, byte_with_class
from gateway.kernel.marks import (
    ANSWERED_OTHERWISE,
    CUT,
    MAX_CLASS,
    FlowState,
    decode_verdict,
    verdict_byte,
)
from gateway.kernel.snapshot import Snapshot
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.store.database import StoreError
from gateway.store.tables.grants import SiteOpening
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowTable
from tests.features.conftest import Make, at
from tests.features.desk import TABLET, Desk
from tests.wire.flow_forge import Talk, names_only

GATES = frozenset({"device", "bedtime"})
BEDTIME = at("2026-11-24T20:45")


class Table:
    """Notes what was begun anew, and when it runs out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.snapshot = Snapshot(lan=("lo",))
        self.ends: dict[tuple[int, int], datetime] = {}
        self.conntrack = self
        self.marks: list[int] = []  # of the connections

    def update(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def renew(self, passes: Any) -> None:
        for one in passes:
            self.ends[one.slot, one.class_number] = self._desk.clock.at + timedelta(seconds=one.lease)

    def of_slot(self, layout: Any, slot: int) -> list[Any]:
        return [SimpleNamespace(mark=mark) for mark in self.marks if layout.ct_slot(mark) == slot]

    def find(self, original: Any) -> None:
        return None

    def open_classes(self, slot: int) -> set[int]:
        return {element.class_number for element in self.snapshot.passes if element.slot == slot}


def gates(desk: Desk, live: LiveFlows | None = None) -> tuple[Gates, Table]:
    table = Table(desk)
    made = Gates(
        cast("Any", desk.loop),
        cast("Any", table),
        desk.family,
        desk.store,
        LiveFlows() if live is None else live,
        desk.clock.now,
        FlowTable(),
        changed=lambda _: None,
        classes_opened=lambda: None,
        settle=lambda: None,
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


def test_a_renewal_before_a_late_sync_hides_no_change(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make("2026-11-24T20:00")
    made, table = gates(desk)
    slot, moved, judged = slot_of_tablet(desk), list[frozenset[int]](), list[datetime]()
    monkeypatch.setattr(made, "_changed", moved.append)
    monkeypatch.setattr(made, "rejudge", lambda: judged.append(desk.clock.at))
    desk.store.class_number(slot, GATES)
    now = desk.clock.now()
    desk.store.grants.open(SiteOpening(1, "daughter", "example.com", now + timedelta(minutes=5), now, "Mum"))
    made.sync()
    assert table.open_classes(slot) != set()
    for end, ended in ((now + timedelta(minutes=5), "opening"), (BEDTIME, "bedtime")):
        moved.clear()
        judged.clear()
        desk.clock.at = end + timedelta(seconds=1)
        made.renew()
        assert not moved
        assert not judged
        made.sync()
        assert (bool(judged), bool(moved)) == (ended == "opening", ended == "bedtime")
    assert table.open_classes(slot) == set()
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


SITE = FlowId(1, 6, b"\xc0\xa8\x4d\x0a", 40000, b"\xc6\x12\x00\x01", 443)
SEEN = Observation(Proto.TLS, "www.example.org")


def combination(number: int) -> frozenset[str]:
    return frozenset({"device", f"service:{number}"})


def slot_of_tablet(desk: Desk) -> int:
    member = desk.family.member_of(TABLET)
    assert member is not None
    return member.slot


def test_combinations_of_earlier_rules_use_up_no_class_numbers(make: Make) -> None:
    """As with many edits of one profile, each with another limit."""
    desk = make("2026-11-24T12:00")
    made, table = gates(desk)
    slot = slot_of_tablet(desk)
    for number in range(3 * MAX_CLASS):
        assert made.class_number(slot, combination(number)) in table.open_classes(slot)
        desk.go(timedelta(minutes=1))
    stored = dict(desk.store.classes())
    assert len(stored) <= MAX_CLASS
    desk.restart()
    assert desk.store.classes() == stored
    made.close()


def test_a_class_number_of_a_running_connection_stays(make: Make) -> None:
    desk = make("2026-11-24T20:50")  # after the start of bedtime
    live = LiveFlows()
    made, table = gates(desk, live)
    slot = slot_of_tablet(desk)
    numbers = [made.class_number(slot, combination(number)) for number in range(MAX_CLASS)]
    live.put(SITE._replace(slot=slot), LiveFlow((SEEN,), numbers[5], False))
    layout = table.snapshot.layout
    table.marks.append(layout.ct_mark(slot, verdict_byte(FlowState.PASSES, numbers[7])))
    number = made.class_number(slot, GATES)
    assert number not in (numbers[5], numbers[7])
    assert desk.store.classes() == {
        (slot, combination(5)): numbers[5],
        (slot, combination(7)): numbers[7],
        (slot, GATES): number,
    }
    assert table.open_classes(slot) == {numbers[5], numbers[7]}, "bedtime closes the class that is new"
    made.close()


@pytest.mark.parametrize("paused", [False, True], ids=["bedtime", "pause"])
def test_a_flow_without_an_answer_ends_with_the_childs_time(make: Make, paused: bool) -> None:
    desk = make("2026-11-24T20:44")
    made, table = gates(desk)
    slot = slot_of_tablet(desk)
    layout, marks = table.snapshot.layout, list[int]()
    entry = SimpleNamespace(mark=layout.ct_mark(slot, 0))

    def set_mark(entries: list[Any], mark: int, mask: int) -> int:
        marks.append(mark)
        return len(entries)

    conntrack = SimpleNamespace(find=lambda _: entry, set_mark=set_mark)
    table.conntrack = cast("Any", conntrack)
    talk = Talk(names_only, dport=50000, table=made._flows, zone=slot)
    for _ in range(20):
        talk.datagram(bytes(50))
    made.sync()
    assert talk.datagram(bytes(50)).action is FlowAction.HOLD
    if paused:
        desk.store.pauses.pause("daughter", until=None, by="Mum", at=desk.clock.now())
        made.sync()
    else:
        desk.go(timedelta(minutes=2))
    assert talk.datagram(bytes(50)).action is FlowAction.REFUSED
    assert marks == [layout.ct_mark(0, verdict_byte(FlowState.REFUSED))]
    made.close()


def test_connections_that_have_all_class_numbers_do_not_stop_the_daemon(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make("2026-11-24T12:00")
    live = LiveFlows()
    made, table = gates(desk, live)
    slot = slot_of_tablet(desk)
    numbers = [made.class_number(slot, combination(number)) for number in range(MAX_CLASS)]
    layout = table.snapshot.layout
    table.marks += [layout.ct_mark(slot, verdict_byte(FlowState.PASSES, number)) for number in numbers]
    with pytest.raises(StoreError, match="more than 63 combinations"):
        made.class_number(slot, combination(MAX_CLASS))
    table.marks.clear()
    with pytest.raises(StoreError):  # it does not look again at each packet
        made.class_number(slot, combination(MAX_CLASS))
    flow, subject = SITE._replace(slot=slot), desk.family.subjects[slot]
    live.put(flow, LiveFlow((SEEN,), numbers[0], False))
    subject.running = lambda *_: Decision(Verdict.ALLOW, Reason.OPEN, "", "", gates=combination(MAX_CLASS))
    assert made.rejudge() == 1
    assert flow not in live
    assert "A connection is cut: one device has more than 63 combinations" in caplog.text
    made.close()
