"""dnsmasq's hook: what it tells, to whom, and that it never keeps dnsmasq waiting."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.control.protocol import REQUEST_LIMIT, ControlRequest
from gateway.lan.dhcp_script import MAX_TEXT, SOCKET_VARIABLE, request
from tests.control.running import running
from tests.pace import longest

SCRIPT = Path(__file__).parents[2] / "gateway" / "lan" / "dhcp_script.py"
MAC = "02:00:00:00:00:0a"
ENVIRONMENT = {
    "DNSMASQ_SUPPLIED_HOSTNAME": "Galaxy-S21",
    "DNSMASQ_VENDOR_CLASS": "android-dhcp-14",
    "DNSMASQ_REQUESTED_OPTIONS": "1,3,6,15",
    "DNSMASQ_INTERFACE": "br-lan",
    "DNSMASQ_TAGS": "br-lan",
}


def call(path: Path, *arguments: str, **environment: str) -> float:
    """Seconds until it ended, as it must."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), *arguments],
        env={**os.environ, SOCKET_VARIABLE: str(path), **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return time.monotonic() - began


def test_what_is_told() -> None:
    assert request(["add", MAC, "192.168.77.10", "tablet"], ENVIRONMENT) == {
        "do": "lease",
        "action": "add",
        "mac": MAC,
        "ip": "192.168.77.10",
        "name": "tablet",
        "supplied": "Galaxy-S21",
        "vendor_class": "android-dhcp-14",
        "options": "1,3,6,15",
        "interface": "br-lan",
    }


def test_of_dhcpv6_the_hardware_address_is_in_the_environment() -> None:
    arguments = ["add", "00:01:00:01:2a:bb", "2001:db8::20", "six"]
    told = request(
        arguments, {"DNSMASQ_IAID": "1234", "DNSMASQ_MAC": MAC, "DNSMASQ_VENDOR_CLASS0": "MSFT 5.0"}
    )
    assert told is not None
    assert (told["mac"], told["vendor_class"]) == (MAC, "MSFT 5.0")
    assert request(arguments, {"DNSMASQ_IAID": "1234"}) is None


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["add"],
        ["init"],
        ["tftp", "1", "2", "3"],
        ["arp-add", MAC, "192.168.77.10"],
        ["relay-snoop", "a", "b"],
    ],
)
def test_what_is_nobodys_business(arguments: list[str]) -> None:
    assert request(arguments, {}) is None


def test_hostile_text_is_one_bounded_line(tmp_path: Path) -> None:
    evil = "\x1b[2J\n\0" + "x" * 9000
    told = request(
        ["add", MAC, evil, evil], {"DNSMASQ_VENDOR_CLASS": evil, "DNSMASQ_SUPPLIED_HOSTNAME": "\udcff\n"}
    )
    assert told is not None
    assert "supplied" not in told
    assert all(text.isprintable() and len(text) <= MAX_TEXT for text in told.values())
    assert len(str(told)) < REQUEST_LIMIT


def test_the_daemon_is_told(tmp_path: Path) -> None:
    heard: list[ControlRequest] = []

    def lease(one: ControlRequest) -> dict[str, object]:
        heard.append(one)
        return {}

    path = tmp_path / "control.sock"
    with running(path, {"lease": lease}):
        call(path, "add", MAC, "192.168.77.10", "Ұялы 📱", **ENVIRONMENT)
    assert heard[0].text("mac") == MAC
    assert heard[0].text("name") == "Ұялы 📱"


def test_it_never_waits(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    assert call(path, "add", MAC, "192.168.77.10") < longest(2.0)  # no daemon
    path.write_text("no socket")
    assert call(path, "del", MAC, "192.168.77.10") < longest(2.0)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as deaf:  # a daemon that hangs
        deaf.bind(str(path))
        deaf.listen(8)
        assert call(path, "old", MAC, "192.168.77.10") < longest(2.5)
    with socket.socket(socket.AF_UNIX) as full:
        path.unlink()
        full.bind(str(path))
        full.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(str(path))
        assert call(path, "add", MAC, "192.168.77.10") < longest(2.5)
        for one in waiting:
            one.close()
    assert call(Path("/" + "x" * 200), "add", MAC, "192.168.77.10") < longest(2.0)
