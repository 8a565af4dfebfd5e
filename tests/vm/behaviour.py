"""The real daemon in the virtual home: what is refused, what is reached, what remains.

Times are printed, and bounded only where something is promised in seconds.
"""

from __future__ import annotations

from tests.lab.daemon import Daemon
from tests.lab.home import Home
from tests.vm import refusals
from tests.vm.endurance import Endurance
from tests.vm.report import Report
from tests.vm.trusted import TrustedName

PART = "the daemon in the virtual home"
NATIVE, TARGET = "nft queue", "NFQUEUE target"


def run(home: Home, report: Report, backend: str = NATIVE) -> None:
    """Every point of the daemon's behaviour; only the first where it does not start on this backend."""
    report.begin(PART)
    trusted = TrustedName(home)
    daemon = trusted.daemon
    endurance = Endurance(home, daemon)
    try:
        if not report.point("the daemon starts", lambda: _start(daemon, backend)):
            return
        for name, attempt in (*refusals.points(home), *trusted.points()):
            report.point(name, attempt)
        trusted.close()  # what is left in the end is the daemon's alone
        for name, attempt in endurance.points():
            report.point(name, attempt)
    finally:
        endurance.close()
        daemon.stop()


def _start(daemon: Daemon, backend: str) -> str:
    daemon.start()
    used = daemon.client.call("status")["backend"]
    assert used == backend, f"it uses {used}"
    return f"by {used}, ready after {daemon.seconds_to_ready:.1f} s"
