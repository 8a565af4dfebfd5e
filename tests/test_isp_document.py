"""docs/providers/isp.md and its templates: each command, file, key and link that they name is there."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway import __version__
from gateway.cli.parser import build_parser
from gateway.dataplane.status_text import about
from gateway.store.tables.pauses import TimedSwitch

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs/providers/isp.md"
DOCUMENTS = (GUIDE, *sorted((ROOT / "docs/providers/templates").glob("*.md")))
TEXTS = {one: one.read_text() for one in DOCUMENTS}
IMAGE = ROOT / "openwrt/image"
CODE = re.compile(r"`([^`]+)`")
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"(?:^|&& |\s)qalqan ((?!qalqan)[a-z]+(?: [a-z]+)?)(?![\w-])")


def codes(text: str) -> list[str]:
    blocks = [line.strip() for block in BLOCK.findall(text) for line in block.splitlines()]
    return [*blocks, *CODE.findall(BLOCK.sub("", text))]


ALL = sorted({one for text in TEXTS.values() for one in codes(text)})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", TEXTS[document]):
        assert (document.parent / link).resolve().is_file(), link


def test_files_of_the_repository_are_there() -> None:
    named = {
        word for one in ALL for word in one.split() if re.match(r"(?:openwrt|tests|docs|gateway)/", word)
    }
    assert {"openwrt/image/build.sh", "openwrt/image/check.sh", "openwrt/image/packages"} <= named
    assert not [one for one in named if not (ROOT / one).exists()]
    inside = {"files/etc/isp/qalqan-preset"}
    assert inside <= set(ALL)
    assert all((IMAGE / one).is_file() for one in inside)
    for script in ("98-isp-label", "99-isp-qalqan"):
        assert f"`{script}`" in TEXTS[GUIDE]
        assert (IMAGE / "files/etc/uci-defaults" / script).is_file()


def test_commands_are_those_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    named = {found for one in ALL for found in COMMAND.findall(one)}
    assert {"check", "lists update", "off", "support", "button"} <= named
    for one in sorted(named):
        with pytest.raises(SystemExit) as ended:
            build_parser().parse_args([*one.split(), "-h"])
        assert ended.value.code == 0, one
    assert "usage" in capsys.readouterr().out


def test_the_table_of_keys_is_what_a_preset_may_set() -> None:
    script = (IMAGE / "files/etc/uci-defaults/99-isp-qalqan").read_text()
    key = r"(?:brand|defaults|feed|label|main|provider|usp)\.[a-z_]+"
    taken = set(re.findall(rf"\b{key}", script))
    rows = [line for line in TEXTS[GUIDE].splitlines() if re.match(rf"\s*\| `{key}", line)]
    assert {name for row in rows for name in re.findall(rf"`({key})(?:=\w+)?`", row)} == taken


def test_packages_of_the_tiers_are_the_image_s() -> None:
    listed = {
        one
        for line in (IMAGE / "packages").read_text().splitlines()
        if (one := line.partition("#")[0].strip())
    }
    named = set(re.findall(r"`((?:luci-app-)?qalqan(?:-web)?)`", TEXTS[GUIDE]))
    assert {"qalqan", "qalqan-web", "luci-app-qalqan"} == named & listed


@pytest.mark.needs("busybox")
def test_an_update_names_every_package_that_is_installed(tmp_path: Path) -> None:
    (command,) = (
        line for line in TEXTS[GUIDE].splitlines() if line.startswith("opkg update && opkg upgrade")
    )
    listed = "".join(
        f"echo {name} - 0.1.0-r1\n" for name in ("dnsmasq", "luci-app-qalqan", "qalqan", "qalqan-usp")
    )
    opkg = tmp_path / "opkg"
    opkg.write_text(f'#!/bin/sh\ncase "$1" in\nlist-installed)\n{listed};;\nupgrade) echo "$@" ;;\nesac\n')
    opkg.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    argv = ["busybox", "sh", "-c", command]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "upgrade luci-app-qalqan qalqan qalqan-usp\n"


@pytest.mark.parametrize(
    ("off", "unclaimed", "told"),
    [
        (None, False, "on"),
        (None, True, "on, not set up"),
        (datetime(2026, 11, 24, 21, 40, tzinfo=UTC), False, "off until 21:40"),
        ("open end", False, "off"),
    ],
)
def test_what_support_is_told_to_hear_is_what_is_said(off: object, unclaimed: bool, told: str) -> None:
    until = off if isinstance(off, datetime) else None
    since = datetime(2026, 11, 24, 20, 40, tzinfo=UTC)
    in_force = SimpleNamespace(off=None if off is None else TimedSwitch(since, until, "Mum"))
    home = SimpleNamespace(
        local_now=lambda: None,
        rules=SimpleNamespace(household=SimpleNamespace(config=SimpleNamespace(zone=UTC))),
    )
    store, claim = SimpleNamespace(state=lambda _: in_force), SimpleNamespace(unclaimed=unclaimed)
    assert about(*cast("Any", (home, store, claim))) == f"Qalqan {__version__} {told}"
    support = (ROOT / "docs/families/support-code.md").read_text()
    assert f"`Qalqan {__version__} {told}`" in support or f"`… {told}`" in support
    if told != "off":
        assert f"`Qalqan {__version__} {told}`" in TEXTS[GUIDE] or f"`… {told}`" in TEXTS[GUIDE]


def test_what_is_a_lawyer_s_is_marked() -> None:
    for one in ("dpia.md", "counsel.md"):
        assert "ask counsel" in TEXTS[ROOT / "docs/providers/templates" / one].casefold()
    assert "## 10. Roles: who is responsible for what (ask counsel)" in TEXTS[GUIDE]
