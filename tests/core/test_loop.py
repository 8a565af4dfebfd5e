"""The event loop on real descriptors."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Iterator

import pytest

from gateway.core.loop import HANDLED_SIGNALS, IGNORED_SIGNALS, REPORT_FOR, Loop, Signals
from gateway.core.turns import Steps, in_turns


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def test_what_is_readable_is_called_in_every_turn_until_it_is_read(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    here, there = pair
    calls: list[str] = []
    loop.on_readable(here, lambda: calls.append("read"))
    loop.run_once(0)
    assert calls == []
    there.send(b"x")
    loop.run_once(None)
    loop.run_once(0)
    assert calls == ["read", "read"]
    here.recv(1)
    loop.run_once(0)
    assert calls == ["read", "read"]


def test_reading_and_writing_of_one_descriptor(loop: Loop, pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    calls: list[str] = []
    loop.on_writable(here.fileno(), lambda: calls.append("write"))
    loop.on_readable(here, lambda: calls.append("read"))
    there.send(b"x")
    loop.run_once(0)
    assert calls == ["read", "write"]
    loop.off_writable(here)
    loop.run_once(0)
    assert calls == ["read", "write", "read"]


def test_reading_pauses_while_writing_goes_on(loop: Loop, pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    calls: list[str] = []
    loop.on_readable(here, lambda: calls.append("read"))
    loop.on_writable(here, lambda: calls.append("write"))
    there.send(b"x")
    loop.off_readable(here)
    loop.off_readable(here)
    loop.run_once(0)
    assert calls == ["write"]
    loop.off_writable(here)
    there.close()
    loop.run_once(0)
    assert calls == ["write"], "nothing is waited for, not even its end"
    loop.on_readable(here, lambda: calls.append("read"))
    loop.run_once(0)
    assert calls == ["write", "read"]


def test_a_callback_can_be_replaced(loop: Loop, pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    calls: list[str] = []
    loop.on_readable(here, lambda: calls.append("first"))
    loop.on_readable(here, lambda: calls.append("second"))
    there.send(b"x")
    loop.run_once(0)
    assert calls == ["second"]


def test_a_hang_up_wakes_the_writer_and_the_reader(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    here, there = pair
    calls: list[str] = []
    loop.on_readable(here, lambda: calls.append("read"))
    loop.on_writable(here, lambda: calls.append("write"))
    there.close()
    loop.run_once(0)
    assert calls == ["read", "write"]


def test_what_waits_for_writing_alone_is_forgotten_with_it(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    here, _ = pair
    calls: list[str] = []
    loop.on_writable(here, lambda: calls.append("write"))
    loop.off_writable(here)
    loop.off_writable(here)
    loop.forget(here)
    loop.run_once(0)
    assert calls == []
    loop.on_writable(here, lambda: calls.append("again"))
    loop.run_once(0)
    assert calls == ["again"]


def test_what_an_earlier_callback_forgot_is_not_called_in_the_same_turn(loop: Loop) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    calls: list[int] = []

    def first_come(number: int) -> None:
        calls.append(number)
        for here, _ in pairs:
            loop.forget(here)

    for number, (here, there) in enumerate(pairs):
        loop.on_readable(here, lambda number=number: first_come(number))  # type: ignore[misc]
        there.send(b"x")
    loop.run_once(0)
    assert len(calls) == 1
    for here, there in pairs:
        here.close()
        there.close()


def test_timers_come_in_their_order_and_not_when_cancelled(loop: Loop) -> None:
    calls: list[str] = []
    loop.call_later(0.02, lambda: calls.append("second"))
    loop.call_later(0.01, lambda: calls.append("first"))
    loop.call_later(0.015, lambda: calls.append("never")).cancel()
    loop.call_later(0.03, loop.stop)
    began = loop.now()
    loop.run()
    assert calls == ["first", "second"]
    assert loop.now() - began >= 0.03


def test_a_timer_that_a_callback_sets_is_due_in_the_next_turn(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    here, there = pair
    calls: list[str] = []

    def read() -> None:
        calls.append("read")
        loop.call_later(0.0, lambda: calls.append("timer"))

    loop.on_readable(here, read)
    there.send(b"x")
    loop.run_once(0.0)
    assert calls == ["read"], "others that are readable come first"
    loop.run_once(0.0)
    assert calls == ["read", "read", "timer"]


def test_work_in_steps_leaves_turns_to_others(loop: Loop) -> None:
    calls: list[str] = []

    def work() -> Steps[None]:
        for number in range(3):
            calls.append(f"step {number}")
            yield
        calls.append("end")

    in_turns(loop, work())
    assert calls == ["step 0"]
    for _ in range(3):
        loop.call_later(0.0, lambda: calls.append("other"))
        loop.run_once(0.0)
    assert calls == ["step 0", "step 1", "other", "step 2", "other", "end", "other"]


def test_a_callback_without_a_free_descriptor_ends_nothing_and_is_called_again(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.loop.RETRY", 0.01)
    here, there = pair
    calls: list[str] = []

    def fails_once() -> None:
        calls.append("timer")
        if calls.count("timer") == 1:
            raise OSError(errno.EMFILE, "Too many open files")

    def fails() -> None:
        here.recv(1)
        raise OSError(errno.ENFILE, "Too many open files in system")

    assert loop.problems() == []
    loop.on_readable(here, fails)
    there.send(b"x")
    loop.call_later(0.0, fails_once)
    loop.call_later(0.2, loop.stop)
    loop.run()
    assert calls == ["timer", "timer"]
    (line,) = loop.problems()
    assert "file descriptors" in line
    assert loop.shortage is not None
    loop.shortage -= REPORT_FOR
    assert loop.problems() == []


def test_another_error_of_a_callback_ends_the_loop(loop: Loop) -> None:
    def fails() -> None:
        raise OSError(errno.EIO, "Input/output error")

    loop.call_later(0.0, fails)
    with pytest.raises(OSError, match="Input"):
        loop.run()


def test_a_flood_of_signals_hides_none_and_user_signals_end_nothing() -> None:
    before = {number: signal.getsignal(number) for number in (*HANDLED_SIGNALS, *IGNORED_SIGNALS)}
    signals = Signals()
    try:
        for number in IGNORED_SIGNALS:
            os.kill(os.getpid(), number)
        assert signals.received() == []
        for _ in range(2000):  # more than the socket's buffer takes
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.received() == [signal.SIGHUP, signal.SIGTERM]
        assert signals.received() == []
    finally:
        signals.close()
        for number, handler in before.items():
            signal.signal(number, handler)
