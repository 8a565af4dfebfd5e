"""Attempts: bursts of blocked decisions, and which of them a person made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.core.bus import Bus, ControlEvent
from gateway.features.activity.attempts import (
    BURST_LIMIT,
    BURSTS_LIMIT,
    NEAR_USE,
    OPENING,
    QUIET,
    STARTS,
    UNSURE_LIMIT,
    Attempts,
    attempt_target,
    is_bypass,
)
from gateway.features.activity.histories import BlockedSites
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.store.tables.history import Count
from tests.features.decisions import new_decision_log
from tests.household.a_home import NOON, PHONE, TABLET, Home

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BLOCKED = Decision(Verdict.BLOCK, Reason.FAMILY_BLOCK, "block: service:tiktok", "family")
SEEN = Observation(Proto.TLS, "www.tiktok.com")
TIKTOK = "service:tiktok"


@dataclass
class Counted:
    """The attempts of one device since NOON."""

    attempts: Attempts = field(default_factory=Attempts)

    def starts(self, after: timedelta, target: str = TIKTOK, slot: int = 1) -> bool:
        return self.attempts.blocked(slot, target, SEEN, BLOCKED, NOON + after) is not None

    def is_background(self, after: timedelta, target: str = TIKTOK) -> bool:
        attempt = self.attempts.blocked(1, target, SEEN, BLOCKED, NOON + after)
        assert attempt is not None
        return attempt.background

    def opens(self, after: timedelta, host: str) -> bool:
        seen = SEEN._replace(host=host)
        assert self.attempts.blocked(1, TIKTOK, seen, BLOCKED, NOON + after) is None
        return self.attempts.opened(1, TIKTOK, seen, NOON + after) is not None

    def used(self, after: timedelta) -> int:
        return len(self.attempts.used(1, NOON + after))


def test_retries_of_a_browser_are_one_attempt() -> None:
    counted = Counted()
    delays = [0, 0.1, 1, 6, 36, 96, 96.2]  # Chromium loads a page again after 1, 5, 30 and 60 seconds
    assert [counted.starts(seconds * SECOND) for seconds in delays] == [True, *[False] * 6]


def test_a_quiet_device_ends_the_burst() -> None:
    counted = Counted()
    assert counted.starts(0 * SECOND)
    assert not counted.starts(QUIET - SECOND)
    assert counted.starts(2 * QUIET)


def test_a_burst_that_never_ends_is_an_attempt_each_half_hour() -> None:
    counted = Counted()
    steps = int(timedelta(hours=2) / MINUTE)
    assert sum(counted.starts(minute * MINUTE) for minute in range(steps)) == timedelta(hours=2) / BURST_LIMIT


def test_each_device_and_each_service_has_its_own_attempts() -> None:
    counted = Counted()
    assert counted.starts(0 * SECOND)
    assert counted.starts(SECOND, slot=2)
    assert counted.starts(SECOND, "service:snapchat")
    assert not counted.starts(2 * SECOND)


def test_an_attempt_on_a_device_in_use_is_a_person_s() -> None:
    counted = Counted()
    counted.used(0 * SECOND)
    assert not counted.is_background(NEAR_USE)
    assert counted.is_background(2 * NEAR_USE + SECOND, "site.example")


def test_use_right_after_an_attempt_corrects_it_once() -> None:
    counted = Counted()
    assert counted.is_background(0 * SECOND)
    assert counted.used(NEAR_USE) == 1
    assert counted.used(NEAR_USE) == 0
    assert counted.is_background(3 * NEAR_USE)
    assert counted.used(5 * NEAR_USE) == 0, "too late"


def test_an_app_that_retries_by_a_timer_is_in_the_background_even_during_use() -> None:
    counted, found = Counted(), []
    for number in range(6):
        counted.used(number * 15 * MINUTE)
        found.append(counted.is_background(number * 15 * MINUTE + number % 3 * SECOND))
    assert found == [*[False] * (STARTS - 1), *[True] * (6 - STARTS + 1)]
    assert counted.used(76 * MINUTE) == 0


def test_several_names_at_once_after_a_rest_are_a_person_s() -> None:
    counted = Counted()
    assert counted.is_background(0 * SECOND)
    assert [counted.opens(name * SECOND, f"{name}.tiktok.com") for name in (1, 1, 2, 3)] == [
        False, False, True, False,
    ]  # fmt: skip
    assert counted.used(4 * SECOND) == 0, "it is corrected once"


def test_too_few_names_or_too_slow_ones_are_no_opening() -> None:
    counted = Counted()
    assert counted.is_background(0 * SECOND)
    assert not counted.opens(OPENING, "a.tiktok.com")
    assert not counted.opens(OPENING + SECOND, "b.tiktok.com")
    assert not counted.opens(OPENING + SECOND, "c.tiktok.com")


def test_what_was_tried_within_the_last_half_hour_is_no_opening() -> None:
    counted = Counted()
    counted.is_background(0 * SECOND)
    assert counted.is_background(5 * MINUTE)
    assert not any(counted.opens(5 * MINUTE + SECOND, f"{name}.tiktok.com") for name in range(5))


def test_a_burst_that_goes_on_in_the_background_stays_there() -> None:
    counted, found = Counted(), []
    for minute in range(90):
        if minute % 15 == 0 and minute:
            assert counted.used(minute * MINUTE - SECOND) == 0, "an app that may connect"
        attempt = counted.attempts.blocked(1, TIKTOK, SEEN, BLOCKED, NOON + minute * MINUTE)
        found += [attempt.background] if attempt else []
    assert found == [True] * 3


def test_a_person_has_no_timer() -> None:
    counted, found = Counted(), []
    for minutes in (0, 4, 19, 26, 55, 58):
        counted.used(minutes * MINUTE)
        found.append(counted.is_background(minutes * MINUTE))
    assert found == [False] * 6


def test_memory_has_a_limit() -> None:
    counted = Counted()
    for number in range(BURSTS_LIMIT + 1):
        assert counted.starts(SECOND, f"site{number}.example")
    assert not counted.starts(SECOND, f"site{BURSTS_LIMIT}.example")
    assert counted.starts(SECOND, "site0.example"), "the oldest is forgotten"
    assert counted.used(2 * SECOND) == UNSURE_LIMIT


def test_a_change_of_the_clock_neither_ends_nor_joins_bursts() -> None:
    counted, hour = Counted(), timedelta(hours=1)
    counted.used(0 * SECOND)
    counted.starts(0 * SECOND)
    counted.is_background(NEAR_USE + SECOND, "site.example")
    counted.attempts.shift(hour)
    assert not counted.starts(hour + SECOND)
    assert counted.used(hour + NEAR_USE) == 1


def test_what_was_erased_is_not_corrected_later() -> None:
    counted = Counted()
    counted.is_background(0 * SECOND)
    counted.attempts.forget(1)
    assert counted.used(SECOND) == 0
    assert counted.starts(2 * SECOND)


@pytest.mark.parametrize(
    ("host", "reason", "rule", "target"),
    [
        ("www.tiktok.com", "service", "block: service:tiktok", TIKTOK),
        ("v16.tiktokcdn.com", "category", "band 10-12: category:social_networks = ask", TIKTOK),
        ("", "service", "block: service:tiktok", TIKTOK),
        ("a.b.site.example", "not_on_list", "allow-list", "site.example"),
        ("one.github.io", "not_on_list", "allow-list", "one.github.io"),
        ("news.site.com.kz", "not_on_list", "allow-list", "site.com.kz"),
        ("www.tiktok.com", "out_of_time", "limits: service:tiktok: 1h", TIKTOK),
        ("www.tiktok.com", "window", "band 10-12: windows: service:tiktok: 16:00-18:00", TIKTOK),
        ("", "vpn", "ways: vpn", "reason:vpn"),
    ],
)
def test_the_target_is_what_a_person_would_name(
    tmp_path: Path, host: str, reason: str, rule: str, target: str
) -> None:
    home = Home(tmp_path)
    catalogue = home.rules.world.catalogue
    assert attempt_target(host, reason, rule, catalogue, lazy_public_suffix_check()) == target
    home.store.close()


@pytest.mark.parametrize(
    ("target", "reason", "rule", "found"),
    [
        ("reason:vpn", "vpn", "ways: vpn", True),
        ("a-vpn.example", "category", "band 10-12: category:proxy_vpn_doh = block", True),
        ("service:nordvpn", "service", "block: service:nordvpn", True),
        (TIKTOK, "service", "block: service:tiktok", False),
        ("reason:bedtime", "bedtime", "bedtime", False),
    ],
)
def test_a_bypass_is_known_by_reason_category_or_service(
    tmp_path: Path, target: str, reason: str, rule: str, found: bool
) -> None:
    home = Home(tmp_path)
    assert is_bypass(target, reason, rule, home.rules.world.catalogue) is found
    home.store.close()


# ---------------------------------------------------------------------------------------- in the log


@dataclass
class Log:
    """A home whose devices send DNS queries and connections."""

    home: Home
    events: list[ControlEvent] = field(default_factory=list)
    now: datetime = NOON

    def __post_init__(self) -> None:
        bus = Bus()
        bus.subscribe(ControlEvent, self.events.append)
        self.log = new_decision_log(self.home.store, self.home.family, lambda: self.now, self.home.rules, bus)

    def sends(self, host: str | None, *protos: Proto, mac: str = TABLET, after: timedelta = SECOND) -> None:
        self.now += after
        member = self.home.family.member_of(mac)
        assert member is not None
        subject = self.home.family.subjects[member.slot]
        for proto in protos:
            seen = Observation(proto, host) if proto is Proto.DNS else Observation(proto, host, bytes(4), 443)
            self.log.decided(subject, seen, subject.decide(seen, self.now), self.now)

    def count(self, who: str = "daughter") -> tuple[int, int]:
        """Return the attempts of today: those of a person, and in the background."""
        self.home.store.flush(0.0, force=True)
        day = self.home.rules.calendar.family_day(NOON)
        counts: list[Count] = self.home.store.history.counts(who, day, day)
        return sum(count.refused for count in counts), sum(count.background for count in counts)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(Home(tmp_path))


PAGE_LOAD = (Proto.DNS, Proto.DNS, Proto.DNS, Proto.QUIC, Proto.TLS, Proto.TLS, Proto.HTTP)


def test_one_page_with_all_its_hosts_and_protocols_is_one_attempt(log: Log) -> None:
    log.sends("kk.wikipedia.org", Proto.TLS)
    for host in ("www.tiktok.com", "v16.tiktokcdn.com", "mon.tiktokv.com", "www.tiktok.com"):
        log.sends(host, *PAGE_LOAD)
    assert log.count() == (1, 0)
    assert [event.event for event in log.events] == ["refusal"]
    log.home.store.close()


def test_a_device_that_is_not_used_attempts_in_the_background(log: Log) -> None:
    for _ in range(3):
        log.sends("www.tiktok.com", *PAGE_LOAD, after=timedelta(minutes=11))
    assert log.count() == (0, 3)
    log.sends("kk.wikipedia.org", Proto.TLS, after=MINUTE)
    assert log.count() == (1, 2), "the last one was a person's"
    log.home.store.close()


def test_a_phone_that_lies_unused_at_night_is_one_row_in_the_background(log: Log) -> None:
    for minute in range(8 * 60):
        log.sends("www.tiktok.com", Proto.DNS, Proto.DNS, Proto.TLS, after=MINUTE)
        if minute % 50 == 49:
            log.sends("mail.example", Proto.TLS)  # an allowed app looks for mail
    assert log.count() == (0, 16)
    home = log.home
    found = BlockedSites(home.rules, log.log.is_public_suffix, lambda _host: False)
    span = NOON - timedelta(days=1), NOON + timedelta(days=1)
    rows, _ = found.describe(home.store.history.names("daughter", *span, refused=True))
    assert [(row.target, row.times, row.background) for row in rows] == [(TIKTOK, 0, 16)]
    log.home.store.close()


def test_a_blocked_app_that_a_child_opens_on_an_idle_phone_is_an_attempt(log: Log) -> None:
    for host in ("api.tiktokv.com", "www.tiktok.com", "v16.tiktokcdn.com", "mon.tiktokv.com"):
        log.sends(host, Proto.DNS, Proto.DNS)
    assert log.count() == (1, 0)
    log.home.store.close()


def test_at_bedtime_many_names_are_no_sign_of_a_person(log: Log) -> None:
    log.now = NOON.replace(hour=23)
    for host in ("api.tiktokv.com", "www.tiktok.com", "v16.tiktokcdn.com", "mon.tiktokv.com"):
        log.sends(host, Proto.DNS)
    assert log.count()[0] == 0
    log.home.store.close()


def test_dns_queries_are_no_use(log: Log) -> None:
    log.sends("kk.wikipedia.org", Proto.DNS)
    log.sends("www.tiktok.com", *PAGE_LOAD)
    assert log.count() == (0, 1)
    log.sends("qalqan.home.arpa", Proto.DNS)
    assert log.count() == (1, 0), "a person looks at Qalqan's pages"
    log.home.store.close()


def test_below_names_the_counts_are_attempts_too(log: Log) -> None:
    log.sends("kk.wikipedia.org", Proto.TLS, mac=PHONE)
    log.sends("www.pornhub.com", *PAGE_LOAD, mac=PHONE)
    assert log.count("son") == (1, 0)
    log.home.store.close()
