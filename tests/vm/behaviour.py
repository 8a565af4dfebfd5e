"""The real daemon in the virtual home, on nft's own queue: what is refused, what is reached, what remains.

Times are printed, and bounded only where something is promised in seconds.
"""

from __future__ import annotations

from tests.lab.daemon import Daemon
from tests.lab.home import Home
from tests.vm import refusals
from tests.vm.endurance import Endurance
from tests.vm.report import Report
from tests.vm.trusted import TrustedName


def run(home: Home, report: Report) -> None:
    """Every point of the daemon's behaviour; only the first where it does not start."""
    trusted = TrustedName(home)
    daemon = trusted.daemon
    endurance = Endurance(home, daemon)
    try:
        if not report.point("the daemon starts, on nft's own queue", lambda: _start(daemon)):
            return
        for name, attempt in (*refusals.points(home), *trusted.points()):
            report.point(name, attempt)
        trusted.close()  # what is left in the end is the daemon's alone
        for name, attempt in endurance.points():
            report.point(name, attempt)
    finally:
        endurance.close()
        daemon.stop()


def _start(daemon: Daemon) -> str:
    daemon.start()
    backend = daemon.client.call("status")["backend"]
    assert backend == "nft queue", f"it uses {backend}"
    return f"ready after {daemon.seconds_to_ready:.1f} s"
