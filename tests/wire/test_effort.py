"""One device cannot spend the house's time."""

from __future__ import annotations

from gateway.wire.effort import Effort
from gateway.wire.flows import Action, FlowTable
from gateway.wire.limits import Limits
from tests.wire.flow_forge import ALLOWED, SERVER_HELLO, Talk, names_only
from tests.wire.quic_forge import encrypt_initial
from tests.wire.tls_forge import client_hello, records


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    effort = Effort(Limits(work_rate=100, work_burst=1000))
    effort.spend(1, 900, 0.0)
    assert effort.allows(1, 0.0)
    effort.spend(1, 300, 0.0)
    assert not effort.allows(1, 0.0)
    assert effort.allows(2, 0.0)
    assert not effort.allows(1, 2.0)
    assert effort.allows(1, 2.1)
    effort.spend(1, 10, 1000.0)
    assert effort.allows(1, 1000.0)


def test_a_device_that_sends_crafted_hellos_waits_and_others_do_not() -> None:
    table = FlowTable()
    small = records(client_hello(ALLOWED, padding_before_sni=3000), 1)
    for sport in range(1, 60):
        talk = Talk(names_only, table=table, zone=1, sport=sport)
        for at in range(0, len(small), 1400):
            talk.client(small[at : at + 1400])
        if Action.DROP in talk.actions:
            break
    assert talk.actions[-1] is Action.DROP
    assert table.stats.postponed > 0
    other = Talk(table=table, zone=2)
    other.client(records(client_hello(ALLOWED)))
    assert other.server(SERVER_HELLO).action is Action.PASSES
    talk = Talk(table=table, zone=1, sport=999)
    assert talk.client(records(client_hello(ALLOWED))).action is Action.DROP
    talk.now += 3
    assert talk.client(records(client_hello(ALLOWED)), at=0).action is Action.HOLD
    assert talk.server(SERVER_HELLO).action is Action.PASSES


def test_many_initials_in_one_datagram_cost_as_many() -> None:
    table = FlowTable(Limits(work_burst=1000, work_rate=1))
    one = encrypt_initial(b"\x01", dcid=b"12345678", pad_to=0)
    for sport in range(1, 5):
        talk = Talk(names_only, table=table, sport=sport)
        talk.datagram(one * 25)
    assert talk.actions == [Action.DROP]


def test_ordinary_use_stays_far_below() -> None:
    table = FlowTable()
    hello = records(client_hello(ALLOWED, post_quantum=True))
    for sport in range(1, 401):  # in one second
        talk = Talk(table=table, sport=sport)
        for at in range(0, len(hello), 700):
            assert talk.client(hello[at : at + 700]).action is Action.HOLD
        assert talk.server(SERVER_HELLO).action is Action.PASSES
    assert table.stats.postponed == 0
