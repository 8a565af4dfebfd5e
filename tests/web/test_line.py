"""A line between a browser and the pages: real TLS, real sockets, one loop."""

from __future__ import annotations

import hashlib
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.core.loop import Loop
from gateway.web.connection_limits import GREETING, PLACES, PLACES_OF_ONE, ConnectionLimits
from gateway.web.tls_connection import ROOM
from tests.web.authority import NAME, TrustedAuthority

MUCH = 5 << 20  # bytes


class Served:
    """A crowd in a loop of its own; what is handed over is in ``pages``."""

    def __init__(self, folder: Path) -> None:
        authority = TrustedAuthority()
        authority.issue().put(folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        self.trusting = ssl.create_default_context(cadata=authority.root_pem.decode())
        self.pages: list[tuple[socket.socket, str]] = []
        self.takes = True
        self.loop = Loop()
        self.crowd = ConnectionLimits(self.loop, self._hand)
        self._ways: list[socket.socket] = []

    def _hand(self, connection: socket.socket, who: str) -> bool:
        if self.takes:
            self.pages.append((connection.dup(), who))
        return self.takes

    def enter(self, who: str = "192.0.2.10") -> socket.socket:
        """The browser's end of a new connection, before any TLS."""
        server, client = socket.socketpair()
        self.crowd.enter(server, who, self.context)
        client.settimeout(10)
        self._ways.append(client)
        return client

    def wrap(self, client: socket.socket) -> ssl.SSLSocket:
        tls = self.trusting.wrap_socket(client, server_hostname=NAME, do_handshake_on_connect=False)
        self._ways.append(tls)
        return tls

    def shake(self, client: socket.socket) -> ssl.SSLSocket:
        tls = self.wrap(client)
        thread = threading.Thread(target=tls.do_handshake)
        thread.start()
        before, lines = len(self.pages), len(self.crowd.connections)
        # The browser has done its part before the server has read it.
        self.until(lambda: len(self.pages) > before or len(self.crowd.connections) < lines)
        thread.join(5)
        return tls

    def until(self, holds: Callable[[], bool], patience: float = 10.0) -> None:
        deadline = time.monotonic() + patience
        while not holds():
            assert time.monotonic() < deadline, "it did not come true in time"
            self.loop.run_once(0.02)

    def turn(self) -> None:
        for _ in range(20):
            self.loop.run_once(0.005)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    one = Served(tmp_path)
    yield one
    one.crowd.close()
    one.loop.close()
    for way in (*one._ways, *(page for page, _ in one.pages)):
        way.close()


def test_much_goes_through_both_ways_as_it_is(served: Served) -> None:
    tls = served.shake(served.enter())
    page, who = served.pages[0]
    assert who == "192.0.2.10"
    page.setblocking(True)
    up, down = os.urandom(MUCH), os.urandom(MUCH)
    heard: dict[str, bytes] = {}

    def read() -> None:
        found, size = hashlib.sha256(), 0
        while size < MUCH:
            data = page.recv(65536)
            if not data:
                break
            found.update(data)
            size += len(data)
        heard["up"] = found.digest()

    def browse() -> None:
        """Both ways in one thread: OpenSSL takes no two in one connection."""
        tls.setblocking(False)
        found, size, rest = hashlib.sha256(), 0, memoryview(up)
        while rest or size < MUCH:
            with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                rest = rest[tls.send(rest[:65536]) :] if rest else rest
            with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                data = tls.recv(65536)
                if not data:
                    break
                found.update(data)
                size += len(data)
                continue
            select.select([tls], [tls] if rest else [], [], 0.02)
        heard["down"] = found.digest()

    threads = [
        threading.Thread(target=read),
        threading.Thread(target=browse),
        threading.Thread(target=page.sendall, args=(down,)),
    ]
    for thread in threads:
        thread.start()
    served.until(lambda: len(heard) == 2, 60)
    assert heard == {"up": hashlib.sha256(up).digest(), "down": hashlib.sha256(down).digest()}
    for thread in threads:
        thread.join(5)


def test_who_reads_nothing_holds_a_bounded_piece(served: Served) -> None:
    served.shake(served.enter())
    page, _ = served.pages[0]
    page.setblocking(False)
    sent = 0
    for _ in range(400):
        served.loop.run_once(0)
        try:
            sent += page.send(b"x" * 65536)
        except BlockingIOError:
            continue
    (line,) = served.crowd.connections
    assert len(line._out) <= 2 * ROOM
    assert sent < 4 << 20, "the pages were held up"


def test_the_end_of_either_side_is_the_end(served: Served) -> None:
    tls = served.shake(served.enter())
    page, _ = served.pages[0]
    page.sendall(b"the last words")
    page.close()
    served.until(lambda: not served.crowd.connections)
    assert tls.recv(100) == b"the last words"
    assert tls.recv(100) == b"", "TLS announced the end"
    other = served.shake(served.enter())
    other.close()
    served.until(lambda: not served.crowd.connections)
    assert served.pages[1][0].recv(10) == b""


def test_what_is_no_tls_is_closed_and_never_handed_over(served: Served) -> None:
    for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(500), b"\x16\x03\x01\xff\xff" + bytes(200)):
        served.enter().sendall(data)
        served.until(lambda: not served.crowd.connections, GREETING + 5)
    assert served.pages == []


