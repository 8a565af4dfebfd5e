"""A real mosquitto on loopback, and a client that notes every message there."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.mqtt.broker import paho_client
from tests import pace
from tests.lab.netns import stop

USER, PASSWORD = "qalqan", "a quiet word"
END = "collector/end"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Mosquitto:
    """``with Mosquitto(folder) as broker:``; it stores retained messages while it is stopped.

    ``tls_port`` is encrypted, with the certificate ``ca``, which signed itself.
    """

    def __init__(self, folder: Path) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self.ca, key = folder / "broker.crt", folder / "broker.key"
        certificate = [
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "9",
        ]
        name = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", str(key), "-out", str(self.ca)]
        subprocess.run(["openssl", "req", *certificate, *name, *files], check=True, capture_output=True)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        passwords = folder / "passwords"
        mosquitto_passwd = ["mosquitto_passwd", "-b", "-c", str(passwords), USER, PASSWORD]
        subprocess.run(mosquitto_passwd, check=True, capture_output=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"listener {self.tls_port} 127.0.0.1",
            f"certfile {self.ca}",
            f"keyfile {key}",
            "allow_anonymous false",
            f"password_file {passwords}",
            "persistence true",
            f"persistence_location {folder}/",
            "log_dest stderr",
            "user root",
        ]
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(self._config)], stderr=log)
        assert pace.until(self._listens, 3.0) is not None, "mosquitto does not start"

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process)
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class Noted:
    topic: str
    text: str
    retained: bool  # it was stored before the subscription
    qos: int


@dataclass
class Listener:
    """Subscribes to everything, as another program of the home, and publishes commands."""

    broker: Mosquitto
    noted: list[Noted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = paho_client("listener")
        self._client.username_pw_set(USER, PASSWORD)
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.on_message = lambda _client, _data, message: self.noted.append(
            Noted(message.topic, message.payload.decode(), bool(message.retain), message.qos)
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", self.broker.port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(pace.longest(3.0))

    def send(self, topic: str, payload: str) -> None:
        """Publish without waiting until the broker has it."""
        self._client.publish(topic, payload, 1)

    def last(self, topic: str) -> str | None:
        """The last payload there; None if there was no message, and empty if it was deleted."""
        return next((message.text for message in reversed(self.noted) if message.topic == topic), None)

    def value(self, topic: str) -> Any:
        text = self.last(topic)
        return json.loads(text) if text else None

    def await_(self, condition: Callable[[], object], what: str, seconds: float = 3.0) -> None:
        assert pace.until(condition, seconds) is not None, f"{what}; noted: {self.noted[-20:]}"

    def await_last(self, topic: str, payload: str, seconds: float = 3.0) -> None:
        self.await_(lambda: self.last(topic) == payload, f"{topic} is not {payload!r}", seconds)

    def retained(self) -> dict[str, str]:
        """What the broker stores: a new client gets all of it before the message that it then sends."""
        found: dict[str, str] = {}
        ended = threading.Event()

        def note(_client: object, _data: object, message: Any) -> None:
            if message.topic == END:
                ended.set()
            elif message.retain:
                found[message.topic] = message.payload.decode()

        client = paho_client("collector")
        client.username_pw_set(USER, PASSWORD)
        client.on_connect = lambda client, *_: client.subscribe("#", 1)
        client.on_subscribe = lambda client, *_: client.publish(END, "", 1)
        client.on_message = note
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        try:
            assert ended.wait(pace.longest(3.0)), "the broker does not answer"
        finally:
            client.disconnect()
            client.loop_stop()
        return found
