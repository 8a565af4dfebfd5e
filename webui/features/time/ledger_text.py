"""Joins the counted minutes of a child's time ledger to rows and spans for display."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.control.contract.time import LedgerMinute, LedgerResponse
from webui.charts import DAY
from webui.language import things

DAY_STARTS = 4 * 60  # minutes: the start of the family's day unless its minutes are earlier
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Consecutive minutes of one device and service that counted for the same limits of a child."""

    start: datetime
    end: datetime  # end of the last minute
    device: str
    service: str  # empty: unknown
    limits: tuple[str, ...]  # names of the limits that they counted for
    why: str
    minutes: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Lane:
    """The minutes of a day that counted for one limit, or for all of them, as spans for a chart."""

    name: str
    minutes: int  # each counted once, whatever the number of devices
    spans: tuple[tuple[int, int], ...]  # minutes since midnight, the last one included
    categories: tuple[str, ...] = ()  # of the spans' services; empty: unknown


def limit_name(minute: LedgerMinute) -> str:
    """Return the name of the limit that a minute counted for."""
    return things.thing(minute.gate, minute.name)


def rows(minutes: Iterable[LedgerMinute]) -> tuple[LedgerRow, ...]:
    """Return the counted minutes joined to rows, in time order.

    Consecutive ones are joined if device, service, limits and reason are the same. A minute that counted for
    several limits appears once, with all of them.
    """
    limits: dict[tuple[datetime, str, str, str], list[LedgerMinute]] = {}
    for minute in minutes:
        limits.setdefault((minute.at, minute.device, minute.service, minute.why), []).append(minute)
    found: list[LedgerRow] = []
    latest: dict[tuple[object, ...], int] = {}  # properties → index of their last row
    for (at, device, service, why), alike in sorted(limits.items(), key=lambda item: item[0]):
        names = tuple(dict.fromkeys(limit_name(minute) for minute in alike))
        moved = max(minute.bytes for minute in alike)
        key = (device, service, names, why)
        place = latest.get(key)
        if place is not None and found[place].end == at:
            row = found[place]
            found[place] = LedgerRow(
                row.start, at + MINUTE, device, service, names, why, row.minutes + 1, row.bytes + moved
            )
        else:
            latest[key] = len(found)
            found.append(LedgerRow(at, at + MINUTE, device, service, names, why, 1, moved))
    return tuple(found)


def lanes(ledger: LedgerResponse) -> tuple[Lane, ...]:
    """Return the minutes of each limit of the day as spans for a chart, the most used first."""
    by_gate: dict[str, tuple[str, set[int]]] = {
        total.target: (things.thing(total.target, total.name), set()) for total in ledger.totals
    }
    whole = {total.target: total.minutes for total in ledger.totals}
    for minute in ledger.minutes:
        by_gate.setdefault(minute.gate, (limit_name(minute), set()))[1].add(minute_of(minute.at, ledger.day))
    found = [
        Lane(name, whole.get(gate, len(minutes)), tuple(_spans(dict.fromkeys(minutes, ""))))
        for gate, (name, minutes) in by_gate.items()
    ]
    return tuple(sorted(found, key=lambda lane: -lane.minutes))


def whole_day(ledger: LedgerResponse) -> Lane:
    """Return all counted minutes of the day as spans for a chart, each span with one category.

    Minutes count once, whatever number of limits they counted for.
    """
    minutes: dict[int, str] = {}
    for minute in ledger.minutes:
        minutes.setdefault(minute_of(minute.at, ledger.day), minute.category)
    spans = tuple(_spans(minutes))
    return Lane("", len(minutes), spans, tuple(minutes[first] for first, _last in spans))


def minute_of(at: datetime, day: date) -> int:
    """Return the minutes from the midnight at the start of ``day`` to ``at``, by wall clock."""
    return (at.date() - day).days * DAY + at.hour * 60 + at.minute


def starts(ledger: LedgerResponse) -> int:
    """Return the minute of the day, from midnight, at which the chart of 24 hours starts.

    It is 04:00, or another full hour if the minutes need it.
    """
    minutes = [minute_of(minute.at, ledger.day) for minute in ledger.minutes]
    first, last = min(minutes, default=DAY_STARTS), max(minutes, default=DAY_STARTS)
    if first < DAY_STARTS:
        return first // 60 * 60
    return max(DAY_STARTS, (last // 60 + 1) * 60 - DAY)


def _spans(minutes: Mapping[int, str]) -> Iterable[tuple[int, int]]:
    """Yield the first and last minute of each run of consecutive minutes with one category.

    ``minutes``: categories by minute since midnight.
    """
    first = last = None
    for minute in sorted(minutes):
        if first is None or last is None:
            first = minute
        elif minute != last + 1 or minutes[minute] != minutes[last]:
            yield first, last
            first = minute
        last = minute
    if first is not None and last is not None:
        yield first, last
