"""The verbs `country` and `helplines`: age ratings, laws, help lines and complaint offices of a country."""

from __future__ import annotations

from gateway.control.contract.rules import (
    COUNTRY,
    HELP_LINES,
    AgeMark,
    CountryLaw,
    CountryRating,
    CountryRules,
    HelpLines,
    HelpLinesRequest,
    LawChild,
    help_line_entry,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.household.rule_book import RuleBook
from gateway.policy.names.countries import Rating
from gateway.policy.profile.rules import Law


class CountryVerbs:
    """Returns the age ratings, laws and help lines in the packaged country files."""

    def __init__(self, rules: RuleBook) -> None:
        self._rules = rules

    def register(self, router: Router) -> None:
        router.serve(COUNTRY, self.country)
        router.serve(HELP_LINES, self.help_lines)

    def help_lines(self, call: Call[HelpLinesRequest]) -> HelpLines:
        rules = self._rules
        country = call.args.country or rules.household.config.country
        return HelpLines(
            lines=tuple(map(help_line_entry, rules.help_lines(country))),
            rights=tuple(map(help_line_entry, rules.rights(country))),
        )

    def country(self, _call: Call[NoValues]) -> CountryRules:
        """Return the age ratings and laws of the family's country, then other laws in children's rules.

        A country without packaged data has no ratings and no laws of its own.
        """
        rules = self._rules
        household = rules.household
        used = {law.value.id: law.value for child in household.children for law in child.rules.laws}
        own = rules.country()
        laws = {law.id: law for law in (own.laws if own else ())} | used
        return CountryRules(
            code=household.config.country,
            ratings=tuple(map(_rating, own.ratings if own else ())),
            laws=tuple(map(self._law, laws.values())),
        )

    def _law(self, law: Law) -> CountryLaw:
        return CountryLaw(
            id=law.id,
            name=law.name["en"],
            names=dict(law.name),
            below=law.below,
            status=law.status.value,
            since=law.since.isoformat() if law.since else "",
            expected=dict(law.expected),
            refuses=tuple(map(str, law.refuses)),
            named_too=tuple(map(str, law.named_too)),
            why_open=dict(law.why_open),
            not_on_it=tuple(map(str, law.not_on_it)),
            source=law.source,
            date=law.date,
            children=tuple(
                LawChild(
                    id=child.id,
                    name=child.name,
                    binds=law.binds(child.band),
                    on=any(applied.value.id == law.id for applied in child.rules.laws),
                )
                for child in self._rules.household.children
            ),
        )


def _rating(rating: Rating) -> CountryRating:
    return CountryRating(
        id=rating.id,
        name=rating.name,
        of=rating.of,
        marks={
            band.value: AgeMark(mark=mark.mark, then=mark.then, from_=mark.from_age)
            for band, mark in rating.marks.items()
        },
        source=rating.source,
        date=rating.date,
    )
