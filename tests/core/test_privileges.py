"""Tests that a root process becomes a user with two capabilities, in a child process of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from gateway.core.privileges import CAP_NET_ADMIN, CAP_NET_RAW

pytestmark = pytest.mark.needs("root")

BECOME = """
import os, subprocess, sys
from gateway.core.privileges import CAP_NET_ADMIN, CAP_NET_RAW, become
become({user!r}, (CAP_NET_ADMIN, CAP_NET_RAW), groups=("mail", "no-such-group"))
print(open("/proc/self/status").read())
print("=====")
print(subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout)
print("=====")
for attempt in (lambda: os.setuid(0), lambda: open("/etc/shadow"), lambda: os.chown("/etc/passwd", 1, 1)):
    try:
        attempt()
    except PermissionError:
        print("refused")
"""
BITS = 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW


def run(user: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BECOME.format(user=user)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fields(status: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+):\s*(.*)$", status, re.MULTILINE))


def test_it_has_the_user_and_two_capabilities_and_so_have_its_programs() -> None:
    done = run("nobody")
    assert done.returncode == 0, done.stderr
    own, program, refused = done.stdout.split("=====")
    for status in (fields(own), fields(program)):
        assert set(status["Uid"].split()) == {"65534"}
        assert status["Groups"].split() == ["8"]
        assert status["NoNewPrivs"] == "1"
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == BITS, name
    assert refused.split() == ["refused"] * 3


WITHOUT = """
import subprocess
from gateway.core.privileges import CAP_NET_ADMIN, CAP_NET_RAW, become, without_ambient_capabilities
from gateway.dataplane.help_resolver import spawn
import os
become("nobody", (CAP_NET_ADMIN, CAP_NET_RAW))
show = ["cat", "/proc/self/status"]
with without_ambient_capabilities():
    print(subprocess.run(show, capture_output=True, text=True, check=True).stdout)
print("=====")
print(subprocess.run(show, capture_output=True, text=True, check=True).stdout)
print("=====")
pid = spawn(["/usr/bin/sleep", "60"])
print(open(f"/proc/{pid}/status").read())
os.kill(pid, 9)
"""


def test_programs_can_be_started_without_its_capabilities_which_it_keeps() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    without, later, resolver = map(fields, done.stdout.split("====="))
    for status in (without, resolver):
        assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")} == {0}
    assert {int(later[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")} == {BITS}


def test_a_missing_user_is_one_line() -> None:
    done = run("no-such-user")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "PrivilegeError: there is no user no-such-user; create it, or start without --user"
    )
