from __future__ import annotations

import tracemalloc

from gateway.path.addresses import (
    MAX_LIFETIME,
    MAX_RECENT,
    MIN_LIFETIME,
    RECENT,
    AddressBook,
    DeviceServices,
    NameBook,
    ServiceBook,
)

A, B = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def test_a_short_ttl_is_stretched_and_a_long_one_cut() -> None:
    book = AddressBook()
    book.learn(1, [A], 5, 100.0)
    book.learn(1, [B], float("inf"), 100.0)
    assert book.knows(1, A, 100.0 + MIN_LIFETIME - 1)
    assert not book.knows(1, A, 100.0 + MIN_LIFETIME)
    assert book.knows(1, B, 100.0 + MAX_LIFETIME - 1)
    assert not book.knows(1, B, 100.0 + MAX_LIFETIME)


def test_behind_the_prefix_of_nat64_an_address_is_the_one_in_it() -> None:
    behind = bytes.fromhex("0064ff9b") + bytes(8)
    for told, called in ((A, behind + A), (behind + A, A)):
        book = AddressBook()
        book.learn(1, [told], 1000, 0.0)
        assert book.knows(1, called, 1.0)
        assert not book.knows(1, behind + B, 1.0)


def test_keys_are_apart_and_a_later_answer_never_shortens() -> None:
    book = AddressBook()
    book.learn(1, [A], 1000, 0.0)
    book.learn(1, [A], 5, 0.0)
    assert book.knows(1, A, 999.0)
    assert not book.knows(2, A, 0.0)
    assert not book.knows("safe.example", A, 0.0)
    book.forget(1)
    assert not book.knows(1, A, 0.0)


def test_bounded_with_the_longest_unused_first() -> None:
    book = AddressBook(limit=2)
    book.learn(1, [A], 1000, 0.0)
    book.learn(1, [B], 1000, 0.0)
    book.learn(1, [A], 1000, 1.0)
    book.learn(2, [A], 1000, 1.0)
    assert book.knows(1, A, 2.0)
    assert not book.knows(1, B, 2.0)
    assert len(book) == 2


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_services_that_a_device_asked_for() -> None:
    clock = Clock()
    book = ServiceBook(lambda host: ("roblox",) if host == "roblox.com" else (), clock)
    mine, other = DeviceServices(book, 1), DeviceServices(book, 2)
    book.record_query(1, "roblox.com")
    book.record_query(1, "example.com")
    book.learn(1, "roblox.com", [A], 60)
    book.learn(1, "example.com", [B], 60)
    assert mine.asked("roblox")
    assert not other.asked("roblox")
    assert [mine.gave("roblox", one) for one in (A, B)] == [True, False]
    assert not other.gave("roblox", A)
    clock.now = RECENT - 1
    assert mine.asked("roblox")
    book.record_query(1, "roblox.com")
    clock.now = RECENT + 1
    assert mine.asked("roblox")
    clock.now += RECENT
    assert not mine.asked("roblox")


def test_a_slot_that_becomes_somebody_elses_knows_nothing() -> None:
    book = ServiceBook(lambda host: (host,), Clock())
    book.record_query(1, "x")
    book.learn(1, "x", [A], 60)
    book.forget(1)
    assert not book.asked(1, "x")
    assert not book.gave(1, "x", A)


def test_no_more_services_are_kept_than_a_family_uses() -> None:
    book = ServiceBook(lambda host: (host,), Clock())
    for number in range(MAX_RECENT + 1):
        book.record_query(1, str(number))
    assert not book.asked(1, "0")
    assert book.asked(1, "1")


def test_one_devices_answers_push_out_no_others() -> None:
    book = AddressBook(limit=8)
    book.learn("help", [A], 1000, 0.0)
    book.learn(2, [A], 1000, 0.0)
    for number in range(100):
        book.learn(1, [bytes([198, 18, 0, number])], 1000, 1.0)
    assert book.knows("help", A, 2.0)
    assert book.knows(2, A, 2.0)
    assert book.knows(1, bytes([198, 18, 0, 99]), 2.0)
    assert len(book) == 8
    book.forget(1)
    assert len(book) == 2


def test_single_addresses_are_taken_back() -> None:
    book = AddressBook()
    book.learn(1, [A, B], 1000, 0.0)
    book.learn(2, [A], 1000, 0.0)
    book.drop(1, [A, A])
    book.drop(3, [A])
    assert [book.knows(1, one, 1.0) for one in (A, B)] == [False, True]
    assert book.knows(2, A, 1.0)
    assert len(book) == 2


def test_a_name_and_its_address_take_less_than_260_bytes() -> None:
    """In both books together, full. Each household fills them in some days."""
    book, names = AddressBook(), NameBook()
    names.watch([1])
    tracemalloc.start()
    for number in range(8192):
        addresses = [number.to_bytes(16 if number % 2 else 4)]
        book.learn(1, addresses, 300, 1000.0 + number)
        names.learn(1, f"www.site-{number}.example", addresses, 300, 1000.0 + number, vouched=True)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(book) == len(names) == 8192
    assert taken / 8192 < 260
