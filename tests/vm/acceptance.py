"""`qalqan acceptance` on the stock kernel, with the daemon of a gateway that was just installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from tests.lab.daemon import Daemon
from tests.lab.home import Home
from tests.vm.report import Report

PART = "acceptance"
WITHIN_S = 1200  # an emulated machine is ten to thirty times slower than a router
LINES = ("daemon", "flow table", "memory", "clock", "lists", "filter", "queue")
HOST = "setup"  # also about the machine that this one is a copy of: a warning is no fault of the gateway
WORKS = ("ok", "note")


def run(home: Home, report: Report) -> None:
    """Each line of the command is a point."""
    report.begin(PART)
    found: dict[str, Mapping[str, Any]] = {}
    with Daemon(home, {}, settings={"offload": "auto"}, web=True) as daemon:
        if not report.point("qalqan acceptance ends", lambda: _accept(daemon, found)):
            return
    for line in LINES:
        report.point(f"acceptance: {line}", partial(_works, found, line, WORKS))
    report.point(f"acceptance: {HOST}", partial(_works, found, HOST, (*WORKS, "warning")))


def _accept(daemon: Daemon, found: dict[str, Mapping[str, Any]]) -> str:
    argv = [sys.executable, "-m", "gateway", "acceptance", "--json", "--within", str(WITHIN_S)]
    done = daemon.home.gateway.run([*argv, "--config", str(daemon.config)], timeout=WITHIN_S + 60)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    found.update((entry["about"], entry) for entry in report["results"])
    assert done.returncode == 0, f"status {done.returncode}: {done.stdout}"
    return f"accepted, after {report['seconds']} s"


def _works(found: Mapping[str, Mapping[str, Any]], line: str, levels: Collection[str]) -> str:
    entry = found[line]
    assert entry["level"] in levels, f"{entry['level']}: {entry['text']}: {entry['fix']}"
    said = entry["text"] or entry.get("code", "")  # the lines about a family's files have a code
    return f"{entry['level']}: {said}"
