"""The process's loop: a broker that comes late, goes, hangs or talks nonsense."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.usp import service as service_module
from gateway.usp.messages import Disconnect, Get, MessageType
from gateway.usp.service import RETRY, UspService
from tests.core_dumps import NONE, core_limits
from tests.usp.scripted import ROOT, VENDOR, ScriptedFilter
from tests.usp.standin import StandInBroker, handshake, message_of, record_of, request_frame

GET = request_frame(MessageType.GET, "7", get=Get((f"{ROOT}Version",)))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[StandInBroker]:
    made = StandInBroker(tmp_path / "broker")
    yield made
    made.close()


class Stopped(Exception):
    """Ends the endless loop of a service in a test."""


def in_thread(path: Path, connections: int) -> threading.Thread:
    """Serve that many connections in a thread, without pauses between them."""
    service = UspService(path, VENDOR, ScriptedFilter())

    def serve() -> None:
        for _ in range(connections):
            service.serve_once()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(10)
    return not thread.is_alive()


def test_it_registers_again_after_the_broker_has_gone(broker: StandInBroker, tmp_path: Path) -> None:
    thread = in_thread(tmp_path / "broker", 3)
    for _ in range(3):
        broker.greet()
        broker.send(GET)
        assert message_of(broker.part()).header is not None
        broker.hang_up()
    assert ended(thread)


@pytest.mark.parametrize("nonsense", [b"GET / HTTP/1.1\r\n", b"_USP\xff\xff\xff\xff", b"\x00" * 5000])
def test_nonsense_ends_the_connection_and_not_the_service(
    broker: StandInBroker, tmp_path: Path, nonsense: bytes
) -> None:
    thread = in_thread(tmp_path / "broker", 2)
    broker.greet()
    broker.send(nonsense)
    assert broker.part().type == 2  # an error
    assert broker.closed()
    broker.greet()
    broker.hang_up()
    assert ended(thread)


def test_a_broker_that_does_not_greet_is_left(
    broker: StandInBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "GREETING", 0.3)
    thread = in_thread(tmp_path / "broker", 1)
    broker.accept()
    broker.part()
    assert broker.closed()
    assert ended(thread)


def test_a_broker_that_does_not_register_it_is_left(
    broker: StandInBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "GREETING", 0.3)
    thread = in_thread(tmp_path / "broker", 1)
    broker.accept()
    broker.part()
    broker.send(handshake())
    connect, _register, goodbye = broker.part(), broker.part(), broker.part()
    assert record_of(connect).disconnect is None
    assert record_of(goodbye).disconnect == Disconnect("the agent does not answer")
    assert broker.closed()
    assert ended(thread)


def test_without_a_broker_it_tries_again_and_logs_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 20:
            raise Stopped

    before = signal.getsignal(signal.SIGTERM)
    try:
        with caplog.at_level(logging.INFO), pytest.raises(Stopped):
            UspService(tmp_path / "none", VENDOR, ScriptedFilter(), pause).run()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert all(RETRY[0] <= seconds <= RETRY[1] for seconds in pauses)
    assert len(set(pauses)) > 10  # at random
    assert len(caplog.records) == 1


COMMAND = (sys.executable, "-m", "gateway", "usp", "--config")


def test_the_command_serves_without_a_daemon_and_says_good_bye(broker: StandInBroker, tmp_path: Path) -> None:
    config = tmp_path / "qalqan.yaml"
    config.write_text(
        f"lan: [lo]\nruntime: {tmp_path}\nstate: {tmp_path}\n"
        f"usp: {{vendor: {VENDOR}, socket: {tmp_path / 'broker'}}}\n",
        "utf-8",
    )
    process = subprocess.Popen([*COMMAND, config], env={**os.environ, "QALQAN_UCI": ""})
    try:
        broker.greet()
        broker.send(request_frame(MessageType.GET, "7", get=Get((f"{ROOT}Status",))))
        body = message_of(broker.part()).body
        assert body is not None
        assert body.response is not None
        assert body.response.get_resp is not None
        result = body.response.get_resp.req_path_results[0].resolved_path_results[0]
        assert result.result_params == {"Status": "Stopped"}
        assert core_limits(process.pid) == NONE
        process.terminate()
        assert record_of(broker.part()).disconnect == Disconnect("the service stops")
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_without_a_vendor_it_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "qalqan.yaml"
    config.write_text("lan: [lo]\n", "utf-8")
    done = subprocess.run(
        [*COMMAND, config], env={**os.environ, "QALQAN_UCI": ""}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "usp is missing" in done.stderr
