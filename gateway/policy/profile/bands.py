"""The default rules of an age group (band): `profiles/bands/<band>.yaml` → BandRules.

No other file has defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.age.bands import AgeBand
from gateway.policy.names.categories import translations
from gateway.policy.profile import rule_file as rulefile
from gateway.policy.profile.rule_file import Vocabulary
from gateway.policy.profile.rule_keys import NO_RULES, RULE_KEYS, RULES
from gateway.policy.profile.rules import Bedtime, Mode, Owned, Rules
from gateway.policy.time import time_text as timetext
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node

OWN_KEYS = ("band", "title", "log_days", "suggested")  # log_days has no effect; older data has it
REQUIRED = tuple(rule.name for rule in RULES if rule.required)


@dataclass(frozen=True, slots=True)
class BandRules:
    """The default rules of an age group, its title, and the bedtime that it suggests."""

    band: AgeBand
    title: Mapping[str, str]  # by language
    rules: Rules
    suggested_bedtime: Bedtime  # shown next to the setting; applies only once it is set

    @property
    def owner(self) -> str:
        return owner_of(self.band)

    @property
    def suggests(self) -> bool:
        """True if the age group only suggests a bedtime: its children set times for themselves."""
        return bool(self.suggested_bedtime)

    @property
    def for_guests(self) -> bool:
        """True if guests may get this age group's categories.

        It is a children's one in which unknown sites are open.
        """
        rules = self.rules
        return self.band.is_child and rules.mode.value is Mode.BLOCK_LIST and not rules.unknown.value.refuses


Bands = Mapping[AgeBand, BandRules]


def owner_of(band: AgeBand) -> str:
    """Return the owner of an age group's rules in decisions, such as ``band:10-12``."""
    return f"band:{band.value}"


def parse_band(source: str | bytes, file: str, words: Vocabulary) -> BandRules:
    """Return the default rules in an age group's YAML file.

    ``words``: the categories, services and laws to validate against. Raises PolicyError with file, line, key
    and fix if it is invalid.
    """
    document = parse_document(source, file)
    part = fields.Fields(document, (*OWN_KEYS, *RULE_KEYS))
    band = AgeBand(fields.choice(part.need("band"), [band.value for band in AgeBand]))
    for key in REQUIRED:
        part.need(key)
    rules = rulefile.read_rules(document, NO_RULES, owner_of(band), words, rulefile.LOG_LEVELS)
    return BandRules(
        band=band,
        title=translations(part.need("title")),
        rules=rules,
        suggested_bedtime=part.read(
            "suggested", lambda node: _suggested(node, band), timetext.every_day(None)
        ),
    )


def _suggested(node: Node, band: AgeBand) -> Bedtime:
    part = fields.Fields(fields.mapping(node), ("bedtime",))
    return timetext.by_day(
        part.need("bedtime"),
        lambda value: Owned(timetext.night(value), owner_of(band)),
        timetext.every_day(None),
    )
