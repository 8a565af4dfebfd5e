"""A flow with one allowed hello: the kernel may decide it by the server's answer."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from tests.wire.flow_forge import ALLOWED, DECOY, HTTP_OK, REFUSED, RETRY, SERVER_HELLO, Talk, names_only
from tests.wire.flow_said import hello
from tests.wire.tls_forge import CHANGE_CIPHER_SPEC, ECH, client_hello, extension, record

HALF = 100


def talk_of(**how: object) -> Talk:
    return Talk(names_only, kernel=True, **how)  # type: ignore[arg-type]


def test_one_whole_hello_is_answerable_once() -> None:
    talk = talk_of()
    assert talk.client(hello(ALLOWED)).action is FlowAction.ANSWERABLE
    assert talk.client(hello(ALLOWED), at=0).action is FlowAction.HOLD
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES
    assert talk.table.stats.passed == 1


def test_a_hello_in_two_segments_is_answerable_with_its_last_byte() -> None:
    talk, data = talk_of(), hello(ALLOWED)
    assert talk.client(data[HALF:], at=HALF).action is FlowAction.HOLD
    assert talk.client(data[:HALF], at=0).action is FlowAction.ANSWERABLE


def test_without_a_kernel_nothing_is_answerable() -> None:
    talk = Talk(names_only)
    assert talk.client(hello(ALLOWED)).action is FlowAction.HOLD


def test_it_stays_undecided_where_the_caller_says_so() -> None:
    """A flow to a help line has no class; its second hello is read after any time."""
    table = FlowTable()
    talk = talk_of(table=table)
    talk.answerable = lambda _: False
    assert talk.client(hello(ALLOWED)).action is FlowAction.HOLD
    second = hello(REFUSED)
    talk.client(second[:HALF])
    talk.now += Limits().settled_age + 1
    assert talk.client(second[HALF:]).action is FlowAction.REFUSED


@pytest.mark.parametrize(
    "first",
    [
        CHANGE_CIPHER_SPEC + hello(ALLOWED),
        hello(ALLOWED) + CHANGE_CIPHER_SPEC,
        hello(ALLOWED) + hello(DECOY),
        record(client_hello(None)),
        record(client_hello(ALLOWED, after=extension(ECH, b"\x05"))),
        b"GET / HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\n\r\n",
    ],
    ids=["behind a record", "before a record", "two hellos", "no name", "malformed ECH", "HTTP"],
)
def test_anything_else_than_one_plain_hello_is_not(first: bytes) -> None:
    assert talk_of().client(first).action is not FlowAction.ANSWERABLE


def test_not_with_another_reading_or_after_an_answer() -> None:
    twice = talk_of()
    data = hello(ALLOWED)
    twice.client(b"\xff" * HALF, at=HALF)
    twice.client(data[HALF:], at=HALF)
    assert twice.client(data[:HALF], at=0).action is FlowAction.HOLD
    greeted = talk_of()
    greeted.server(b"220 ready\r\n")
    assert greeted.client(hello(ALLOWED)).action is FlowAction.HOLD


@pytest.mark.parametrize("late", [0.0, 10.0])
def test_a_second_hello_is_judged_until_the_answer(late: float) -> None:
    talk = talk_of()
    talk.client(hello(ALLOWED))
    talk.now += late
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED
    assert (talk.table.stats.passed, talk.table.stats.refused) == (0, 1)


@pytest.mark.parametrize("pause", [1.9, 2.1, 30.0])
def test_a_second_hello_in_two_parts_is_judged_whenever_they_come(pause: float) -> None:
    talk, second = talk_of(), hello(REFUSED)
    talk.client(hello(ALLOWED))
    talk.now += pause
    assert talk.client(second[:HALF]).action is FlowAction.HOLD
    talk.now += 0.2
    assert talk.client(second[HALF:]).action is FlowAction.REFUSED


@pytest.mark.parametrize(("name", "action"), [(REFUSED, FlowAction.REFUSED), (ALLOWED, FlowAction.HOLD)])
def test_after_a_hello_retry_the_second_hello_is_judged(name: str, action: FlowAction) -> None:
    talk = talk_of()
    talk.client(hello(ALLOWED))
    assert talk.server(RETRY[:44]).action is FlowAction.HOLD
    assert talk.server(SERVER_HELLO[:30]).action is FlowAction.HOLD
    assert talk.client(CHANGE_CIPHER_SPEC + hello(name)).action is action


def test_after_a_hello_retry_the_answer_to_the_second_hello_lets_it_pass() -> None:
    talk = talk_of()
    talk.client(hello(ALLOWED))
    talk.server(RETRY)
    talk.client(hello(ALLOWED))
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES
    assert talk.client(hello(ALLOWED)).action is FlowAction.PASSES, "resent, and queued before the answer"
    assert talk.table.stats.passed == 1


def test_a_flow_that_the_table_has_lost_is_refused_when_it_continues() -> None:
    forgotten: list[object] = []
    table = FlowTable(Limits(flows=1), forgotten=forgotten.append)
    talk = talk_of(table=table)
    talk.client(hello(ALLOWED))
    Talk(names_only, table=table, sport=40001).client(hello(ALLOWED))
    assert forgotten == [], "the kernel may have let it pass"
    assert table.stats.evicted == 0
    step = talk.client(hello(ALLOWED), at=0)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_a_flow_with_half_a_second_hello_is_reported_when_it_is_lost() -> None:
    forgotten: list[object] = []
    table = FlowTable(Limits(flows=1), forgotten=forgotten.append)
    talk = talk_of(table=table)
    talk.client(hello(ALLOWED))
    talk.client(hello(REFUSED)[:HALF])
    Talk(names_only, table=table, sport=40001).client(hello(ALLOWED))
    assert len(forgotten) == 1


@pytest.mark.parametrize("late", [0.1, 10.0])
def test_a_new_connection_on_the_same_ports_is_read_from_its_start(late: float) -> None:
    talk = talk_of()
    talk.client(hello(ALLOWED))
    talk.now += late
    again = Talk(names_only, table=talk.table, kernel=True, isn=0x12345678)
    again.now = talk.now
    assert again.client(hello(ALLOWED)).action is FlowAction.ANSWERABLE
    assert again.client(hello(REFUSED)[:HALF]).action is FlowAction.HOLD


def test_an_answer_in_clear_is_no_answer_to_a_hello() -> None:
    talk = talk_of()
    talk.client(hello(ALLOWED))
    assert talk.server(HTTP_OK).action is FlowAction.HOLD


def test_many_answerable_flows_displace_the_oldest_of_the_same_device() -> None:
    table = FlowTable(Limits(answerable=3))
    other = talk_of(table=table, zone=2)
    other.client(hello(ALLOWED))
    talks = [talk_of(table=table, sport=40000 + number) for number in range(3)]
    for talk in talks:
        talk.client(hello(ALLOWED))
    assert table.stats.flows == 3
    assert other.client(hello(ALLOWED), at=0).action is FlowAction.HOLD
    assert [talk.client(hello(ALLOWED), at=0).action for talk in talks] == [
        FlowAction.REFUSED,
        FlowAction.HOLD,
        FlowAction.HOLD,
    ]


def test_a_flow_with_another_answer_is_not_displaced() -> None:
    table = FlowTable(Limits(answerable=1))
    talk = talk_of(table=table)
    talk.client(hello(ALLOWED))
    talk.server(RETRY)
    for number in range(3):
        talk_of(table=table, sport=41000 + number).client(hello(ALLOWED))
    talk.client(hello(ALLOWED))
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


def test_an_answerable_flow_expires() -> None:
    table = FlowTable()
    talk_of(table=table).client(hello(ALLOWED))
    later = talk_of(table=table, sport=41000)
    later.now += Limits().age + 1
    later.client(hello(ALLOWED))
    assert (table.stats.flows, table.stats.expired) == (1, 0)
