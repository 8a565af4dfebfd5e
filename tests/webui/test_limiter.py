from __future__ import annotations

from webui.limiter import ADDRESSES_LIMIT, TRIES, WINDOW, Limiter


def test_five_wrong_tries_close_the_door_for_a_minute() -> None:
    limiter = Limiter()
    for number in range(TRIES):
        assert limiter.wait("a", float(number)) == 0
        limiter.failed("a", float(number))
    assert limiter.wait("a", 5.0) == WINDOW - 5
    assert limiter.wait("a", WINDOW) == 0
    assert limiter.wait("b", 5.0) == 0


def test_after_the_wait_there_is_one_try_not_five() -> None:
    limiter = Limiter()
    for number in range(TRIES):
        limiter.failed("a", float(number))
    limiter.failed("a", WINDOW)
    assert limiter.wait("a", WINDOW + 0.5) == 0.5


def test_two_hundred_wrong_codes_are_held_off() -> None:
    limiter, passed = Limiter(), 0
    for second in range(200):
        if limiter.wait("a", float(second)) == 0:
            passed += 1
            limiter.failed("a", float(second))
    assert passed <= TRIES * (200 // WINDOW + 1)


def test_many_addresses_do_not_grow_without_bound() -> None:
    limiter = Limiter()
    for number in range(ADDRESSES_LIMIT * 2):
        limiter.failed(str(number), 0.0)
    assert len(limiter._tries) == ADDRESSES_LIMIT
