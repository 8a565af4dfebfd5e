"""A child's rules, and how they decide."""

from __future__ import annotations

from datetime import datetime

from gateway.policy.judge.decide import Judge
from gateway.policy.time.standing import PLAIN, Situation
from gateway.policy.values import Observation
from tests.policy.homes import (
    a_judge,
    almaty,
    used_up,
)

DAY, NIGHT = almaty("2026-11-24T12:00"), almaty("2026-11-24T23:00")
HELP_ADDRESS, OTHER_ADDRESS = b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02"
CHILD = """
    band: 10-12
    limits: {internet: 2h, "service:youtube": 1h}
    windows: {"service:minecraft": ["16:00-18:00"]}
    homework: [bilimland.kz]
    """
JUDGE = a_judge(CHILD)
PAUSED = Situation(paused_until=almaty("2026-11-25T09:00"), paused_by="Mum")
QUARANTINED = Situation(quarantined=True)
USED_UP = used_up("internet")


def verdict(
    seen: Observation, situation: Situation = PLAIN, at: datetime = DAY, judge: Judge = JUDGE
) -> tuple[str, str]:
    decision = judge.decide(seen, situation, at)
    return str(decision.verdict), str(decision.reason)
