from __future__ import annotations

import errno
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.web.listen import SettingsError
from tests.webui.serving import free_port
from webui.listen import interface_indexes, open_sockets
from webui.settings import Settings

NOWHERE = Path("/nonexistent/control.sock")


def test_it_listens_on_the_interfaces_with_both_families() -> None:
    with ExitStack() as stack:
        port = free_port()
        sockets = [
            stack.enter_context(sock) for sock in open_sockets(Settings(NOWHERE, lan=("lo",), port=port))
        ]
        assert [sock.family for sock in sockets] == [socket.AF_INET, socket.AF_INET6]
        for sock in sockets:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).startswith(b"lo\0")
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, port), timeout=10).close()


def test_listen_overrides_the_interfaces() -> None:
    port = free_port()
    (sock,) = open_sockets(Settings(NOWHERE, lan=("no-such",), listen=f"127.0.0.1:{port}"))
    with sock:
        assert sock.getsockname() == ("127.0.0.1", port)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (Settings(NOWHERE), "lan: no interface is named"),
        (Settings(NOWHERE, lan=("no-such",)), "there is no interface no-such"),
        (
            Settings(NOWHERE, listen="192.168.213.213:8080"),
            "192.168.213.213 is not an address of this machine",
        ),
        (Settings(NOWHERE, listen="0.0.0.0:8080"), "allow_wan"),
    ],
)
def test_what_cannot_be_listened_on_is_one_clear_line(settings: Settings, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        open_sockets(settings)


def test_an_interface_that_is_not_there_yet_keeps_the_pages_from_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ExitStack() as stack:
        settings = Settings(NOWHERE, lan=("no-such", "lo"), port=free_port())
        sockets = [stack.enter_context(sock) for sock in open_sockets(settings)]
        places = {sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)[:2] for sock in sockets}
        assert places == {b"lo"}
    assert "no interface no-such yet" in caplog.text


def test_a_kernel_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = socket.socket

    def without(family: int = -1, *arguments: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return plain(family, *arguments)

    monkeypatch.setattr(socket, "socket", without)
    (sock,) = open_sockets(Settings(NOWHERE, lan=("lo",), port=0))
    with sock:
        assert sock.family is socket.AF_INET
    with pytest.raises(SettingsError, match="not supported"):
        open_sockets(Settings(NOWHERE, listen="[::1]:8080"))


def test_no_socket_stays_open_if_file_descriptors_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = socket.socket
    opened: list[socket.socket] = []

    def limited(*arguments: int) -> socket.socket:
        if len(opened) == 3:  # a check for IPv6, and the two sockets of the first interface
            raise OSError(errno.EMFILE, "Too many open files")
        opened.append(plain(*arguments))
        return opened[-1]

    monkeypatch.setattr(socket, "socket", limited)
    with pytest.raises(OSError, match="Too many open files"):
        open_sockets(Settings(NOWHERE, lan=("lo", "lo"), port=0))
    assert [sock.fileno() for sock in opened] == [-1, -1, -1]


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} is taken by another program"):
            open_sockets(Settings(NOWHERE, listen=f"127.0.0.1:{port}"))


def test_indexes_tell_an_interface_from_another_of_its_name() -> None:
    (loopback, missing) = interface_indexes(("lo", "no-such"))
    assert loopback == socket.if_nametoindex("lo")
    assert missing == 0


HOME, PROVIDER = "qw-home", "qw-provider"

LISTEN = """
import pathlib, sys
from webui.listen import open_sockets
from webui.settings import Settings
sockets = open_sockets(Settings(pathlib.Path("/x"), lan=("lan0",), port=8080))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def gateway() -> Iterator[str]:
    """A gateway between a home and a provider, in namespaces of their own."""
    gateway = "qw-gateway"
    names = (gateway, HOME, PROVIDER)
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        for name, end, net in ((HOME, "lan0", "10.9.1"), (PROVIDER, "wan0", "10.9.2")):
            run = ["ip", "-n", gateway]
            subprocess.run(
                [*run, "link", "add", end, "type", "veth", "peer", "eth0", "netns", name], check=True
            )
            subprocess.run([*run, "addr", "add", f"{net}.1/24", "dev", end], check=True)
            subprocess.run([*run, "link", "set", end, "up"], check=True)
            subprocess.run(["ip", "-n", name, "addr", "add", f"{net}.2/24", "dev", "eth0"], check=True)
            subprocess.run(["ip", "-n", name, "link", "set", "eth0", "up"], check=True)
            subprocess.run(["ip", "-n", name, "route", "add", "default", "via", f"{net}.1"], check=True)
        yield gateway
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def reaches(namespace: str, address: str) -> bool:
    code = f"import socket; socket.create_connection(({address!r}, 8080), timeout=10)"
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", code]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


@pytest.mark.lab
def test_the_provider_s_side_reaches_nothing_not_even_at_the_home_s_address(gateway: str) -> None:
    command = ["ip", "netns", "exec", gateway, sys.executable, "-c", LISTEN]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert reaches(HOME, "10.9.1.1")
        assert not reaches(PROVIDER, "10.9.2.1")
        assert not reaches(PROVIDER, "10.9.1.1")
