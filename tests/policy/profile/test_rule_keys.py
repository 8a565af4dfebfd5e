"""The table of rule keys: complete, and the only place from which readers and writers take them."""

from __future__ import annotations

from dataclasses import fields

import pytest
import yaml

from gateway.household.loading import load_product, vocabulary
from gateway.policy.profile.rule_file import read_rules, rules_to_yaml
from gateway.policy.profile.rule_keys import BY_NAME, NO_RULES, RULES, RuleKey, RuleShape
from gateway.policy.profile.rules import Rules
from gateway.policy.yaml.documents import parse_document


def test_each_key_is_a_field_of_rules() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert {*names, "self_set"} == {field.name for field in fields(Rules)}


def test_only_what_a_shape_needs_is_set() -> None:
    for rule in RULES:
        assert bool(rule.choices) == (rule.shape is RuleShape.CHOICE), rule.name
        assert not rule.restricts or rule.shape is RuleShape.SWITCH, rule.name
        assert bool(rule.offered) == (rule.shape is RuleShape.MINUTES), rule.name
        longest = rule.longest.total_seconds() // 60
        assert all(minutes <= longest for minutes in rule.offered), rule.name


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.choices], ids=lambda rule: rule.name)
def test_each_choice_is_read_and_written(rule: RuleKey) -> None:
    name = rule.name
    words = vocabulary(load_product())
    for choice in rule.choices:
        document = parse_document(yaml.safe_dump({name: choice.value}), "kid.yaml")
        read = read_rules(document, NO_RULES, "family", words, 3)
        assert getattr(read, name).owner == "family"
        assert rules_to_yaml(read)[name] == choice.value


def test_all_keys_are_written() -> None:
    assert set(rules_to_yaml(NO_RULES)) == set(BY_NAME)
