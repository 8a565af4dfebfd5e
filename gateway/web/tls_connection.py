"""One browser connection: TLS to the browser, plain bytes to the pages, with bounded buffers.

The content is not parsed. A full buffer stops reading from its source until the other end accepts data.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from gateway.core.loop import Loop

PIECE = 16 << 10  # bytes of one TLS record
ROOM = 32 << 10  # bytes buffered in each direction
ROUNDS = 8  # pieces per turn of the loop, so that other connections get theirs

HandOver = Callable[[socket.socket, str], bool]
"""Passes a socket and the browser's address to the pages. Returns false if they do not accept it."""


class BrowserConnection:
    """Forwards bytes between a browser's TLS connection and a socket of the pages.

    ``hand_over`` passes that socket to the pages after the handshake. ``who``: the browser's
    address. ``done`` is called once, when the connection ends.
    """

    def __init__(self, loop: Loop, browser: ssl.SSLSocket, who: str, hand_over: HandOver) -> None:
        self.who = who
        self.begun = self.last = loop.now()
        self.answered = False  # whether the pages ever sent data
        self.page: socket.socket | None = None  # None during the handshake
        self.done: Callable[[], None] = _nothing
        self._loop, self._browser, self._hand_over = loop, browser, hand_over
        self._in, self._out = bytearray(), bytearray()
        self._page_ended = self._wants_write = self._closed = False
        loop.on_readable(browser, self.work)

    @property
    def open(self) -> bool:
        return self.page is not None

    def work(self) -> None:
        """Continue the TLS handshake, or transfer bytes both ways, without waiting.

        Closes the connection if it has ended or failed.
        """
        if self._closed:
            return
        self._wants_write = False
        try:
            if self.page is None and not self._shake_hands():
                self._wait()
                return
            if not self._transfer():
                self.close()
                return
        except (OSError, ValueError):  # ssl.SSLError is an OSError; OpenSSL raises ValueError for some data
            self.close()
            return
        self._wait()

    def _shake_hands(self) -> bool:
        try:
            self._browser.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLWantWriteError:
            self._wants_write = True
            return False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            ours.setblocking(False)
            self.page = ours
            if not self._hand_over(theirs, self.who):
                raise ConnectionRefusedError
        self.last = self._loop.now()
        return True

    def _transfer(self) -> bool:
        """Move up to 8 pieces of data in each direction; return False if the connection has ended."""
        for _ in range(ROUNDS):
            moved = self._from_browser()
            if moved is None:
                return False
            carried = self._from_page()
            if carried is None:
                return False
            if self._page_ended and not self._out:
                return False
            if not moved + carried:
                return True
            self.last = self._loop.now()
        self._loop.call_later(0, self.work)  # epoll does not report data that TLS has already read
        return True

    def _from_browser(self) -> int | None:
        """Move bytes from the browser to the pages; return the sum of bytes read and bytes sent or discarded.

        None if the browser has disconnected.
        """
        moved = 0
        if len(self._in) < ROOM and not self._page_ended:
            try:
                data = self._browser.recv(PIECE)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLWantWriteError:
                self._wants_write = True
            else:
                if not data:
                    return None
                self._in += data
                moved = len(data)
        if self._in:
            moved += self._to_page()
        return moved

    def _to_page(self) -> int:
        """Send the browser's buffered bytes to the pages, without waiting; return how many left the buffer.

        Discards them if the pages have closed, for instance after a response to an upload that is too large.
        """
        assert self.page is not None
        try:
            sent = self.page.send(self._in)
        except BlockingIOError:
            return 0
        except (BrokenPipeError, ConnectionResetError):  # their response may still be unread
            sent = len(self._in)
        del self._in[:sent]
        return sent

    def _from_page(self) -> int | None:
        """Move bytes from the pages to the browser; return the sum of bytes read and bytes sent.

        After the pages have closed, the rest of the buffer is still sent.
        """
        assert self.page is not None
        moved = 0
        if len(self._out) < ROOM and not self._page_ended:
            try:
                data = self.page.recv(PIECE)
            except BlockingIOError:
                pass
            except ConnectionResetError:  # after their last byte, if they did not read all of ours
                self._page_ended = True
            else:
                self._page_ended = not data
                self.answered |= bool(data)
                self._out += data
                moved = len(data)
        if self._out:
            try:
                # OpenSSL requires a retry with the same data, at least as long.
                sent = self._browser.send(bytes(self._out[:PIECE]))
            except ssl.SSLWantWriteError:
                self._wants_write = True
            except ssl.SSLWantReadError:
                pass
            else:
                del self._out[:sent]
                moved += sent
        return moved

    def _wait(self) -> None:
        """Make the event loop report those socket events after which bytes can be moved, and no others."""
        takes = len(self._in) < ROOM and not self._page_ended
        self._watch(self._browser, reads=takes, writes=self._wants_write)
        if self.page is not None:
            gives = len(self._out) < ROOM and not self._page_ended
            self._watch(self.page, reads=gives, writes=bool(self._in))

    def _watch(self, end: socket.socket, *, reads: bool, writes: bool) -> None:
        if reads:
            self._loop.on_readable(end, self.work)
        else:
            self._loop.off_readable(end)
        if writes:
            self._loop.on_writable(end, self.work)
        else:
            self._loop.off_writable(end)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.forget(self._browser)
        if self.page is not None:
            self._loop.forget(self.page)
            self.page.close()
            self._say_goodbye()
        self._browser.close()
        self.done()

    def _say_goodbye(self) -> None:
        """Send TLS's close_notify to the browser, so that the end is not mistaken for a cut.

        Does not wait.
        """
        try:
            self._browser.unwrap()
        except (OSError, ValueError):
            _forget_tls_errors()


def _forget_tls_errors() -> None:
    """Empty OpenSSL's queue of this thread's errors.

    CPython (3.11 to 3.13, `_ssl__SSLSocket_shutdown_impl`) leaves the error of a failed write there. Without
    this, the next read of any other connection would report it, and that connection would be closed. Of the
    functions of `ssl`, this one empties the queue when it fails.
    """
    with suppress(ssl.SSLError):
        _NO_CONTEXT.set_ciphers("none")


_NO_CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def _nothing() -> None:
    return
