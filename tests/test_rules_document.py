"""docs/rules.md: every example parses, and every key of a profile is in one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.policy.documents import parse_document
from gateway.policy.profile import OWN_KEYS
from gateway.policy.rulefile import PERSONAL_KEYS, RULE_KEYS
from tests.policy.homes import a_profile

DOCUMENT = (Path(__file__).resolve().parents[1] / "docs" / "rules.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCUMENT, flags=re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_profile(example: str) -> None:
    assert a_profile(example).band


def test_every_key_is_in_an_example() -> None:
    shown = {key for example in EXAMPLES for key in parse_document(example, "rules.md").entries}
    assert shown == {*OWN_KEYS, *RULE_KEYS, *PERSONAL_KEYS}
