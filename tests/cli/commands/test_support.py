"""`qalqan support`: one file for somebody who helps, with a daemon and without one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import __version__
from gateway.cli.commands import support as support_command
from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
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


def control(config: Path, tmp_path: Path) -> Path:
    """Let the configuration name a runtime folder here, and return the path of its control socket."""
    (tmp_path / "run").mkdir(exist_ok=True)
    settings = config.read_text()
    config.write_text("".join(line for line in settings.splitlines(True) if not line.startswith("runtime")))
    config.write_text(config.read_text() + f"runtime: {tmp_path / 'run'}\n")
    return tmp_path / "run" / "control.sock"


def test_it_waits_for_the_daemon_s_checks(qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    asked: list[str] = []
    health = Healthy()

    def support(request: ControlRequest) -> dict[str, object]:
        asked.append(request.do)
        health.figures["packets"] = len(asked)
        return {**health.verbs()["support"](request), "check": {"running": len(asked) < 2, "ended": None}}

    with running(control(config, tmp_path), {"support": support}):
        done = qalqan("--config", config, "support")
    assert json.loads(done.out)["figures"]["packets"] == 2


def test_the_approved_report_waits_for_a_finished_check(
    qalqan: Qalqan, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon's list of changes has each report that it returns, and it returns none before."""
    until = datetime(2026, 11, 24, 13, tzinfo=UTC)
    running_checks = [1]  # one item for each request that finds the check running

    def report(request: ControlRequest) -> dict[str, object]:
        if running_checks:
            running_checks.pop()
            raise ControlError.of(Code.BUSY)
        return {"code": "0.1.0-WNK0", "until": until, "file": Healthy().verbs()["support"](request)}

    monkeypatch.setattr(support_command, "EVERY", 0.01)
    with running(control(config, tmp_path), {"support_report": report}):
        done = qalqan("--config", config, "support", "--approved")
        assert json.loads(done.out)["code"] == "0.1.0-WNK0"
        running_checks.extend([1] * 1000)
        monkeypatch.setattr(support_command, "PATIENCE", 0.05)
        done = qalqan("--config", config, "support", "--approved")
    assert (done.status, done.out, done.err) == (1, "", f"qalqan: {Code.BUSY.sentence}\n")


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
