from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.path.addresses import (
    MAX_LIFETIME,
    MAX_NAME_ADDRESSES,
    MAX_TARGETS,
    NAME_LIFETIME,
    AnsweredNames,
    NameBook,
    RunningNames,
)

A, B, C = (bytes([192, 0, 2, last]) for last in (1, 2, 3))
NAT64, MAPPED = bytes.fromhex("0064ff9b") + bytes(8), bytes(10) + b"\xff\xff"


def a_book(limit: int = MAX_NAME_ADDRESSES, slots: tuple[int, ...] = (1, 2)) -> NameBook:
    book = NameBook(limit)
    book.watch(slots)
    return book


def learn(
    book: NameBook, slot: int, host: str, *addresses: bytes, now: float = 0.0, vouched: bool = True
) -> None:
    book.learn(slot, host, addresses, 60, now, vouched=vouched)


def test_a_name_gave_an_address_to_one_device() -> None:
    book = a_book()
    learn(book, 1, "www.example.org", A)
    assert book.gave(1, "www.example.org", A, 1.0)
    assert not book.gave(1, "www.example.org", B, 1.0)
    assert not book.gave(1, "example.org", A, 1.0)
    assert not book.gave(2, "www.example.org", A, 1.0)
    assert not book.gave(3, "www.example.org", A, 1.0)


@pytest.mark.parametrize("told", [A, NAT64 + A, MAPPED + A])
@pytest.mark.parametrize("called", [A, NAT64 + A])
def test_behind_the_prefix_of_nat64_an_address_is_the_one_in_it(told: bytes, called: bytes) -> None:
    """Whichever the answer had and whichever the device calls, with CLAT or without."""
    book = a_book()
    learn(book, 1, "www.example.org", told)
    device = AnsweredNames(book, 1, lambda: 1.0)
    assert device.gave("www.example.org", called)
    assert device.vouched("www.example.org", called)
    assert device.hosts(called) == device.for_running_flows().hosts(called) == ["www.example.org"]
    for other in (NAT64 + B, bytes.fromhex("0064ff9b") + bytes(7) + b"\1" + A, bytes(12) + A):
        assert not device.gave("www.example.org", other)
        assert not device.vouched("www.example.org", other)
        assert device.hosts(other) == []
    learn(book, 1, "www.example.org", NAT64 + A, A)
    assert len(book) == 1


def test_for_an_hour_at_least_and_a_day_at_most() -> None:
    book = a_book()
    book.learn(1, "short.example", [A], 5, 100.0, vouched=True)
    book.learn(1, "long.example", [A], float("inf"), 100.0, vouched=True)
    assert book.gave(1, "short.example", A, 100.0 + NAME_LIFETIME - 1)
    assert not book.gave(1, "short.example", A, 100.0 + NAME_LIFETIME)
    assert book.gave(1, "long.example", A, 100.0 + MAX_LIFETIME - 1)
    assert not book.gave(1, "long.example", A, 100.0 + MAX_LIFETIME)
    assert book.hosts(1, A, 100.0 + NAME_LIFETIME) == ["long.example"]


def test_a_later_answer_never_shortens_nor_takes_a_voucher_back() -> None:
    book = a_book()
    book.learn(1, "x.example", [A], 7200, 0.0, vouched=True)
    book.learn(1, "x.example", [A], 5, 10.0, vouched=False)
    assert book.gave(1, "x.example", A, 7199.0)
    assert book.hosts(1, A, 20.0) == ["x.example"]
    book.learn(1, "x.example", [A], 5, 7300.0, vouched=False)  # the vouched one has lapsed
    assert book.hosts(1, A, 7301.0) == []


def test_only_vouched_answers_say_whose_an_address_is() -> None:
    book = a_book()
    learn(book, 1, "rumour.example", A, vouched=False)
    learn(book, 1, "true.example", A)
    assert book.gave(1, "rumour.example", A, 1.0)
    assert book.hosts(1, A, 1.0) == ["true.example"]
    assert book.hosts(2, A, 1.0) == []


def test_a_name_is_reached_where_it_leads() -> None:
    """In whichever order the answers come, over some steps, round in a circle as well."""
    book = a_book()
    learn(book, 1, "svc.cdn.example", A)
    assert not book.gave(1, "www.example.org", A, 1.0)
    book.add_targets(1, "www.example.org", ["cdn.example"])
    book.add_targets(1, "cdn.example", ["svc.cdn.example", "www.example.org"])
    assert book.gave(1, "www.example.org", A, 1.0)
    assert not book.gave(1, "www.example.org", B, 1.0)
    assert not book.gave(2, "www.example.org", A, 1.0)
    for number in range(3 * MAX_TARGETS):
        book.add_targets(1, f"{number}.example", ["x.example"])
    assert not book.gave(1, "www.example.org", A, 1.0)


