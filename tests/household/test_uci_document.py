"""docs/providers/uci.md: the example parses, and the tables list every option with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.household.router_settings import (
    ENABLED,
    FIREWALL_OFFLOAD,
    PLACES,
    ROLLOUT,
    SECTIONS,
    router_settings,
)
from gateway.household.uci import parse_uci
from gateway.policy.config.auto_backup import KEPT, BackupInterval
from gateway.policy.config.config import Config, config_of
from gateway.policy.config.feed import DEFAULT_ROOT
from gateway.policy.config.usp import BROKER_SOCKET
from tests.policy.homes import words

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "providers" / "uci.md").read_text()
EXAMPLE = re.findall(r"```uci\n(.*?)```", DOCUMENT, flags=re.DOTALL)[0]


def rows(section: str) -> dict[str, tuple[str, bool]]:
    """Of each option its default and whether it is a list."""
    part = re.search(rf"\n## {section}\n(.*?)(?=\n## )", DOCUMENT, flags=re.DOTALL)
    assert part is not None
    found = re.findall(r"^\| `(\w+)`( \(list\))? \|([^|]*)\|", part[1], flags=re.MULTILINE)
    return {name: (default.strip(" `"), bool(is_list)) for name, is_list, default in found}


def value(key: str) -> str:
    """What an empty configuration says of a key."""
    one: object = Config()
    if key == "brand.name":
        return Config().brand.name
    for name in key.split("."):
        one = getattr(one, name if name != "listen" else "address", "")
    if isinstance(one, tuple):
        return " ".join(map(str, one))
    return {True: "1", False: "0", None: ""}.get(one, str(one)) if isinstance(one, bool | None) else str(one)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_option_is_in_the_table_of_its_section(section: str) -> None:
    assert {name: is_list for name, (_, is_list) in rows(section).items()} == {
        name: known.read.__name__ == "_items" for name, known in SECTIONS[section].items()
    }


@pytest.mark.parametrize(
    ("section", "name"),
    [(section, name) for section, options in SECTIONS.items() for name in options if section != "defaults"],
)
def test_its_default_is_the_code_s(section: str, name: str) -> None:
    told, key = rows(section)[name][0], SECTIONS[section][name].key
    of_init_script = {ENABLED: "1", "firewall_offload": FIREWALL_OFFLOAD[0], ROLLOUT: "0"}
    # Without an address there is no feed, and without a folder no automatic backup.
    within = {
        "feed.root": DEFAULT_ROOT,
        "usp.socket": BROKER_SOCKET,
        "backup.every": BackupInterval.DAILY,
        "backup.keep": str(KEPT),
    }
    assert told == {**PLACES, **within}.get(key, value(key) if key else of_init_script[name])


def test_the_example_has_every_option_and_is_read() -> None:
    package = parse_uci(EXAMPLE, "docs/providers/uci.md")
    assert {one.name: set(one.options) for one in package.sections} == {
        name: set(options) for name, options in SECTIONS.items()
    }
    router = router_settings(package)
    read = config_of(router.over(router.first_document("")), words().is_public_suffix)
    assert read.brand.problems == ()
    assert (read.country, read.brand.name) == ("kz", "Alma Net")
