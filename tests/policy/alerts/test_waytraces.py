"""When signs are enough for a card, by the times at which real systems try; when a device does without."""

from __future__ import annotations

import pytest

from gateway.policy.alerts.cards import CardTopic
from gateway.policy.alerts.signs import (
    BACK_WITHIN,
    FORGOTTEN,
    MAX_HOSTS,
    NAMES,
    QUIET,
    RELAYS_WITHIN,
    BypassSign,
    Finding,
    Traces,
)  # fmt: skip
from gateway.policy.profile.bypass_methods import Way

HOST = "dns.adguard.com"
WEAK = BypassSign(Way.ENCRYPTED_DNS, HOST, "dns", False)
STRONG = BypassSign(Way.ENCRYPTED_DNS, HOST, "dot")
VPN = BypassSign(Way.VPN, "", "wireguard")
LIKELY, SURE = Finding(CardTopic.PRIVATE_DNS, False), Finding(CardTopic.PRIVATE_DNS, True)
IN_AN_APP = Finding(CardTopic.APP_DNS, False)

# Android's NetworkMonitor: 1, 2, 4 … seconds, ten minutes at most.
STRICT = [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1111, 1711]


def told(traces: Traces, *times: float, sign: BypassSign = WEAK) -> list[Finding | None]:
    """Of a question for A and for AAAA at each of these times."""
    return [traces.sign(sign, at + more) for at in times for more in (0.0, 0.01)]


def others(traces: Traces, at: float, number: int = NAMES) -> frozenset[Way]:
    found: frozenset[Way] = frozenset()
    for each in range(number):
        found |= traces.asked(f"site{each}.example", at, allowed=True)
    return found


def test_a_phone_in_strict_mode_is_told_within_half_a_minute() -> None:
    findings = told(Traces(), *STRICT)
    assert findings[:10] == [None] * 10
    assert findings[10] == LIKELY
    assert all(one == LIKELY for one in findings[10::2])


def test_an_app_that_looks_up_a_resolver_beside_all_else_is_nothing() -> None:
    traces = Traces()
    for at in (0, 1, 2, 10, 20, 40):
        assert told(traces, at) == [None, None]
        traces.asked("chat.example", at + 0.5, allowed=True)


def test_what_is_asked_for_thrice_while_the_phone_sleeps_is_nothing() -> None:
    assert told(Traces(), 0, 2, 6) == [None] * 6
    traces = Traces()
    assert all(one is None for at in range(0, 36_000, 3600) for one in told(traces, at, at + 1, at + 3))


def test_refused_questions_for_other_names_are_others_too() -> None:
    traces = Traces()
    for at in STRICT[:6]:
        assert told(traces, at) == [None, None]
        traces.asked("casino.example", at + 0.5, allowed=False)


def test_a_browser_that_asks_with_each_page_beside_all_else() -> None:
    traces, found = Traces(), []
    for at in range(0, 300, 20):
        found += told(traces, at)
        traces.asked("push.example", at + 1, allowed=True)
    assert found[:14] == [None] * 14
    assert IN_AN_APP in found
    assert LIKELY not in found


def test_a_name_on_port_853_is_enough_once() -> None:
    assert Traces().sign(STRONG, 0.0) == SURE


def test_a_device_that_asks_in_the_clear_beside_it_has_it_in_an_app() -> None:
    traces = Traces()
    assert traces.sign(STRONG, 0.0) == SURE
    others(traces, 5.0)
    assert traces.sign(STRONG, 10.0) == Finding(CardTopic.APP_DNS, True)


def test_a_setting_that_is_made_again_and_an_app_that_tries_now_and_then() -> None:
    traces = Traces()
    for hour in (0, 1):
        assert traces.sign(STRONG, hour * 3600.0) == SURE
        assert others(traces, hour * 3600 + QUIET) == {Way.ENCRYPTED_DNS}
    assert traces.sign(STRONG, 7200.0) == Finding(CardTopic.APP_DNS, True)
    assert others(traces, 7200 + QUIET) == {Way.ENCRYPTED_DNS}
    assert traces.sign(STRONG, 7200 + QUIET + BACK_WITHIN + 1) == SURE, "another day"


@pytest.mark.parametrize("sign", [STRONG, VPN])
def test_a_device_that_asks_for_other_names_and_is_quiet_does_without(sign: BypassSign) -> None:
    traces = Traces()
    traces.sign(sign, 0.0)
    assert others(traces, 1.0) == frozenset(), "too soon"
    assert traces.asked("site0.example", QUIET - 1, allowed=True) == frozenset()
    assert traces.asked("site0.example", QUIET, allowed=True) == {sign.way}
    assert traces.asked("site0.example", QUIET, allowed=True) == frozenset(), "told once"
    traces.sign(sign, QUIET + 1)
    assert others(traces, QUIET + 2) == frozenset(), "again from the start"


def test_what_says_nothing_of_doing_without() -> None:
    traces = Traces()
    traces.sign(STRONG, 0.0)
    for each in range(10):
        assert traces.asked(HOST, QUIET + each, allowed=True) == frozenset(), "its own resolver"
        assert traces.asked(f"s{each}.example", QUIET + each, allowed=False) == frozenset(), "refused"
        assert traces.asked("one.example", QUIET + each, allowed=True) == frozenset(), "one name alone"


def test_an_app_that_looks_a_resolver_up_does_not_keep_a_mended_phone_s_card() -> None:
    traces = Traces()
    traces.sign(STRONG, 0.0)
    for at in range(30, int(QUIET), 30):
        assert traces.sign(BypassSign(Way.ENCRYPTED_DNS, f"dns{at}.google", "dns", False), at) is None
        others(traces, at + 1)
    assert others(traces, QUIET) == {Way.ENCRYPTED_DNS}


def test_what_was_told_before_a_restart_ends_as_well() -> None:
    traces = Traces()
    traces.resume(Way.ENCRYPTED_DNS, HOST, 0.0)
    assert traces.asked(HOST, QUIET, allowed=True) == frozenset()
    assert others(traces, QUIET) == {Way.ENCRYPTED_DNS}


def test_tor_is_three_relays_within_ten_minutes() -> None:
    def relay(number: int) -> BypassSign:
        return BypassSign(Way.TOR, "", "tls", False, bytes([192, 0, 2, number]))

    traces = Traces()
    assert [traces.sign(relay(1), float(at)) for at in range(20)] == [None] * 20
    assert traces.sign(relay(2), 20.0) is None
    assert traces.sign(relay(3), 21.0) == Finding(CardTopic.TOR, True)
    slow = Traces()
    assert [slow.sign(relay(one), one * RELAYS_WITHIN) for one in range(1, 9)] == [None] * 8


def test_a_clock_that_is_put_back_begins_anew() -> None:
    traces = Traces()
    told(traces, *(10_000 + at for at in STRICT[:5]))
    assert told(traces, *STRICT[:5]) == [None] * 10
    assert traces.sign(WEAK, 31.0) == LIKELY
    traces.sign(STRONG, 10_000.0)
    others(traces, 0.0)
    assert others(traces, QUIET) == {Way.ENCRYPTED_DNS}


def test_old_signs_are_forgotten_and_many_names_find_no_room() -> None:
    traces = Traces()
    told(traces, *STRICT[:5])
    assert told(traces, 15 + FORGOTTEN + 1) == [None, None]
    for number in range(1000):
        traces.sign(BypassSign(Way.ENCRYPTED_DNS, f"dns{number}.example", "dns", False), 5000.0 + number)
    assert 1 < len(traces._asked) <= MAX_HOSTS
    assert 1 < len(traces._resolvers) <= MAX_HOSTS
