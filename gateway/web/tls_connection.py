"""One browser's connection: TLS on its side, bytes as they are on the pages' side, a bounded piece between.

Nothing is read of what goes through. A line that is full waits until the slower end has taken some.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

from gateway.core.loop import Loop

PIECE = 16 << 10  # bytes: what one record of TLS holds
ROOM = 32 << 10  # bytes on their way in each direction
ROUNDS = 8  # pieces that one turn carries; then others have theirs

Hand = Callable[[socket.socket, str], bool]
"""Gives a connection's other end to the pages, with the browser's address; False where they take none."""


class Line:
    """``done`` is called once, when it is over."""

    def __init__(self, loop: Loop, browser: ssl.SSLSocket, who: str, hand: Hand) -> None:
        self.who = who
        self.begun = self.last = loop.now()
        self.answered = False  # whether the pages ever said something
        self.page: socket.socket | None = None  # None: hands are being shaken
        self.done: Callable[[], None] = _nothing
        self._loop, self._browser, self._hand = loop, browser, hand
        self._in, self._out = bytearray(), bytearray()
        self._page_ended = self._wants_write = self._closed = False
        loop.on_readable(browser, self.work)

    @property
    def open(self) -> bool:
        return self.page is not None

    def work(self) -> None:
        """Carry what can be carried now."""
        if self._closed:
            return
        self._wants_write = False
        try:
            if self.page is None and not self._greeted():
                self._wait()
                return
            if not self._carried():
                self.close()
                return
        except (OSError, ValueError):  # ssl.SSLError is the former; the latter: bytes that OpenSSL refuses
            self.close()
            return
        self._wait()

    def _greeted(self) -> bool:
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
            if not self._hand(theirs, self.who):
                raise ConnectionRefusedError
        self.last = self._loop.now()
        return True

    def _carried(self) -> bool:
        """False where it is over."""
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
        self._loop.call_later(0, self.work)  # what TLS has read already wakes nobody
        return True

    def _from_browser(self) -> int | None:
        """Bytes that moved; None: the browser is gone."""
        assert self.page is not None
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
            try:
                sent = self.page.send(self._in)
            except BlockingIOError:
                return moved
            del self._in[:sent]
            moved += sent
        return moved

    def _from_page(self) -> int | None:
        """Bytes that moved; None: the browser is gone. What the pages end is sent to its end."""
        assert self.page is not None
        moved = 0
        if len(self._out) < ROOM and not self._page_ended:
            try:
                data = self.page.recv(PIECE)
            except BlockingIOError:
                pass
            else:
                self._page_ended = not data
                self.answered |= bool(data)
                self._out += data
                moved = len(data)
        if self._out:
            try:
                # A piece that waits is offered again, as long or longer: OpenSSL wants it so.
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
        """For what can go on."""
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
        """TLS's own, so that nobody takes a cut for an end; who does not take it at once goes without."""
        try:
            self._browser.unwrap()
        except (OSError, ValueError):
            return


def _nothing() -> None:
    return
