"""Decided flows by protocol, with the packets of each that reached the table."""

from __future__ import annotations

import pytest

from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowTable
from tests.wire.dtls_forge import client_records, dtls_hello
from tests.wire.flow_forge import ALLOWED, HTTP_OK, REFUSED, RETRY, SERVER_HELLO, Talk, names_only
from tests.wire.flow_quic import SHORT, answer, initial
from tests.wire.flow_said import GET, HELLO, hello, open_http

HALF = 100


def counted(table: FlowTable) -> dict[str, tuple[int, int]]:
    """Flows and packets by protocol, without protocols that have neither."""
    stats = table.stats
    each = {
        "tls": (stats.tls_flows, stats.tls_packets),
        "http": (stats.http_flows, stats.http_packets),
        "quic": (stats.quic_flows, stats.quic_packets),
    }
    return {protocol: count for protocol, count in each.items() if count != (0, 0)}


@pytest.mark.parametrize(("cuts", "packets"), [((), 1), ((HALF,), 2), ((HALF, 2 * HALF), 3)])
def test_a_flow_that_the_kernel_decides_counts_the_segments_of_its_hello(
    cuts: tuple[int, ...], packets: int
) -> None:
    talk = Talk(names_only, kernel=True)
    for start, end in zip((0, *cuts), (*cuts, len(HELLO)), strict=True):
        assert counted(talk.table) == {}, "undecided"
        talk.client(HELLO[start:end])
    assert talk.actions[-1] is FlowAction.ANSWERABLE
    talk.server(SERVER_HELLO)
    assert counted(talk.table) == {"tls": (1, packets)}


def test_packets_after_the_decision_count_too() -> None:
    talk = Talk(names_only, kernel=True)
    talk.client(HELLO)
    talk.server(RETRY)
    talk.client(HELLO)
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES
    talk.client(HELLO)  # queued before the kernel had the verdict
    assert counted(talk.table) == {"tls": (1, 5)}


def test_without_answers_in_the_kernel_the_answer_counts() -> None:
    talk = Talk(names_only)
    talk.client(HELLO)
    talk.server(SERVER_HELLO)
    assert counted(talk.table) == {"tls": (1, 2)}


def test_a_refused_hello_is_a_flow_too() -> None:
    table = FlowTable()
    Talk(table=table).client(hello(REFUSED))
    Talk(table=table, sport=40001).client(HELLO)
    Talk(table=table, sport=40002, kernel=True).client(HELLO)
    assert counted(table) == {"tls": (2, 2)}, "one of three is undecided"


def test_plain_http_counts_every_request() -> None:
    talk = open_http()
    talk.asks = True
    for _ in range(3):
        talk.client(GET)
    assert counted(talk.table) == {"http": (1, 5)}


def test_quic_counts_both_sides_until_it_passes_and_later_long_headers() -> None:
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer()).action is FlowAction.PASSES
    talk.datagram(initial(ALLOWED))
    assert counted(talk.table) == {"quic": (1, 3)}
    talk.datagram(initial(REFUSED, dcid=b"another1"))
    assert counted(talk.table) == {"quic": (1, 4)}, "another connection of the same flow"


def test_other_protocols_are_not_counted() -> None:
    table = FlowTable()
    dtls = Talk(table=table)
    dtls.datagram(client_records(dtls_hello(REFUSED))[0])
    unread = Talk(table=table, sport=40001)
    unread.datagram(SHORT)
    plain = Talk(table=table, sport=40002, dport=5000)
    plain.client(b"\x00hello")
    assert plain.server(b"\x00welcome").action is FlowAction.PASSES
    assert FlowAction.REFUSED in dtls.actions
    assert counted(table) == {}


def test_a_new_connection_on_the_same_ports_is_another_flow() -> None:
    talk = Talk(names_only, kernel=True)
    talk.client(HELLO)
    again = Talk(names_only, table=talk.table, kernel=True, isn=0x12345678)
    again.client(HELLO[:HALF])
    again.client(HELLO[HALF:])
    assert counted(talk.table) == {"tls": (2, 3)}


def test_http_that_is_refused_counts_the_packets_of_its_page() -> None:
    talk = Talk(dport=80)
    assert talk.client(GET.replace(ALLOWED.encode(), REFUSED.encode())).action is FlowAction.REFUSED
    talk.server(HTTP_OK)
    assert counted(talk.table) == {"http": (1, 2)}