def test_what_the_gateways_own_resolver_said_is_told_apart() -> None:
    book = a_book()
    book.learn(1, "site.example", [A], 60, 0.0, vouched=False)
    book.learn(1, "site.example", [B], 60, 0.0, vouched=True)
    book.add_targets(1, "site.example", ["cdn.example"])
    book.learn(1, "cdn.example", [C], 60, 0.0, vouched=True)
    assert [book.gave(1, "site.example", one, 1.0) for one in (A, B, C)] == [True, True, True]
    assert [book.vouched(1, "site.example", one, 1.0) for one in (A, B, C)] == [False, True, False]
    assert not book.vouched(1, "site.example", B, NAME_LIFETIME)
    assert not book.vouched(2, "site.example", B, 1.0)
    assert not book.vouched(3, "site.example", B, 1.0)
    names = AnsweredNames(book, 1, lambda: 1.0)
    assert [names.vouched("site.example", one) for one in (A, B)] == [False, True]
    assert names.for_running_flows().vouched("site.example", A)


def test_of_slots_that_are_not_watched_nothing_is_kept() -> None:
    book = a_book(slots=(1,))
    learn(book, 2, "x.example", A)
    assert len(book) == 0
    learn(book, 1, "x.example", A)
    book.watch([2])
    assert len(book) == 0
    book.watch([1, 2])
    assert not book.gave(1, "x.example", A, 1.0)


def test_one_devices_answers_push_out_no_others() -> None:
    book = a_book(limit=8)
    learn(book, 2, "quiet.example", A)
    for number in range(100):
        learn(book, 1, f"{number}.example", B)
    assert book.gave(2, "quiet.example", A, 1.0)
    assert book.gave(1, "99.example", B, 1.0)
    assert not book.gave(1, "0.example", B, 1.0)
    assert len(book) == 8


def test_what_runs_does_not_end_by_an_answer_that_lapsed() -> None:
    book = a_book()
    learn(book, 1, "vpn.example", A)
    now = NAME_LIFETIME + 1
    names = AnsweredNames(book, 1, lambda: now)
    assert (names.gave("vpn.example", A), names.hosts(A)) == (False, [])
    running = names.for_running_flows()
    assert isinstance(running, RunningNames)
    assert (running.gave("vpn.example", A), running.hosts(A)) == (True, ["vpn.example"])


def test_a_thousand_addresses_cost_little() -> None:
    book = a_book()
    hosts = [(f"host{number}.example.org", number.to_bytes(4, "big")) for number in range(2000)]
    tracemalloc.start()
    for host, address in hosts:
        learn(book, 1, host, address)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 350 * len(hosts)


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from("abcdef"), st.sampled_from([A, B]), st.booleans()),
        max_size=60,
    ),
    st.integers(1, 12),
)
@settings(max_examples=100, deadline=None)
def test_never_more_than_the_limit_and_the_latest_is_always_known(
    learnt: list[tuple[int, str, bytes, bool]], limit: int
) -> None:
    book = a_book(limit, (1, 2, 3))
    for slot, host, address, vouched in learnt:
        learn(book, slot, host, address, vouched=vouched)
        assert len(book) <= limit
        assert len(book) == sum(len(one.given) for one in book._slots.values())


def test_what_a_slot_was_told_can_be_forgotten() -> None:
    book = a_book(limit=2)
    learn(book, 1, "www.example.org", A)
    learn(book, 2, "www.example.org", A)
    book.forget(1)
    book.forget(3)
    assert not book.gave(1, "www.example.org", A, 1.0)
    assert book.gave(2, "www.example.org", A, 1.0)
    assert len(book) == 1
    learn(book, 1, "www.example.org", B)
    assert book.gave(1, "www.example.org", B, 1.0), "it is watched on"
    assert book.gave(2, "www.example.org", A, 1.0), "and what it forgot takes no room"


def test_what_single_names_gave_is_taken_back_and_a_shared_address_is_another_s_still() -> None:
    book = a_book()
    for host, address in (("school.kz", A), ("school.kz", B), ("other.kz", B)):
        learn(book, 1, host, address)
    learn(book, 2, "school.kz", A)
    assert book.remove_hosts(1, {"school.kz", "never.kz"}) == {A}
    assert not book.gave(1, "school.kz", A, 1.0)
    assert book.gave(1, "other.kz", B, 1.0)
    assert book.gave(2, "school.kz", A, 1.0)
    assert book.remove_hosts(3, {"school.kz"}) == frozenset()
    assert len(book) == 2
