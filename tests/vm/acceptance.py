"""`qalqan acceptance` on the stock kernel, with the daemon of a gateway that was just installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.lab.daemon import Daemon
from tests.lab.home import Home
from tests.vm.report import Report

PART = "acceptance"
WITHIN_S = 1200  # an emulated machine is ten to thirty times slower than a router
LINES = ("daemon", "flow table", "memory", "clock", "lists", "filter", "queue")  # without that of the host


def run(home: Home, report: Report) -> None:
    """Each line of the command is a point."""
    report.begin(PART)
    found: dict[str, Mapping[str, Any]] = {}
    with Daemon(home, {}, settings={"offload": "auto"}, web=True) as daemon:
        if not report.point("qalqan acceptance ends", lambda: _accept(daemon, found)):
            return
    for line in LINES:
        report.point(f"acceptance: {line}", partial(_works, found, line))


def _accept(daemon: Daemon, found: dict[str, Mapping[str, Any]]) -> str:
    argv = [sys.executable, "-m", "gateway", "acceptance", "--json", "--within", str(WITHIN_S)]
    done = daemon.home.gateway.run([*argv, "--config", str(daemon.config)], timeout=WITHIN_S + 60)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    found.update((entry["about"], entry) for entry in report["results"])
    return f"after {report['seconds']} s, status {done.returncode}"


def _works(found: Mapping[str, Mapping[str, Any]], line: str) -> str:
    entry = found[line]
    assert entry["level"] != "error", f"{entry['text']}: {entry['fix']}"
    return f"{entry['level']}: {entry['text']}"
