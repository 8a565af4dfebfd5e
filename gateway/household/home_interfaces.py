"""The interfaces that face the home now."""

from __future__ import annotations

from gateway.household.rule_book import RuleBook


class HomeInterfaces:
    """The interfaces that face the LAN: ``lan`` in `qalqan.yaml`, and that of a running filter test."""

    def __init__(self, rules: RuleBook) -> None:
        self._rules = rules
        self.audit: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        lan = self._rules.household.config.lan
        return tuple(lan) if self.audit is None else (*lan, self.audit)
