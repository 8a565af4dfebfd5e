"""A daemon in the virtual home, a broker next to it, and the process that connects both."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.daemon import Daemon
from tests.lab.filtering import DAUGHTER, MUM, SON, ZONE, set_time
from tests.lab.fixtures import home
from tests.lab.home import Home
from tests.mqtt.broker import Listener, Mosquitto
from tests.mqtt.connection import Connection, token_of

__all__ = ["home"]

Connect = Callable[..., Connection]

# So that a day's limit closes before the day ends: in its last two hours, the minutes of the next day would
# be added to the two hours left.
NOON = "2026-11-25T12:00:00"

# What a guardian may see of her: everything that a level allows, and nothing of it is for the broker.
PROFILES = {
    "daughter": {**DAUGHTER, "log_level": 2, "limits": {"internet": "2h"}},
    "son": SON,
    "mum": MUM,
}


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    with Daemon(home, PROFILES, settings={"timezone": ZONE.key}, web_user=True) as started:
        set_time(started, NOON)
        yield started


@pytest.fixture(autouse=True)
def calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """End what a test left on the daemon of its module: pauses, extra time, requests and tokens."""
    yield
    if "daemon" not in request.fixturenames:
        return
    daemon: Daemon = request.getfixturevalue("daemon")
    daemon.write_profile("daughter", PROFILES["daughter"])
    daemon.client.call("reload")
    daemon.client.call("resume", who="all")
    for change in daemon.client.call("changes")["changes"]:
        if change["what"] == "grant" and change["undo"] is not None:
            daemon.client.call(**change["undo"])
    for waiting in daemon.client.call("requests", pending=True)["requests"]:
        daemon.client.call("answer", id=waiting["id"], answer="no")
    daemon.client.call("guardian", action="reset", name="Mum")


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the pages' user can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="qalqan-mqtt-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def broker(folder: Path) -> Iterator[Mosquitto]:
    with Mosquitto(folder) as started:
        yield started


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    made = Listener(broker)
    yield made
    made.close()


@pytest.fixture
def connect(daemon: Daemon, broker: Mosquitto, listener: Listener, folder: Path) -> Iterator[Connect]:
    """``connect(role="helper", names=True)``: started and online, with a token of Mum's."""
    started: list[Connection] = []

    def build(role: str = "guardian", **settings: Any) -> Connection:
        token, _ = token_of(daemon, "Mum", role)
        connection = Connection(daemon, broker, folder, token, **settings)
        started.append(connection)
        connection.start()
        connection.await_online(listener)
        return connection

    yield build
    for connection in started:
        connection.stop()