def test_pages_that_take_no_more_end_the_connection(served: Served) -> None:
    served.takes = False
    tls = served.wrap(served.enter())
    thread = threading.Thread(target=_shaken, args=(tls,))
    thread.start()
    served.until(lambda: not served.crowd.connections)
    thread.join(5)


def _shaken(tls: ssl.SSLSocket) -> None:
    try:
        tls.do_handshake()
    except OSError:
        return


def test_one_device_has_its_places_and_no_more(served: Served) -> None:
    other = served.shake(served.enter("192.0.2.99"))
    for _ in range(500):
        served.enter("192.0.2.10")
    count = [connection.who for connection in served.crowd.connections]
    assert count.count("192.0.2.10") == PLACES_OF_ONE
    for number in range(200):
        served.enter(f"192.0.2.{10 + number % 4}")
    assert len(served.crowd.connections) == PLACES
    page, who = served.pages[0]
    assert who == "192.0.2.99"
    page.sendall(b"still here")
    served.turn()
    assert other.recv(100) == b"still here", "its running line stays"


def test_a_newcomer_gives_way_to_its_own_running_lines(served: Served) -> None:
    running = [served.shake(served.enter()) for _ in range(PLACES_OF_ONE - 1)]
    for page, _ in served.pages:
        page.sendall(b"HTTP/1.1 200 OK\r\n")
    served.turn()
    for _ in range(50):
        served.enter()
    assert sum(connection.open for connection in served.crowd.connections) == len(running)
    assert len(served.crowd.connections) == PLACES_OF_ONE


def test_a_thousand_addresses_of_one_device_end_no_stream_and_keep_nobody_out(served: Served) -> None:
    stream = served.shake(served.enter("192.0.2.99"))
    page, _ = served.pages[0]
    page.sendall(b"event: hello\n\n")
    served.turn()
    assert stream.recv(100) == b"event: hello\n\n"
    for number in range(PLACES):
        silent = served.shake(served.enter(f"2001:db8::{number:x}"))
        silent.sendall(b"GET /")
    for number in range(200):
        served.enter(f"2001:db8::1:{number:x}")
    newcomer = served.shake(served.enter("192.0.2.98"))
    assert served.pages[-1][1] == "192.0.2.98"
    served.pages[-1][0].sendall(b"HTTP/1.1 200 OK\r\n")
    page.sendall(b": beat\n\n")
    served.turn()
    assert newcomer.recv(100) == b"HTTP/1.1 200 OK\r\n"
    assert stream.recv(100) == b": beat\n\n"
    assert len(served.crowd.connections) == PLACES


def test_silent_hellos_end_by_themselves(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.connection_limits.GREETING", 0.2)
    slow = served.enter()
    slow.sendall(b"\x16\x03")
    assert len(served.crowd.connections) == 1
    served.until(lambda: not served.crowd.connections, 5)
    assert slow.recv(10) == b""
