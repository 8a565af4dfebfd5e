"""One device with many connections, slow ones and big ones, against the real web process."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import waitress
from waitress.server import BaseWSGIServer

from tests.control.running import Running
from tests.pace import longest, until, within
from tests.webui.serving import ask, command, free_port, serving
from webui import connection_limits
from webui.connection_limits import LONG_BODIES, PLACES, PLACES_OF_ONE
from webui.serve import CONNECTIONS, IDLE

HEAD = b"POST /signin/password HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def process(daemon: Running, port: int) -> Iterator[int]:
    with serving(daemon.path, port) as running:
        yield running.pid


class Crowd:
    """Connections from addresses of the loopback, which stand for devices."""

    def __init__(self, port: int, held: ExitStack) -> None:
        self._port = port
        self._held = held
        self.sockets: list[socket.socket] = []

    def join(self, source: str, *, length: int = 1000, sent: int = 3) -> None:
        one = socket.create_connection(("127.0.0.1", self._port), timeout=60, source_address=(source, 0))
        self.sockets.append(self._held.enter_context(one))
        with contextlib.suppress(OSError):
            one.sendall(HEAD % length + b"a" * sent)

    def open(self) -> int:
        """How many the server has not closed."""
        return sum(not _is_closed(one) for one in self.sockets)

    def comes_down_to(self, most: int) -> bool:
        return until(lambda: self.open() <= most, 0.5) is not None

    def stays_at(self, count: int) -> bool:
        return within(lambda: self.open() != count, 0.5) is None


def _is_closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.fixture
def crowd(process: int, port: int) -> Iterator[Crowd]:
    with ExitStack() as held:
        yield Crowd(port, held)


def answers_soon(port: int) -> None:
    began = time.monotonic()
    assert ask(port, "/why")[0] == 200
    assert time.monotonic() - began < longest(2.0, below=IDLE), (
        "before the others are closed for their silence"
    )


@pytest.mark.parametrize("count", [1, 2])
def test_all_sockets_of_a_server_have_it(count: int) -> None:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    server = waitress.create_server(lambda *_: [], sockets=sockets)
    try:
        connection_limits.install(server)
        ours = server.map if count > 1 else server._map
        listening = [one for one in ours.values() if isinstance(one, BaseWSGIServer)]
        assert [channel.channel_class for channel in listening] == [connection_limits.Channel] * count
    finally:
        server.close()


def test_without_a_free_descriptor_new_connections_wait_and_the_pages_go_on(
    daemon: Running, port: int, tmp_path: Path
) -> None:
    """One line in the log, no traceback, no loop that takes the processor, and answers for who is there."""
    log = tmp_path / "web.log"
    # The shell's redirection is what collects standard error.
    argv = ["sh", "-c", f'exec "$@" 2> {log}', "pages", *command(daemon.path, port)]
    with serving(daemon.path, port, argv) as running, ExitStack() as held:
        there = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        held.callback(there.close)
        there.request("GET", "/why")
        assert there.getresponse().read()
        used = {int(entry.name) for entry in Path(f"/proc/{running.pid}/fd").iterdir()}
        lowest = next(number for number in range(len(used) + 1) if number not in used)
        before = resource.prlimit(running.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (lowest, before[1]))
        waiting = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        held.callback(waiting.close)
        waiting.request("GET", "/why")
        assert until(lambda: "no free file descriptor" in log.read_text(), 5.0) is not None
        began = processor_time(running.pid)
        there.request("GET", "/why")
        answer = there.getresponse()
        assert (answer.status, answer.headers["Refresh"]) == (503, "5")
        assert answer.read()
        time.sleep(2.0)
        assert processor_time(running.pid) - began < 1.0
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, before)
        assert waiting.getresponse().status in (200, 503), "it was not lost"
        assert ask(port, "/why")[0] == 200
        assert log.read_text().count("no free file descriptor") == 1
        assert "Traceback" not in log.read_text()


def processor_time(pid: int) -> float:
    """Return the seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_one_device_holds_few_places(crowd: Crowd, port: int) -> None:
    for _ in range(PLACES_OF_ONE * 4):
        crowd.join("127.0.0.7")
    answers_soon(port)
    assert crowd.comes_down_to(PLACES_OF_ONE)
    assert crowd.stays_at(PLACES_OF_ONE)


def test_one_device_with_many_addresses_does_not_keep_the_others_out(crowd: Crowd, port: int) -> None:
    for number in range(PLACES * 2):
        crowd.join(f"127.0.1.{number + 1}")
        if number % 40 == 0:
            answers_soon(port)
    answers_soon(port)
    assert crowd.comes_down_to(PLACES)
    assert PLACES < CONNECTIONS


def test_what_was_answered_stays_while_many_addresses_come_and_never_ask(crowd: Crowd, port: int) -> None:
    """A browser's connection that waits for its next request, as between two pages."""
    browser = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(browser):
        for _ in range(2):
            browser.request("GET", "/why")
            assert browser.getresponse().read()
            first = browser.sock
            for number in range(PLACES * 2):
                crowd.join(f"127.0.1.{number + 1}")
            assert crowd.comes_down_to(PLACES)
            assert browser.sock is first
        browser.request("GET", "/why")
        assert browser.getresponse().status == 200
        assert browser.sock is first, "it was not closed meanwhile"


def test_who_was_there_keeps_the_place_while_another_address_has_more(crowd: Crowd) -> None:
    for _ in range(4):
        crowd.join("127.0.0.8")
    for source in range(10, 16):
        for _ in range(PLACES_OF_ONE):
            crowd.join(f"127.0.0.{source}")
    assert crowd.comes_down_to(PLACES)
    assert not any(_is_closed(one) for one in crowd.sockets[:4])


def test_bodies_that_never_end_fill_no_memory(crowd: Crowd, process: int, port: int) -> None:
    for number in range(100):
        crowd.join(f"127.0.0.{2 + number % 10}", length=280_000, sent=279_000)
    assert crowd.comes_down_to(LONG_BODIES)
    answers_soon(port)
    status = Path(f"/proc/{process}/status").read_text()
    resident = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
    assert resident <= 50 * 1024
