"""The daughter's time, and what grants make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from gateway.policy.time.extension import Extension, extend, in_force
from gateway.policy.time.standing import PLAIN, Situation, standing
from tests.policy.homes import CALENDAR, a_profile, almaty

DAUGHTER = a_profile("""
    name: Daughter
    band: 10-12
    bedtime: {school: "20:45-07:00", free: "21:45-08:00"}
    limits: {internet: 2h, play: 90m, "service:youtube": 1h}
    windows: {"service:roblox": {school: ["16:00-18:00"], free: ["10:00-12:00"]}}
    """)
GAMER = """
    band: 10-12
    bedtime: "20:45-07:00"
    limits: {internet: 4h, play: 90m, "service:roblox": 1h, "group:games": 1h, "category:games": 45m}
    windows: {"service:roblox": ["16:00-18:00"]}
    """
QUARTER = timedelta(minutes=15)
TODAY = date(2026, 11, 24)  # a Tuesday
DAY, NIGHT = "2026-11-24T12:00", "2026-11-24T21:30"
ROBLOX = ("device", "bedtime", "internet", "window:service:roblox", "service:roblox", "group:games",
          "category:games", "play")  # fmt: skip


def granted(at: str, service: str | None = None, situation: Situation = PLAIN) -> tuple[Extension, ...]:
    return extend(DAUGHTER, situation, CALENDAR, almaty(at), QUARTER, service)


def after(situation: Situation, *extensions: Extension) -> Situation:
    """``situation`` with what has been given on top of what it has."""
    grants, bonus = in_force(extensions)
    added = {gate: bonus.get(gate, 0) + situation.bonus.get(gate, 0) for gate in {*bonus, *situation.bonus}}
    return replace(situation, day=TODAY, grants=(*situation.grants, *grants), bonus=added)


def used(**minutes: int) -> Situation:
    return Situation(day=TODAY, used={gate.replace("__", ":"): count for gate, count in minutes.items()})


def closed(situation: Situation, at: str | datetime) -> set[str]:
    now = almaty(at) if isinstance(at, str) else at
    return set(standing(DAUGHTER, situation, CALENDAR, now).closed)
