from __future__ import annotations

from gateway.path.addresses import MAX_LIFETIME, MIN_LIFETIME, AddressBook

A, B = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def test_a_short_ttl_is_stretched_and_a_long_one_cut() -> None:
    book = AddressBook()
    book.learn(1, [A], 5, 100.0)
    book.learn(1, [B], float("inf"), 100.0)
    assert book.knows(1, A, 100.0 + MIN_LIFETIME - 1)
    assert not book.knows(1, A, 100.0 + MIN_LIFETIME)
    assert book.knows(1, B, 100.0 + MAX_LIFETIME - 1)
    assert not book.knows(1, B, 100.0 + MAX_LIFETIME)


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
