"""A real control server on a real loop, in a thread of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.control.protocol import Handler
from gateway.control.server import ControlServer, WebUser
from gateway.core.loop import Loop
from tests.pace import longest

PATIENCE = longest(5.0)  # seconds until a test gives up on the thread


@dataclass(frozen=True, slots=True)
class Running:
    server: ControlServer
    path: Path
    submit: Callable[[Callable[[], None]], None]  # run in the loop's thread, and wait until it has run


@contextmanager
def running(path: Path, verbs: Mapping[str, Handler], web: WebUser | None = None) -> Iterator[Running]:
    loop = Loop()
    server = ControlServer(loop, path, verbs, web=web)
    inside, outside = socket.socketpair()
    todo: list[tuple[Callable[[], None], threading.Event]] = []

    def wake() -> None:
        inside.recv(1)
        call, done = todo.pop(0)
        call()
        done.set()

    def submit(call: Callable[[], None]) -> None:
        done = threading.Event()
        todo.append((call, done))
        outside.send(b".")
        assert done.wait(PATIENCE), "the loop hangs"

    loop.on_readable(inside, wake)
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    try:
        yield Running(server, path, submit)
    finally:
        submit(loop.stop)
        thread.join(PATIENCE)
        server.close()
        loop.forget(inside)
        loop.close()
        inside.close()
        outside.close()
