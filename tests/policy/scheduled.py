"""Bedtimes and windows as rules, and moments in Almaty."""

from __future__ import annotations

from datetime import datetime, tzinfo

from gateway.policy.profile.rules import Bedtime, Owned, Windows
from gateway.policy.time.time_text import by_day, every_day, night, spans
from gateway.policy.yaml.documents import parse_document
from tests.policy.homes import ALMATY


def bedtime(text: str) -> Bedtime:
    node = parse_document(f"key: {text}", "f").entries["key"]
    return by_day(node, lambda one: Owned(night(one), "family"), every_day(None))


def windows(text: str) -> Windows:
    node = parse_document(f"key: {text}", "f").entries["key"]
    return by_day(node, lambda one: Owned(spans(one), "family"), every_day(None))


def local(text: str, zone: tzinfo = ALMATY, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


NIGHT = bedtime('{school: "20:45-07:00", free: "21:45-08:00"}')
