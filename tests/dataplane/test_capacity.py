"""The limits of one device follow from what this machine judges."""

from __future__ import annotations

from dataclasses import astuple
from itertools import pairwise
from time import process_time_ns

import pytest

from gateway.dataplane import capacity
from gateway.dataplane.capacity import device_rates, packets_per_second, sample_packets
from gateway.kernel.snapshot import Rates
from gateway.policy.values import Observation
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.packet import TCP, checksum_ok, parse_ip

SLOWEST = Rates(tcp=200, dns=400, http=1000)


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (0, SLOWEST),  # a clock without steps
        (800, SLOWEST),
        (3_200, Rates(tcp=400, dns=400, http=1_600)),
        (8_000, Rates(tcp=1_000, dns=1_000, http=4_000)),
        (16_000, Rates(tcp=2_000, dns=2_000, http=8_000)),  # a thousand connections in two segments each
        (33_000, Rates(tcp=4_000, dns=2_000, http=16_000)),
        (10**7, Rates(tcp=4_000, dns=2_000, http=16_000)),
    ],
)
def test_rates_are_a_share_of_the_machine_within_bounds(judged: int, expected: Rates) -> None:
    assert device_rates(judged) == expected


def test_a_faster_machine_allows_no_less() -> None:
    rates = [astuple(device_rates(judged)) for judged in range(0, 60_000, 500)]
    for slower, faster in pairwise(rates):
        assert all(low <= high for low, high in zip(slower, faster, strict=True))


@pytest.mark.parametrize("judged", [800, 8_000, 33_000])
def test_the_work_limit_has_room_for_the_packets_of_the_rate(judged: int) -> None:
    """Otherwise the flow table drops hellos that the kernel let through."""
    rates, seconds = device_rates(judged), 4
    table = FlowTable(capacity.work_limits(rates))
    for number, packet in enumerate(sample_packets(seconds * rates.tcp // 2)):
        table.packet(
            packet,
            from_lan=True,
            now=number / rates.tcp,
            judge=lambda _seen: True,
            zone=1,
            answerable=lambda _seen: True,
        )
    assert table.stats.postponed == 0


def test_the_sample_is_a_connection_that_the_kernel_can_decide() -> None:
    table, seen = FlowTable(), list[Observation]()

    def judge(observation: Observation) -> bool:
        seen.append(observation)
        return True

    actions = [
        table.packet(packet, from_lan=True, now=0.0, judge=judge, answerable=lambda _seen: True).action
        for packet in sample_packets(3)
    ]
    assert actions == [FlowAction.HOLD, FlowAction.ANSWERABLE] * 3
    assert {observation.host for observation in seen} == {"www.example.org"}
    payloads = [parse_ip(packet).payload for packet in sample_packets(1)]
    assert sum(map(len, payloads)) > 1700, "two segments, as of browsers"
    for data in sample_packets(3):
        packet = parse_ip(data)
        assert packet.proto == TCP
        assert checksum_ok(data, packet)


def test_the_measurement_ends_by_processor_time() -> None:
    began = process_time_ns()
    assert packets_per_second() > 0
    assert process_time_ns() - began >= capacity.BUDGET
