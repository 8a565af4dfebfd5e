"""Each rule key has its texts, and the pages list each key with one value."""

from __future__ import annotations

import pytest
from flask import Flask

from gateway.policy.profile.rule_keys import (
    BY_NAME,
    ONE_VALUE,
    PERSON_KEYS,
    RULES,
    RuleKey,
    RuleShape,
    of_shape,
)
from webui.rules import basics
from webui.rules.rule_text import TEXTS
from webui.rules.ruleset import BY_ENTRY, LISTS

SCALES = of_shape(RuleShape.CHOICE, RuleShape.SWITCH)


def test_each_key_has_a_title() -> None:
    assert set(TEXTS) == {*PERSON_KEYS, *BY_NAME}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_key_has_the_texts_that_its_shape_needs(rule: RuleKey) -> None:
    text = TEXTS[rule.name]
    assert set(text.choices) == (set(rule.scale) if rule.name in SCALES else set())
    assert (text.minutes is not None) == (rule.shape is RuleShape.MINUTES)
    assert (text.no_minutes is not None) == (rule.shape is RuleShape.MINUTES)
    assert (text.cleared is not None) == (rule.name in (*BY_ENTRY, *LISTS))


def test_each_key_with_one_value_is_in_one_card(app: Flask) -> None:
    with app.test_request_context():
        shown = [key for card in basics.cards() for key in card.keys]
    assert len(shown) == len(set(shown))
    assert {key for key in shown if "/" not in key} == set(of_shape(*ONE_VALUE))
