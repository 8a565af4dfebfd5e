from __future__ import annotations

from gateway.path.queried_resolvers import MAX_CLIENTS, MAX_RESOLVERS, QueriedResolvers
from gateway.path.renamed_questions import Client

DEVICE = bytes([192, 168, 77, 10])
CLIENT: Client = (1, DEVICE, 4000)


def resolver(number: int) -> bytes:
    return bytes([198, 51, 100, number])


def test_a_client_has_its_latest_resolvers_once() -> None:
    queried = QueriedResolvers()
    for number in (9, *range(MAX_RESOLVERS), 0):
        queried.record(CLIENT, resolver(number))
    assert queried.of(CLIENT) == tuple(resolver(number) for number in (0, 3, 2, 1))
    assert queried.of((2, DEVICE, 4000)) == queried.of((1, DEVICE, 4001)) == ()


def test_the_client_that_began_a_connection_first_is_evicted() -> None:
    queried = QueriedResolvers()
    for port in range(MAX_CLIENTS):
        queried.record((1, DEVICE, port), resolver(1))
    queried.record((1, DEVICE, 0), resolver(1))
    queried.record((1, DEVICE, MAX_CLIENTS), resolver(1))
    assert queried.of((1, DEVICE, 0)) == (resolver(1),)
    assert queried.of((1, DEVICE, 1)) == ()
