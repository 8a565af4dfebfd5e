"""The decision log as the daemon builds it: with the cards about bypass methods."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.core.bus import Bus
from gateway.features.activity.journal import DecisionLog
from gateway.features.bypass_alerts.cards import BypassAlerts
from gateway.household.members import Family
from gateway.household.rule_book import RuleBook
from gateway.store.store import Store


def new_decision_log(
    store: Store, family: Family, wall: Callable[[], datetime], rules: RuleBook, bus: Bus
) -> DecisionLog:
    cards = BypassAlerts(store.bypass_cards, store.today, family, rules, bus)
    return DecisionLog(store.events, cards, family, wall, rules, bus)
