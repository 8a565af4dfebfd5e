"""Limits of a week: how they are read and merged, when they close, and what extra minutes do to them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.config.config import Config, parse_config
from gateway.policy.judge.explanation import Names, sentence, setting
from gateway.policy.profile.rule_file import rules_to_yaml
from gateway.policy.profile.rules import Rules
from gateway.policy.time.extension import extend, in_force
from gateway.policy.time.limit_periods import LimitPeriod
from gateway.policy.time.schedule import Calendar, limits_on
from gateway.policy.time.time_rules import PLAIN, Closing, Left, Remaining, Situation, standing
from gateway.policy.values import Decision, Reason, Verdict
from tests.policy.homes import CALENDAR, a_profile, almaty, product, refusal

HOUR = timedelta(hours=1)
WEEK = LimitPeriod.WEEK
RULES = """
    band: 13-15
    bedtime: {}
    limits: {internet: {school: 2h, free: 3h, week: 16h}, "service:youtube": {week: 3h}}
    """
SON = a_profile(RULES)
TUESDAY = date(2026, 11, 24)
AT = "2026-11-24T17:00"
GATES = ("device", "bedtime", "internet")
WEEK_INFO = """
const found = {};
for (const code of process.argv.slice(1)) {
  const locale = new Intl.Locale("und-" + code);
  const week = locale.getWeekInfo ? locale.getWeekInfo() : locale.weekInfo;
  found[code.toLowerCase()] = week.firstDay - 1;
}
console.log(JSON.stringify(found));
"""


def used(today: int, earlier: int, **more: object) -> Situation:
    found = Situation(day=TUESDAY, used={"internet": today}, earlier_used={WEEK: {"internet": earlier}})
    return replace(found, **more)  # type: ignore[arg-type]


def closing(situation: Situation, at: str = AT, calendar: Calendar = CALENDAR) -> Closing | None:
    return standing(SON, situation, calendar, almaty(at)).closed.get("internet")


def weeks(rules: Rules) -> dict[str, tuple[timedelta, str]]:
    found = limits_on(rules, TUESDAY, CALENDAR, WEEK)
    return {target: (one.value, one.owner) for target, one in found.items()}


def test_a_week_stands_next_to_the_days() -> None:
    limits = SON.rules.limits
    assert weeks(SON.rules) == {"internet": (16 * HOUR, "family"), "service:youtube": (3 * HOUR, "family")}
    school, free = (limits["internet"].on(1, free=free) for free in (False, True))
    assert school is not None
    assert free is not None
    assert (school.value, free.value) == (2 * HOUR, 3 * HOUR)
    assert limits["service:youtube"].on(1, free=False) is None
    assert rules_to_yaml(SON.rules)["limits"] == {
        "internet": {"school": "2h", "free": "3h", "week": "16h"},
        "service:youtube": {"week": "3h"},
    }


@pytest.mark.parametrize(
    ("limits", "week"),
    [
        ("{play: {week: 10h}}", 10),
        ("{play: {week: 168h}}", 168),
        ("{play: {school: 1h}}", None),
        ("{play: {week: {}}}", None),
        ("{play: {}}", None),
        ("{}", None),
    ],
)
def test_a_week_replaces_and_days_of_the_band_stay(limits: str, week: int | None) -> None:
    rules = a_profile(f"{{band: 10-12, limits: {limits}}}").rules
    assert weeks(rules).get("play") == (None if week is None else (week * HOUR, "family"))
    if week is not None:
        assert rules.limits["play"].values == a_profile("band: 10-12").rules.limits["play"].values


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "band: 10-12\nlimits: {play: {week: 169h}}",
            "kid.yaml:2: limits.play.week: '169h' is more than 168 hours",
        ),
        (
            "band: 10-12\nlimits:\n  play:\n    week: soon",
            "kid.yaml:4: limits.play.week: 'soon' is not a duration",
        ),
        ("band: 10-12\nlimits: {play: {weekly: 1h}}", "'weekly' is not a day; did you mean 'week'?"),
        ("band: 10-12\nbedtime: {week: '20:00-07:00'}", "bedtime.week: 'week' is not a day"),
        ("band: 10-12\nwindows: {play: {week: []}}", "windows.play.week: 'week' is not a day"),
        ("band: 10-12\ndates: {2026-12-24: {limits: {play: {week: 1h}}}}", "names days"),
    ],
)
def test_what_is_refused_has_its_place(text: str, says: str) -> None:
    assert says in refusal(lambda: a_profile(text, "kid"))


def test_the_smaller_of_day_and_week_applies() -> None:
    assert closing(used(119, 16 * 60 - 120)) is None
    day = closing(used(120, 0))
    assert day is not None
    assert (day.rule, day.until) == ("limits: internet: 2h", almaty("2026-11-25T04:00"))
    week = closing(used(30, 16 * 60 - 30))
    assert week is not None
    assert (week.reason, week.rule, week.owner) == (
        Reason.OUT_OF_TIME,
        "limits: internet: week: 16h",
        "family",
    )
    assert week.until == almaty("2026-11-30T04:00")
    both = closing(used(120, 16 * 60))
    assert both is not None
    assert both.until == almaty("2026-11-30T04:00"), "the limit that lasts longer is named"


def test_a_week_turns_on_its_first_day() -> None:
    spent = Situation(day=date(2026, 11, 29), earlier_used={WEEK: {"internet": 16 * 60}})
    assert closing(spent, "2026-11-30T03:59") is not None
    assert closing(spent, "2026-11-30T04:00") is None
    sunday = replace(CALENDAR, week_starts=6)
    assert sunday.first_day(WEEK, TUESDAY) == date(2026, 11, 22)
    assert sunday.first_day(WEEK, date(2026, 11, 22)) == date(2026, 11, 22)
    assert sunday.first_day(WEEK, date(2026, 11, 21)) == date(2026, 11, 15)
    week = closing(used(0, 16 * 60), calendar=sunday)
    assert week is not None
    assert week.until == almaty("2026-11-29T04:00")


def test_a_day_of_the_same_week_keeps_what_was_used() -> None:
    spent = used(120, 14 * 60)
    assert closing(spent, "2026-11-25T12:00") is not None
    assert closing(used(120, 13 * 60), "2026-11-25T12:00") is None, (
        "the day's minutes are new, the week's are left"
    )


def test_a_week_is_as_long_as_the_clock_makes_it() -> None:
    berlin = Calendar(ZoneInfo("Europe/Berlin"))
    spring = berlin.period_end(WEEK, almaty("2026-03-25T12:00")) - berlin.starts(date(2026, 3, 23))
    autumn = berlin.period_end(WEEK, almaty("2026-10-21T12:00")) - berlin.starts(date(2026, 10, 19))
    assert (spring, autumn) == (167 * HOUR, 169 * HOUR)


def test_a_week_of_nothing_has_no_end() -> None:
    none = a_profile("{band: 13-15, bedtime: {}, limits: {internet: {week: 0m}}}")
    assert standing(none, PLAIN, CALENDAR, almaty(AT)).closed["internet"].until is None


@pytest.mark.parametrize(
    ("today", "earlier", "expected"),
    [
        (60, 0, Left(60, "internet", None)),
        (60, 15 * 60 - 30, Left(30, "internet", None, period=WEEK)),
        (60, 14 * 60, Left(60, "internet", None)),
        (60, 15 * 60, Left(0, "internet", almaty(AT), period=WEEK)),
    ],
)
def test_what_is_left_is_the_smaller(today: int, earlier: int, expected: Left) -> None:
    assert Remaining(SON, used(today, earlier), CALENDAR, almaty(AT)).of(GATES) == expected


def test_what_is_left_beyond_the_day_is_of_the_next_one() -> None:
    late = replace(used(0, 14 * 60), day=TUESDAY)  # 2 h of the week and of each day
    assert Remaining(SON, late, CALENDAR, almaty("2026-11-25T03:00")).of(GATES) == Left(120, "internet", None)
    poor = used(0, 15 * 60)
    found = Remaining(SON, poor, CALENDAR, almaty("2026-11-25T03:30")).of(GATES)
    assert found == Left(60, "internet", None, period=WEEK)


@pytest.mark.parametrize(("today", "earlier"), [(30, 16 * 60 - 30), (120, 0), (125, 16 * 60)])
def test_extra_minutes_raise_the_day_and_the_week(today: int, earlier: int) -> None:
    spent = used(today, earlier)
    given = extend(SON, spent, CALENDAR, almaty(AT), timedelta(minutes=15))
    grants, bonus = in_force(given)
    assert grants == ()
    after = replace(spent, bonus=bonus)
    found = Remaining(SON, after, CALENDAR, almaty(AT)).of(GATES)
    assert found is not None
    assert found.minutes == 15
    tomorrow = standing(SON, after, CALENDAR, almaty("2026-11-25T12:00")).budgets["internet"]
    assert tomorrow.bonus == (bonus["internet"] if tomorrow.period is WEEK else 0)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("limits: internet: week: 16h", "this week's 16 hours are used"),
        ("limits: internet: week: 90m", "this week's 1 h 30 min are used"),
        ("limits: play: week: 16h + 30m", "this week's 16 h 30 min for play are used"),
        ("limits: play: week: 0m", "there is no time for play this week"),
    ],
)
def test_the_sentence_names_the_week(rule: str, text: str) -> None:
    spent = Decision(Verdict.BLOCK, Reason.OUT_OF_TIME, rule, "family", until=almaty("2026-11-30T04:00"))
    found = sentence(spent, "example.org", almaty(AT).astimezone(CALENDAR.zone), Names())
    assert found.endswith(f"is blocked until Monday 04:00: {text}. Your family set this.")


@pytest.mark.parametrize("target", ["internet", "service:youtube"])
def test_a_block_by_the_week_leads_to_its_limit(target: str) -> None:
    spent = Decision(Verdict.BLOCK, Reason.OUT_OF_TIME, f"limits: {target}: week: 16h + 30m", "family")
    assert setting(spent) == f"limits/{target}"


def test_the_sentence_tells_what_is_left_of_the_week() -> None:
    now = almaty(AT)
    open_now = Decision(Verdict.ALLOW, Reason.OPEN, "nothing refuses it", "product")
    one, forty = (Left(minutes, "internet", None, period=WEEK) for minutes in (1, 40))
    assert (
        sentence(open_now, "example.org", now, left=one) == "example.org is allowed. 1 minute left this week."
    )
    assert sentence(open_now, "example.org", now, left=forty).endswith("40 minutes left this week.")


def config(country: str) -> Config:
    return parse_config(f"lan: [br-lan]\ncountry: {country}\n", "qalqan.yaml", public_suffix_check())


def first_weekdays(codes: Iterable[str]) -> dict[str, int]:
    data = product()
    return {code: data.calendar(config(code)).week_starts for code in codes}


def test_the_country_says_on_which_day_a_week_begins() -> None:
    assert first_weekdays(["us", "pt", "mt", "br", "de", "gb", "kz", "mv", "eg"]) == {
        "us": 6, "pt": 6, "mt": 6, "br": 6, "de": 0, "gb": 0, "kz": 0, "mv": 4, "eg": 5
    }  # fmt: skip


@pytest.mark.system
@pytest.mark.needs("node")
def test_each_country_s_week_begins_as_in_cldr() -> None:
    """Node has CLDR's data by country; Babel by language, which may inherit another country's."""
    countries = [code for code in map(str, Locale("en").territories) if re.fullmatch("[A-Z]{2}", code)]
    argv = ["node", "-e", WEEK_INFO, *countries]
    cldr = json.loads(subprocess.run(argv, check=True, capture_output=True, timeout=30).stdout)
    files = product().countries.values()
    assert {code for country in files for code in country.covers} <= cldr.keys()
    assert len(cldr) > 250
    assert first_weekdays(cldr) == cldr


def test_a_home_without_a_country_begins_its_week_on_monday() -> None:
    settings = parse_config("lan: [br-lan]\n", "qalqan.yaml", public_suffix_check())
    assert product().calendar(settings).week_starts == 0
