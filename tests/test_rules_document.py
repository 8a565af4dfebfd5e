"""docs/families/rules.md: every example parses, and every key of a profile is in one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.policy.config.config import parse_config
from gateway.policy.profile.rule_keys import PERSON_KEYS, PERSONAL_KEYS, RULE_KEYS
from gateway.policy.yaml.documents import parse_document
from tests.policy.homes import a_profile, words

DOCUMENT = (Path(__file__).resolve().parents[1] / "docs" / "families" / "rules.md").read_text()
HOMES = re.search(r"\n## The household file\n.*?(?=\n## )", DOCUMENT, flags=re.DOTALL)


def examples(text: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)


HOMES_EXAMPLES = examples(HOMES[0] if HOMES else "")
EXAMPLES = [one for one in examples(DOCUMENT) if one not in HOMES_EXAMPLES]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_profile(example: str) -> None:
    assert a_profile(example).band


@pytest.mark.parametrize("example", HOMES_EXAMPLES)
def test_examples_of_the_homes_file_are_a_configuration(example: str) -> None:
    assert parse_config(example, "qalqan.yaml", words().is_public_suffix).lan


def test_every_key_is_in_an_example() -> None:
    shown = {key for example in EXAMPLES for key in parse_document(example, "rules.md").entries}
    assert shown == {*PERSON_KEYS, *RULE_KEYS, *PERSONAL_KEYS}
