"""Tests of the TLS front's connections: real sockets and TLS, the event loop, no process."""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.core.loop import Loop
from gateway.web.tls_connection import BrowserConnection
from tests.web.authority import NAME, TrustedAuthority

PATIENCE = 10.0  # seconds
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n"


@dataclass
class Ends:
    """Both ends of a connection: the browser's, and the one that the pages received.

    ``accepted``: the front's own socket of the browser's end.
    """

    connection: BrowserConnection
    browser: ssl.SSLSocket
    page: socket.socket
    accepted: ssl.SSLSocket


class Front:
    """A loop that accepts one TLS connection at a time."""

    def __init__(self, folder: Path) -> None:
        self.loop = Loop()
        authority = TrustedAuthority()
        authority.issue().put(folder)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        self._trust = ssl.create_default_context(cadata=authority.root_pem.decode())
        self._listener = socket.create_server(("127.0.0.1", 0))

    def connect(self) -> Ends:
        plain = socket.create_connection(self._listener.getsockname(), timeout=PATIENCE)
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        tls = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        pages: list[socket.socket] = []

        def hand_over(page: socket.socket, _who: str) -> bool:
            pages.append(page.dup())
            return True

        connection = BrowserConnection(self.loop, tls, "127.0.0.1", hand_over)
        with ThreadPoolExecutor(1) as pool:
            browser = pool.submit(self._trust.wrap_socket, plain, server_hostname=NAME)
            self.run(lambda: bool(pages) and browser.done())
        pages[0].settimeout(PATIENCE)
        return Ends(connection, browser.result(), pages[0], tls)

    def run(self, until: Callable[[], bool]) -> None:
        deadline = self.loop.now() + PATIENCE
        while not until():
            assert self.loop.now() < deadline
            self.loop.run_once(0.05)

    def close(self) -> None:
        self._listener.close()
        self.loop.close()


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with closing(Front(tmp_path)) as made:
        yield made


def test_a_browser_s_reset_ends_its_own_connection_only(front: Front) -> None:
    """CPython leaves the error of a failed `unwrap` to the next read of any connection."""
    stays, leaves = front.connect(), front.connect()
    ended: list[str] = []
    stays.connection.done = lambda: ended.append("stays")
    leaves.connection.done = lambda: ended.append("leaves")
    leaves.browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    leaves.browser.close()
    front.run(lambda: "leaves" in ended)
    stays.page.sendall(b"beat")
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(stays.browser.recv, 100)
        front.run(received.done)
    assert received.result() == b"beat"
    assert ended == ["leaves"]
    stays.connection.close()
    for end in (stays.browser, stays.page, leaves.page):
        end.close()


def test_a_response_before_the_end_of_an_upload_is_forwarded(front: Front) -> None:
    ends = front.connect()
    ended: list[bool] = []
    ends.connection.done = lambda: ended.append(True)
    ends.browser.sendall(b"POST / HTTP/1.1\r\n" + bytes(8192))
    front.run(lambda: bool(select.select([ends.page], [], [], 0)[0]))
    ends.page.recv(100)  # the rest stays unread, which resets the connection
    ends.page.sendall(TOO_LARGE)
    ends.page.close()
    ends.browser.sendall(bytes(8192))
    assert select.select([ends.accepted], [], [], PATIENCE)[0], "the front has bytes for the closed pages"
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(ends.browser.recv, 1000)
        front.run(lambda: received.done() and bool(ended))
    assert received.result() == TOO_LARGE
    ends.browser.close()
