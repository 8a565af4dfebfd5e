"""Where a child's time went: minutes that counted, put together to spans that a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from webui.charts import DAY
from webui.language import things
from webui.values.shapes import Answer, refuse_shape

DAYS = 7  # before today, of which the minutes are kept
DAY_STARTS = 4 * 60  # minutes: where a day of the family begins unless its minutes say otherwise
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """One minute that counted for one limit on one device."""

    at: datetime
    device: str
    gate: str
    name: str
    bytes: int
    service: str  # empty where it is not known
    why: str  # moved, linger


@dataclass(frozen=True, slots=True)
class Total:
    """Minutes of one limit."""

    gate: str
    name: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Ledger:
    day: date
    minutes: tuple[Counted, ...]  # none where a parent is told how much alone
    left_off: int
    totals: tuple[Total, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Minutes in a row, alike in everything."""

    start: datetime
    end: datetime  # when the last of them ends
    device: str
    service: str
    limits: tuple[str, ...]  # names of the limits that they were counted for
    why: str
    minutes: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Lane:
    """One limit's day."""

    name: str
    minutes: int  # each once, whatever the number of devices
    spans: tuple[tuple[int, int], ...]  # minutes since midnight, the last included


def parse_ledger(values: Mapping[str, Any]) -> Ledger:
    answer = Answer(values)
    day = answer.day("day")
    if day is None:
        refuse_shape("day")
    counted = (_counted(entry) for entry in answer.entries("minutes"))
    totals = tuple(
        Total(entry.text("target"), _name(entry, "target"), entry.whole("minutes"))
        for entry in answer.entries("totals")
    )
    return Ledger(day, tuple(one for one in counted if one), answer.whole("left_off"), totals)


def _counted(entry: Answer) -> Counted | None:
    at = entry.moment("at")
    if at is None:
        return None
    return entry.read(Counted, at=at, name=_name(entry, "gate"))


def _name(entry: Answer, key: str) -> str:
    """``key``: that of what the minutes counted for."""
    return things.thing(entry.text(key), entry.text("name") or entry.text(key))


def rows(minutes: Iterable[Counted]) -> tuple[Row, ...]:
    """In the order of time. A minute that counted for several limits is told once, with all of them."""
    limits: dict[tuple[datetime, str, str, str], list[Counted]] = {}
    for one in minutes:
        limits.setdefault((one.at, one.device, one.service, one.why), []).append(one)
    found: list[Row] = []
    latest: dict[tuple[object, ...], int] = {}  # what is alike → where its last row is
    for (at, device, service, why), alike in sorted(limits.items(), key=lambda item: item[0]):
        names, moved = tuple(dict.fromkeys(one.name for one in alike)), max(one.bytes for one in alike)
        key = (device, service, names, why)
        place = latest.get(key)
        if place is not None and found[place].end == at:
            row = found[place]
            found[place] = Row(
                row.start, at + MINUTE, device, service, names, why, row.minutes + 1, row.bytes + moved
            )
        else:
            latest[key] = len(found)
            found.append(Row(at, at + MINUTE, device, service, names, why, 1, moved))
    return tuple(found)


def lanes(ledger: Ledger) -> tuple[Lane, ...]:
    """One a limit; the most used first."""
    by_gate: dict[str, tuple[str, set[int]]] = {one.gate: (one.name, set()) for one in ledger.totals}
    whole = {one.gate: one.minutes for one in ledger.totals}
    for one in ledger.minutes:
        by_gate.setdefault(one.gate, (one.name, set()))[1].add(minute_of(one.at, ledger.day))
    found = [
        Lane(name, whole.get(gate, len(minutes)), tuple(_spans(minutes)))
        for gate, (name, minutes) in by_gate.items()
    ]
    return tuple(sorted(found, key=lambda lane: -lane.minutes))


def together(ledger: Ledger) -> Lane:
    """The whole day in one lane, whatever its minutes counted for."""
    minutes = {minute_of(one.at, ledger.day) for one in ledger.minutes}
    return Lane("", len(minutes), tuple(_spans(minutes)))


def minute_of(at: datetime, day: date) -> int:
    """Since the midnight with which ``day`` began, by the clock on the wall."""
    return (at.date() - day).days * DAY + at.hour * 60 + at.minute


def starts(ledger: Ledger) -> int:
    """Where the strip of 24 hours begins: at 04:00, or by the hour where the day's own minutes need it."""
    minutes = [minute_of(one.at, ledger.day) for one in ledger.minutes]
    first, last = min(minutes, default=DAY_STARTS), max(minutes, default=DAY_STARTS)
    if first < DAY_STARTS:
        return first // 60 * 60
    return max(DAY_STARTS, (last // 60 + 1) * 60 - DAY)


def _spans(minutes: set[int]) -> Iterable[tuple[int, int]]:
    first = last = None
    for one in sorted(minutes):
        if first is None or last is None:
            first = one
        elif one != last + 1:
            yield first, last
            first = one
        last = one
    if first is not None and last is not None:
        yield first, last
