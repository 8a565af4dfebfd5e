"""Rules → mappings in the form of a profile's YAML: the defaults of a band, and the rules in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from gateway.policy.profile.laws import spoken_laws
from gateway.policy.profile.rules import DateRule, Owned, Rules
from gateway.policy.time.time_text import WEEK, WEEKDAYS, ByDay, Span, duration_text

T = TypeVar("T", bound=Hashable)

_WORDS = ("mode", "unknown", "safe_search", "failure", "clock_unset")
_LENGTHS = ("landing", "linger", "auto_approve")
_SWITCHES = ("updates", "strict")
_ENTRIES = ("allow", "block", "homework")


def rules_to_yaml(rules: Rules) -> dict[str, Any]:
    """Return every key of a profile except name, band and devices. Lists and mappings may be empty."""
    result: dict[str, Any] = {key: getattr(rules, key).value.value for key in _WORDS}
    result |= {key: _length(getattr(rules, key).value) for key in _LENGTHS}
    result |= {key: getattr(rules, key).value for key in _SWITCHES}
    result |= {key: [str(entry) for entry in getattr(rules, key)] for key in _ENTRIES}
    return result | {
        "log_level": rules.log_level,
        "categories": {key: category.value.value for key, category in rules.categories.items()},
        "ways": {way.value: switch.value.value for way, switch in rules.ways.items()},
        "bedtime": by_day(rules.bedtime, str),
        "limits": {target: by_day(days, _length) for target, days in rules.limits.items() if days},
        "windows": {target: by_day(days, _spans) for target, days in rules.windows.items() if days},
        "dates": {day.isoformat(): _date(date) for day, date in rules.dates.items()},
        "calendars": list(rules.calendars),
        "laws": spoken_laws(rules.laws),
        "portal": sorted(rules.portal),
    }


def by_day(values: ByDay[Owned[T]], tell: Callable[[T], Any]) -> Any:
    """Return one value for every day, or a mapping by day type, by weekday where that differs, and by week;
    {} for none.
    """
    days = _days(values, tell)
    if values.week is None:
        return days
    if isinstance(days, dict):
        return days | {WEEK: tell(values.week.value)}
    return {"school": days, "free": days, WEEK: tell(values.week.value)}


def _days(values: ByDay[Owned[T]], tell: Callable[[T], Any]) -> Any:
    plain = [None if one is None else one.value for one in values.values]
    school, free = plain[:7], plain[7:]

    def result(value: T | None) -> Any:
        return {} if value is None else tell(value)

    if len(set(plain)) == 1:
        return result(plain[0])
    # A weekday's own value applies on school days and free days alike. Of the pairs of usual values that keep
    # such weekdays unchanged, choose the one with the fewest exceptions.
    pairs = [(a, b) for a in _by_number(school) for b in _by_number(free)]

    def odd(pair: tuple[T | None, T | None]) -> list[int]:
        return [day for day in range(7) if (school[day], free[day]) != pair]

    fitting = [pair for pair in pairs if all(school[day] == free[day] for day in odd(pair))]
    best = min(fitting or pairs, key=lambda pair: len(odd(pair)))
    shape = {"school": result(best[0]), "free": result(best[1])}
    return shape | {WEEKDAYS[day]: result(school[day]) for day in odd(best)}


def _by_number(values: Iterable[T | None]) -> list[T | None]:
    return [value for value, _ in Counter(values).most_common()]


def _length(value: timedelta) -> str:
    return duration_text(value // timedelta(minutes=1))


def _spans(spans: tuple[Span, ...]) -> list[str]:
    return [str(span) for span in spans]


def _date(rule: DateRule) -> Any:
    result: dict[str, Any] = {} if rule.counts_as is None else {"day": rule.counts_as.value}
    if rule.bedtime is not None:
        result["bedtime"] = _or_none(rule.bedtime.value, str)
    if rule.limits:
        result["limits"] = _targets(rule.limits, _length)
    if rule.windows:
        result["windows"] = _targets(rule.windows, _spans)
    return result["day"] if list(result) == ["day"] else result


def _targets(rules: Mapping[str, Owned[T | None]], tell: Callable[[T], Any]) -> dict[str, Any]:
    return {target: _or_none(rule.value, tell) for target, rule in rules.items()}


def _or_none(value: T | None, tell: Callable[[T], Any]) -> Any:
    return {} if value is None else tell(value)
