from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.control.client import Client, Unreachable
from gateway.control.contract.status import STATUS
from gateway.core.errors import ControlError
from tests.pace import longest


@contextmanager
def answering(path: Path, answer: bytes | None) -> Iterator[None]:
    """A listener that reads one request, sends ``answer`` and closes; None: it stays silent until the end."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    silent = threading.Event()

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(4096)
            if answer is None:
                silent.wait(5)
            else:
                sock.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        silent.set()
        thread.join()
        listener.close()


def test_no_daemon_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"the daemon does not run .* start it"):
        Client(tmp_path / "none.sock").ask(STATUS)


def test_a_silent_daemon_is_given_up(tmp_path: Path) -> None:
    started = time.monotonic()
    with (
        answering(tmp_path / "s", None),
        pytest.raises(Unreachable, match=r"did not answer 'status' within 0.2 s"),
    ):
        Client(tmp_path / "s", timeout=0.2).ask(STATUS)
    assert time.monotonic() - started < longest(2.0)


def test_a_daemon_that_dies_in_the_middle_is_said(tmp_path: Path) -> None:
    with answering(tmp_path / "s", b'{"ok":tr'), pytest.raises(Unreachable, match="closed the connection"):
        Client(tmp_path / "s").ask(STATUS)


@pytest.mark.parametrize("answer", [b"junk\n", b"[]\n"])
def test_an_answer_that_is_none_is_an_error(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path / "s", answer), pytest.raises(ControlError, match="not a"):
        Client(tmp_path / "s").ask(STATUS)


def test_an_answer_that_is_neither_yes_nor_no_is_a_no(tmp_path: Path) -> None:
    with answering(tmp_path / "s", b"{}\n"), pytest.raises(ControlError, match="without a reason"):
        Client(tmp_path / "s").ask(STATUS)


def test_events_right_behind_the_answer_are_not_lost(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "s", b'{"ok":true}\n{"event":"a"}\n{"event":"b"}\n'),
        Client(tmp_path / "s").events() as stream,
    ):
        assert [next(stream), next(stream)] == [{"event": "a"}, {"event": "b"}]
        with pytest.raises(Unreachable):
            next(stream)
