"""The packet path's end in the daemon."""

from __future__ import annotations

import os

from gateway.daemon.packets import NICENESS, go_first


def test_packets_are_judged_before_other_work() -> None:
    child = os.fork()
    if not child:
        go_first()
        os._exit(os.getpriority(os.PRIO_PROCESS, 0) + 20)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == NICENESS + 20
