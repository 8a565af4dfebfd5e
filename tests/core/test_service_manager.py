"""Tests of the descriptors that the service manager passes."""

from __future__ import annotations

import os

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
