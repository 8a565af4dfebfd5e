"""`check` says which rule of a family's own closes a site that no list may close from ten years on."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.check.household import MOST_OWN_RULES
from profiles import DATA
from tests.cli.conftest import Qalqan

SAID = "note profile: daughter: block has {name}, which blocks {site}; no list may block that from age 10 on"


def rule_notes(qalqan: Qalqan, config: Path, rules: str, band: str = "10-12") -> list[str]:
    file = config.parent / "profiles" / "daughter.yaml"
    file.write_text(f"name: Daughter\nband: {band}\n{rules}")
    done = qalqan("check", "--config", config)
    return [line for line in done.out.splitlines() if "no list may block" in line]


@pytest.mark.parametrize(
    ("blocked", "site"),
    [("scarleteen.com", "scarleteen.com"), ("www.drugs.com", "drugs.com"), ("who.int", "who.int")],
)
def test_a_rule_that_closes_one_is_worth_knowing(
    qalqan: Qalqan, config: Path, blocked: str, site: str
) -> None:
    found = rule_notes(qalqan, config, f"block: [{blocked}, example.com]\n")
    assert [line.partition(": remove")[0] for line in found] == [SAID.format(name=blocked, site=site)]


@pytest.mark.parametrize(
    ("rules", "band"),
    [
        ("block: [example.com, forum.scarleteen.com, service:tiktok]\n", "10-12"),
        ("block: [scarleteen.com]\nallow: [scarleteen.com]\n", "10-12"),
        ("block: [scarleteen.com]\n", "6-9"),
        ("block: [scarleteen.com]\n", "adult"),
    ],
    ids=["others", "opened too", "younger", "adult"],
)
def test_what_closes_none_of_a_child_of_ten_or_more_is_not_reported(
    qalqan: Qalqan, config: Path, rules: str, band: str
) -> None:
    assert rule_notes(qalqan, config, rules, band) == []


def test_of_one_child_so_many_are_reported(qalqan: Qalqan, config: Path) -> None:
    topics = yaml.safe_load(DATA.joinpath("must_resolve.yaml").read_bytes())["topics"]
    names = [name for name in topics["health"]["en"] if not name.startswith(("=", "*"))]
    assert len(names) > MOST_OWN_RULES
    assert len(rule_notes(qalqan, config, f"block: [{', '.join(names)}]\n")) == MOST_OWN_RULES
