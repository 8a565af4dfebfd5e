"""Tests of the descriptors that the service manager passes, and of the reloads that it asks for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from gateway.app.service import DaemonService
from gateway.core.errors import GatewayError, KernelError, PolicyError
from gateway.core.loop import Loop
from gateway.core.service_manager import FIRST, inherited_descriptor

OURS = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "one:two"}


def test_each_has_its_number_and_no_child_gets_it() -> None:
    spare = [os.open("/dev/null", os.O_RDONLY) for _ in range(FIRST + 2)]
    os.set_inheritable(FIRST + 1, True)
    assert inherited_descriptor("two", OURS) == FIRST + 1
    assert not os.get_inheritable(FIRST + 1)
    for number in spare:
        os.close(number)


def test_none_is_taken_that_is_not_there_or_was_for_another_process() -> None:
    assert inherited_descriptor("three", OURS) is None
    assert inherited_descriptor("one", OURS | {"LISTEN_PID": "1"}) is None
    assert inherited_descriptor("one", {}) is None


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            PolicyError("qalqan.yaml", "is empty", "write it"),
            "Reload failed: qalqan.yaml: is empty; write it. Keeping the previous rules.",
        ),
        (
            KernelError("the kernel refused the table"),
            "Reload incomplete: the kernel refused the table. "
            "The new rules do not apply to all devices and connections yet.",
        ),
    ],
)
def test_a_reload_that_fails_says_which_rules_apply(
    error: GatewayError, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    loop = Loop()
    daemon = SimpleNamespace(loop=loop, reload_steps=Mock(side_effect=error))
    DaemonService(cast("Any", daemon), cast("Any", None))._reload()
    assert [record.getMessage() for record in caplog.records] == [line]
    loop.close()


RUNS_THEN_HANGS = """
import time
from types import SimpleNamespace
from gateway.app.service import DaemonService
from gateway.core.loop import Loop

def hang():
    print("ran", flush=True)
    while True:
        pass

loop = Loop()
service = DaemonService(SimpleNamespace(loop=loop), None)
service._watchdog()
loop.call_later(3.0, {then})
loop.run()
service._notifier.report_stopping()
time.sleep(1.5)
"""


@pytest.mark.parametrize(
    ("then", "code", "printed"), [("hang", -signal.SIGALRM, "ran\n"), ("loop.stop", 0, "")]
)
def test_without_a_manager_s_socket_a_daemon_that_hangs_is_ended_by_the_kernel(
    then: str, code: int, printed: str
) -> None:
    """One that runs for longer than the timeout is not, nor one that takes long to stop."""
    environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    environment["WATCHDOG_USEC"] = "1000000"
    done = subprocess.run(
        (sys.executable, "-c", RUNS_THEN_HANGS.replace("{then}", then)),
        env=environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (code, printed, "")
