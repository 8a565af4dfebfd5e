"""The table of checks: whole, described in words of the rules, and in the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.filter_test import probes, rawtcp
from gateway.filter_test.catalogue import CHECKS, CONTROLS
from gateway.filter_test.checks import MethodCheck
from gateway.filter_test.sink import DATAGRAMS, PROTOCOLS, STREAMS
from gateway.filter_test.titles import GROUPS, check_titles, group_titles
from gateway.policy.config.config import parse_config
from gateway.policy.language import ENGLISH
from gateway.policy.profile.bypass_methods import BypassMethod
from tests.policy.homes import a_profile

ROOT = Path(__file__).parents[2]
EVERY = (*CONTROLS, *CHECKS)
STREAMED = ("hello", "request", "stream", "https", "download")
RULE = re.compile(r"always|strict|door|stranger|safe_search|way:[a-z_]+|name:[a-z.]+")


def test_there_are_at_least_forty_and_each_has_its_own_name() -> None:
    assert len(CHECKS) >= 40
    assert len({check.id for check in EVERY}) == len(EVERY)


def test_each_check_has_one_group_and_a_title_of_its_own() -> None:
    grouped = [check for checks in GROUPS.values() for check in checks]
    assert grouped == [check.id for check in CHECKS]
    titles = check_titles(ENGLISH)
    assert list(titles) == grouped
    assert all(titles.values())
    assert len(set(titles.values())) == len(grouped)
    assert list(group_titles(ENGLISH)) == list(GROUPS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: one.id)
def test_a_check_names_the_rule_that_decides_it(check: MethodCheck) -> None:
    assert RULE.fullmatch(check.rule)
    assert check.needs in ("", "dns", "tls")
    kind, _, way = check.rule.partition(":")
    if kind == "way":
        assert check.closes == f"ways: {{{BypassMethod(way)}: block}}"
    if check.passes:
        assert (check.closes, check.rule) == ("", "always")


@pytest.mark.parametrize("check", EVERY, ids=lambda one: one.id)
def test_what_it_does_is_done_and_answered(check: MethodCheck) -> None:
    """Its probe is there, and the pretended internet has a server where it calls."""
    kind, port = check.job["probe"], check.job["port"]
    assert kind in probes.PROBES or kind in ("download", "offload")
    assert check.job.get("trick", "plain") in rawtcp.TRICKS
    if check.job["to"] == "@gateway":
        return
    if kind == "packet":
        assert all(check.job["number"] in PROTOCOLS[version] for version in check.versions)
    elif kind in STREAMED or check.job.get("tcp"):
        assert port in STREAMS
    else:
        assert port in DATAGRAMS


@pytest.mark.parametrize("setting", sorted({check.closes for check in CHECKS if check.closes}))
def test_a_setting_is_one_that_the_rules_know(setting: str) -> None:
    """As it is written in the table, in a profile's file or in qalqan.yaml."""
    key = setting.partition(":")[0]
    if key in ("gateway_access", "unknown_devices"):
        parse_config(setting, "qalqan.yaml", lambda _: False)
    else:
        a_profile(f"band: 16-17\n{setting}\n")
        assert f"{key}:" in (ROOT / "docs" / "families" / "rules.md").read_text()
    assert setting.endswith(("block}", "true", "closed", "guest", "strict"))


def test_each_check_is_in_the_document() -> None:
    text = (ROOT / "docs" / "families" / "bypass.md").read_text()
    missing = [check.id for check in CHECKS if f"`{check.id}`" not in text]
    assert not missing
