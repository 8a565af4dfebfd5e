from __future__ import annotations

from webui.accounts.limiter import FIRST_WAIT, FORGET, KEYS_LIMIT, LONGEST_WAIT, TRIES, Limiter


def fail(limiter: Limiter, times: int, key: str = "a", now: float = 0.0) -> None:
    for number in range(times):
        limiter.count(key, now + number)


def test_five_wrong_tries_close_the_door_for_a_minute() -> None:
    limiter = Limiter()
    for number in range(TRIES):
        assert limiter.wait("a", float(number)) == 0
        limiter.count("a", float(number))
    assert limiter.wait("a", 5.0) == FIRST_WAIT - 1
    assert limiter.wait("a", FIRST_WAIT + 4) == 0
    assert limiter.wait("b", 5.0) == 0


def test_after_the_wait_there_is_one_try_and_the_next_wait_is_longer() -> None:
    limiter = Limiter()
    fail(limiter, TRIES)
    now = TRIES - 1 + FIRST_WAIT
    for wait in (120.0, 240.0, 480.0, LONGEST_WAIT, LONGEST_WAIT):
        assert limiter.wait("a", now) == 0
        limiter.count("a", now)
        assert limiter.wait("a", now) == wait
        now += wait


def test_two_hundred_wrong_passwords_are_held_off() -> None:
    """One a second; and all who wait patiently for as long as two hundred would need."""
    limiter, passed = Limiter(), 0
    for second in range(200):
        if limiter.wait("a", float(second)) == 0:
            passed += 1
            limiter.count("a", float(second))
    assert passed == TRIES + 2
    limiter, now = Limiter(), 0.0
    for _ in range(200):
        now += limiter.wait("a", now)
        limiter.count("a", now)
    assert now > 190 * LONGEST_WAIT, "two days"


def test_a_right_one_takes_its_own_try_back_and_no_other() -> None:
    limiter = Limiter()
    fail(limiter, TRIES - 1)
    limiter.count("a", 10.0)
    limiter.uncount("a")
    assert limiter.wait("a", 10.0) == 0
    limiter.count("a", 11.0)
    assert limiter.wait("a", 11.0) == FIRST_WAIT
    limiter.uncount("b")
    assert limiter.wait("b", 11.0) == 0


def test_after_a_right_one_the_wait_is_that_of_the_wrong_ones_before() -> None:
    """Two parents at one tablet: after the first had signed in, the second had to wait a minute (429)."""
    limiter = Limiter()
    fail(limiter, TRIES)
    now = TRIES - 1 + FIRST_WAIT
    assert limiter.wait("a", now) == 0
    limiter.count("a", now)
    limiter.uncount("a", now)
    assert limiter.wait("a", now + 1) == 0


def test_of_attempts_checked_at_the_same_time_each_takes_back_its_own() -> None:
    limiter = Limiter()
    fail(limiter, TRIES - 1)
    for moment in (10.0, 11.0, 12.0):
        limiter.count("a", moment)
    limiter.uncount("a", 10.0)
    limiter.uncount("a", 12.0)
    assert limiter.wait("a", 12.0) == FIRST_WAIT - 1, "the attempt at 11 was wrong"


def test_the_counts_survive_a_restart_and_a_boot() -> None:
    limiter = Limiter()
    fail(limiter, TRIES + 1, now=5000.0)
    later, booted = Limiter(), Limiter()
    later.restore(limiter.state(), 5010.0)
    assert later.wait("a", 5010.0) == limiter.wait("a", 5010.0) > 0
    booted.restore(limiter.state(), 30.0)
    assert booted.wait("a", 30.0) == 2 * FIRST_WAIT


def test_a_flood_of_addresses_resets_no_count() -> None:
    limiter = Limiter()
    fail(limiter, TRIES + 1)
    for number in range(KEYS_LIMIT * 2):
        limiter.count(f"invented {number}", 10.0)
    assert limiter.wait("a", 10.0) > 0


def test_after_an_hour_without_a_try_all_is_forgotten() -> None:
    limiter = Limiter()
    fail(limiter, 20)
    assert limiter.wait("a", 19 + LONGEST_WAIT - 1) == 1
    limiter.count("a", 19 + FORGET)
    assert limiter.wait("a", 19 + FORGET) == 0


def test_some_keys_have_more_tries() -> None:
    limiter = Limiter()
    fail(limiter, 49)
    assert limiter.wait("a", 49.0, tries=50) == 0
    limiter.count("a", 49.0)
    assert limiter.wait("a", 49.0, tries=50) == FIRST_WAIT


def test_many_addresses_do_not_grow_without_bound() -> None:
    limiter = Limiter()
    for number in range(KEYS_LIMIT * 2):
        limiter.count(str(number), 0.0)
    assert len(limiter._tries) == KEYS_LIMIT
