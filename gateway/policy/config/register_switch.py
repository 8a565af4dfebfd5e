"""Who turned on a state's register, and when. Separate from registers.py, which the pages do not need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta


def turned_on(rule: str, who: str, today: date, words: Mapping[str, str]) -> str:
    """Return the sentence about who turned on the register of this rule, and on which day."""
    if not who:
        return words["by_register_home"]
    try:
        on = date.fromisoformat(rule.rpartition(" ")[2])
    except ValueError:
        return words["by_register_once"].format(name=who)
    if on == today:
        return words["by_register_today"].format(name=who)
    if today - on < timedelta(days=7):
        return words["by_register"].format(name=who, weekday=words["weekdays"].split(",")[on.weekday()])
    month = words["months"].split(",")[on.month - 1]
    return words["by_register_before"].format(name=who, day=on.day, month=month)
