"""The kernel's own table, in a network namespace of the test."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
from gateway.home.neighbours import read_neighbours
for n in sorted(read_neighbours(), key=lambda n: n.ip):
    print(n.mac, n.ip, n.online)
"""


@pytest.mark.lab
def test_neighbours_of_both_families() -> None:
    commands = """
set -e
ip link add veth0 type veth peer name veth1
ip link set veth0 up
ip link set veth1 up
ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev veth0 nud reachable
ip neigh add 2001:db8::8 lladdr 02:00:00:00:00:08 dev veth0 nud stale
ip neigh add 192.0.2.9 dev veth0 nud failed
"""
    command = f"{commands}\nexec '{sys.executable}' -c '{SCRIPT}'"
    done = subprocess.run(["unshare", "-n", "sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "02:00:00:00:00:07 192.0.2.7 True",
        "02:00:00:00:00:08 2001:db8::8 False",
    ]
