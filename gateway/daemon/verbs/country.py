"""What the file of the home's country says: help lines, marks of films and games, laws, where to complain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.control.protocol import Request, Verb

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class CountryVerbs:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> Mapping[str, Verb]:
        return {"country": self.country, "helplines": self.helplines}

    def helplines(self, request: Request) -> Mapping[str, object]:
        rules = self._daemon.rules
        country = request.text_or_none("country") or rules.household.config.country
        return {"lines": rules.help_lines(country), "rights": rules.rights(country)}

    def country(self, _request: Request) -> Mapping[str, object]:
        """Laws of the home's own country first, then others that are on for a child all the same."""
        rules = self._daemon.rules
        household = rules.household
        on = {law.value.id: law.value for child in household.children for law in child.rules.laws}
        own = rules.country()
        laws = {law.id: law for law in (own.laws if own else ())} | on
        return {
            "code": household.config.country,
            "ratings": [one.told() for one in (own.ratings if own else ())],
            "laws": [
                law.to_dict()
                | {
                    "children": [
                        {
                            "id": child.id,
                            "name": child.name,
                            "binds": law.binds(child.band),
                            "on": any(one.value.id == law.id for one in child.rules.laws),
                        }
                        for child in household.children
                    ]
                }
                for law in laws.values()
            ],
        }
