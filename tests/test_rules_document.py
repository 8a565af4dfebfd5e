"""docs/families/rules.md: every example parses, and every key of a profile is in one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.policy.config.config import FAMILY_KEYS, KEYS, parse_config
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


def test_every_key_of_the_household_file_is_in_its_table() -> None:
    rows = re.findall(r"^\| (`.*?) \|", HOMES[0] if HOMES else "", flags=re.MULTILINE)
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} == set(KEYS)


def test_the_keys_that_the_pages_change_are_listed() -> None:
    listed = re.search(
        r"The pages change these keys of `qalqan.yaml` in the same way: (.*?)\.\n", DOCUMENT, re.DOTALL
    )
    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[1]) == list(FAMILY_KEYS)
