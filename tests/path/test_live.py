from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.policy.values import Observation, Proto


def flow(port: int, slot: int = 1) -> FlowId:
    return FlowId(slot, 6, b"\n\0\0\1", port, b"\n\0\0\2", 443)


LIVE = LiveFlow((Observation(Proto.TLS, "www.example.org"),), 3, False)


def table(*ports: int) -> LiveFlows:
    made = LiveFlows()
    for port in ports:
        made.put(flow(port), LIVE)
    return made


def swept(live: LiveFlows, there: Iterable[object]) -> int:
    """Sweep ``live`` in one part; return how many flows it lost."""
    before = len(live)
    for _ in live.sweep([there]):
        continue
    return before - len(live)


def test_what_two_sweeps_did_not_find_is_forgotten() -> None:
    live = table(1, 2)
    assert swept(live, {flow(1)}) == 0
    assert swept(live, {flow(1)}) == 1
    assert live.get(flow(1)) == LIVE
    assert live.get(flow(2)) is None


def test_a_connection_that_is_found_again_begins_anew() -> None:
    live = table(1)
    for there in (set[FlowId](), {flow(1)}, set[FlowId]()):
        assert swept(live, there) == 0
    assert swept(live, set()) == 1


def test_a_plain_tuple_names_a_flow_too() -> None:
    live = table(1)
    there = frozenset({tuple(flow(1))})
    assert swept(live, there) == 0
    assert swept(live, there) == 0
    assert len(live) == 1
    assert live.get(cast("FlowId", tuple(flow(1)))) == LIVE


def test_a_slot_that_is_nobody_s_has_no_flows() -> None:
    live = table(1)
    live.put(flow(2, slot=2), LIVE)
    swept(live, set())
    live.forget(1)
    assert len(live) == 1
    assert live.get(flow(2, slot=2)) == LIVE
    live.put(flow(1), LIVE)
    assert swept(live, set()) == 1
    assert live.get(flow(1)) == LIVE, "its ports again: nothing is held against it"


def test_a_sweep_has_a_step_for_each_part_of_the_connection_table() -> None:
    """Packets are decided between the parts."""
    live = table(1, 2, 3)
    swept(live, {flow(1)})
    steps = live.sweep([[flow(1)], [flow(3)]])
    next(steps)
    next(steps)
    assert len(live) == 3
    assert next(steps, "ended") == "ended"
    assert live.get(flow(2)) is None
    assert live.get(flow(3)) == LIVE


def test_a_flow_that_is_decided_anew_during_a_sweep_stays() -> None:
    live = table(1)
    swept(live, set())
    steps = live.sweep([[]])
    next(steps)
    live.put(flow(1), LIVE)
    assert next(steps, "ended") == "ended"
    assert live.get(flow(1)) == LIVE


def test_a_full_table_loses_the_oldest_flow_of_the_slot_with_most() -> None:
    live = LiveFlows(limit=3)
    live.put(flow(1, slot=2), LIVE)
    for port in (1, 2, 3, 4):
        live.put(flow(port), LIVE)
    assert [found for found, _ in live.items()] == [flow(1, slot=2), flow(3), flow(4)]
    assert len(live) == 3
    assert set(live.by_slot()) == {1, 2}
