"""`qalqan profile show WHO --week`: the next seven days as a table or a JSON object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from gateway.cli import output
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Owned
from gateway.policy.time.schedule import CALENDAR, EXCEPTION, HOLIDAY, PlannedDay, week_limits
from gateway.policy.time.time_text import Span, clock_text

HEAD = ("DAY", "COUNTS AS", "BEDTIME THAT NIGHT", "LIMITS", "WINDOWS", "EXCEPTION")


def show(profile: Profile, days: Iterable[PlannedDay]) -> None:
    print(f"{output.clean(profile.name)} ({profile.id}), band {profile.band.value}")
    weekly = [f"{target} {minutes_text(limit.value)}" for target, limit in week_limits(profile.rules).items()]
    if weekly:
        print(f"limits a week: {'; '.join(weekly)}")
    output.rows((_row(one) for one in days), HEAD)


def _row(day: PlannedDay) -> tuple[str, ...]:
    limits = (f"{target} {minutes_text(limit.value)}" for target, limit in day.limits.items())
    windows = (f"{target} {_spans(rule.value) or 'never'}" for target, rule in day.windows.items())
    return (
        f"{day.day:%a %d %b}",
        _counts_as(day),
        _spans(night.value for night in day.nights) or "none",
        "; ".join(limits) or "none",
        "; ".join(windows) or "none",
        ", ".join(day.exception) or "-",
    )


def _counts_as(day: PlannedDay) -> str:
    why = {HOLIDAY: day.holiday, CALENDAR: "calendar", EXCEPTION: "exception"}.get(day.because or "")
    return f"{day.counts_as} ({why})" if why else day.counts_as.value


def _spans(spans: Iterable[Span]) -> str:
    return ", ".join(map(str, spans))


def as_json(profile: Profile, days: Iterable[PlannedDay]) -> None:
    output.as_json(
        {
            "profile": {"id": profile.id, "name": profile.name, "band": profile.band.value},
            "days": [_day(one) for one in days],
            "week": {"limits": _limits(week_limits(profile.rules))},
        }
    )


def _day(day: PlannedDay) -> Mapping[str, object]:
    return {
        **day.in_brief(),
        "bedtime": [_hours(night.value, night.owner) for night in day.nights],
        "windows": {target: _windows(rule) for target, rule in day.windows.items()},
        "limits": _limits(day.limits),
    }


def _limits(limits: Mapping[str, Owned[timedelta]]) -> Mapping[str, object]:
    return {
        target: {"minutes": limit.value // timedelta(minutes=1), "owner": limit.owner}
        for target, limit in limits.items()
    }


def _windows(rule: Owned[tuple[Span, ...]]) -> list[Mapping[str, object]]:
    return [_hours(span, rule.owner) for span in rule.value]


def _hours(span: Span, owner: str) -> Mapping[str, object]:
    return {"from": clock_text(span.start), "to": clock_text(span.end), "owner": owner}


def minutes_text(length: timedelta) -> str:
    hours, minutes = divmod(length // timedelta(minutes=1), 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"
