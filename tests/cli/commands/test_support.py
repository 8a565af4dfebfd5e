"""`qalqan support`: one file for somebody who helps, with a daemon and without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway import __version__
from gateway.control.protocol import ControlRequest
from gateway.features.status.support_file import operating_system
from tests.cli.conftest import Qalqan
from tests.control.running import running
from tests.webui.standin.healthy import Healthy

MARKERS = ("Aruzhan", "daughter", "02:00:00:00:00:0a", "tiktok")


def test_without_a_daemon_it_has_the_checks_and_nobody_s_name(
    qalqan: Qalqan, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "for support.json"
    done = qalqan("--config", config, "support", out)
    assert done.status == 0, done
    assert "read it before you send it" in done.out
    text = out.read_text()
    support = json.loads(text)
    assert (support["version"], support["daemon"], support["format"]) == (__version__, "does not run", 1)
    assert "profile" in [finding["about"] for finding in support["findings"]]
    assert not [marker for marker in (*MARKERS, str(config)) if marker in text]


def test_it_waits_for_the_daemon_s_checks(qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    asked: list[str] = []
    health = Healthy()

    def support(request: ControlRequest) -> dict[str, object]:
        asked.append(request.do)
        health.figures["packets"] = len(asked)
        return {**health.verbs()["support"](request), "check": {"running": len(asked) < 2, "ended": None}}

    (tmp_path / "run").mkdir(exist_ok=True)
    settings = config.read_text()
    config.write_text("".join(line for line in settings.splitlines(True) if not line.startswith("runtime")))
    config.write_text(config.read_text() + f"runtime: {tmp_path / 'run'}\n")
    with running(tmp_path / "run" / "control.sock", {"support": support}):
        done = qalqan("--config", config, "support")
    assert json.loads(done.out)["figures"]["packets"] == 2


@pytest.mark.parametrize(
    ("text", "system"),
    [
        ('NAME="OpenWrt"\nID="openwrt"\nVERSION_ID="24.10.0"\n', "openwrt 24.10.0"),
        ("ID=arch\n", "arch"),
        ("", ""),
    ],
)
def test_which_system_it_is(tmp_path: Path, text: str, system: str) -> None:
    path = tmp_path / "os-release"
    path.write_text(text)
    assert operating_system([tmp_path / "none", path]) == system
    assert operating_system([tmp_path / "none"]) == ""
