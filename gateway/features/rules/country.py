"""The verbs `country` and `helplines`: age ratings, laws, help lines and complaint offices of a country."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.household.rule_book import RuleBook


class CountryVerbs:
    """Shows what the country files contain."""

    def __init__(self, rules: RuleBook) -> None:
        self._rules = rules

    def register(self, router: Router) -> None:
        router.add("country", self.country)
        router.add("helplines", self.helplines)

    def helplines(self, request: Request) -> Mapping[str, object]:
        """The verb `helplines`: of ``country``, by default the family's own."""
        rules = self._rules
        country = request.text_or_none("country") or rules.household.config.country
        return {"lines": rules.help_lines(country), "rights": rules.rights(country)}

    def country(self, _request: Request) -> Mapping[str, object]:
        """The verb `country`: ratings and laws of the country, then foreign laws in a child's rules."""
        rules = self._rules
        household = rules.household
        used = {law.value.id: law.value for child in household.children for law in child.rules.laws}
        own = rules.country()
        laws = {law.id: law for law in (own.laws if own else ())} | used
        return {
            "code": household.config.country,
            "ratings": [rating.to_dict() for rating in (own.ratings if own else ())],
            "laws": [
                law.to_dict()
                | {
                    "children": [
                        {
                            "id": child.id,
                            "name": child.name,
                            "binds": law.binds(child.band),
                            "on": any(applied.value.id == law.id for applied in child.rules.laws),
                        }
                        for child in household.children
                    ]
                }
                for law in laws.values()
            ],
        }
