"""`qalqan mqtt` with settings from the pages: the daemon writes them, and returns the reported state."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.features.home_automation.verbs import PASSWORD as PASSWORD_FILE
from gateway.features.home_automation.verbs import TOKEN
from tests import pace
from tests.lab.daemon import Daemon
from tests.lab.filtering import ZONE
from tests.lab.home import Home
from tests.mqtt.broker import PASSWORD, USER, Listener, Mosquitto
from tests.mqtt.conftest import PROFILES
from tests.mqtt.connection import LABEL, WEB_ID, Connection, token_of

pytestmark = [pytest.mark.lab, pytest.mark.needs("mosquitto", "/usr/sbin/mosquitto")]

DAUGHTER = "qalqan/child/daughter"


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    with Daemon(home, PROFILES, settings={"timezone": ZONE.key}, web_user=True) as started:
        os.chown(started.config, -1, WEB_ID)  # as on a gateway, where the pages read it
        yield started


@pytest.fixture
def process(daemon: Daemon, broker: Mosquitto, folder: Path) -> Iterator[Connection]:
    """The process, not started, and nothing set. Mum has an account."""
    token, _ = token_of(daemon, "Mum")
    connection = Connection(daemon, broker, folder, token)
    connection.write(None)
    os.chown(daemon.config, -1, WEB_ID)
    daemon.client.call("reload")
    yield connection
    connection.stop()
    ask(daemon, action="off")


def ask(daemon: Daemon, **values: object) -> dict[str, Any]:
    return daemon.client.call("home_automation", by="Mum", **values)


def turn_on(daemon: Daemon, broker: Mosquitto, **more: object) -> None:
    account = {"user": USER, "password": PASSWORD, "rights": "guardian", "label": LABEL}
    ask(daemon, action="set", **{"address": "127.0.0.1", "port": broker.port, **account, **more})


def await_state(daemon: Daemon, state: str, seconds: float = 6.0) -> None:
    assert pace.until(lambda: ask(daemon)["state"] == state, seconds) is not None, (state, ask(daemon))


def test_it_is_turned_on_works_and_is_turned_off_without_a_console(
    daemon: Daemon, broker: Mosquitto, listener: Listener, process: Connection
) -> None:
    turn_on(daemon, broker)
    for name in (TOKEN, PASSWORD_FILE):
        state = daemon.config.with_name(name).stat()
        assert (state.st_mode & 0o777, state.st_gid) == (0o640, WEB_ID), name
    process.start()  # as the service manager does for the token's file
    process.await_online(listener)
    await_state(daemon, "connected")
    listener.publish(f"{DAUGHTER}/set", "pause 30")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/state")["state"] == "paused", "not paused")
    ask(daemon, action="off")
    listener.await_(lambda: not listener.retained(), "kept", 8.0)
    assert process.wait(6.0) == 0, "it ends, and takes no memory"
    assert "mqtt" not in yaml.safe_load(daemon.config.read_text())
    assert not daemon.config.with_name(TOKEN).exists()


def test_a_wrong_password_is_shown_and_corrected(
    daemon: Daemon, broker: Mosquitto, listener: Listener, process: Connection
) -> None:
    turn_on(daemon, broker, password="wrong")
    process.start()
    await_state(daemon, "refused", 8.0)
    turn_on(daemon, broker)
    process.await_online(listener)
    await_state(daemon, "connected")
    assert PASSWORD not in process.log.read_text()


def test_a_broker_that_is_gone_or_elsewhere_is_shown(
    daemon: Daemon, broker: Mosquitto, listener: Listener, process: Connection
) -> None:
    turn_on(daemon, broker)
    process.start()
    await_state(daemon, "connected", 8.0)
    broker.stop()
    await_state(daemon, "unreachable", 8.0)
    broker.start()
    await_state(daemon, "connected", 10.0)
    turn_on(daemon, broker, port=broker.tls_port, tls=True)  # its certificate is of no known authority
    await_state(daemon, "unreachable", 10.0)


def test_the_end_of_the_permission_is_shown_and_saving_again_renews_it(
    daemon: Daemon, broker: Mosquitto, listener: Listener, process: Connection
) -> None:
    turn_on(daemon, broker)
    process.start()
    await_state(daemon, "connected", 8.0)
    daemon.client.call("guardian", action="reset", name="Mum")  # as a new password does
    assert ask(daemon)["rights"] == ""
    daemon.client.call("pause", who="daughter")  # an event brings the next round
    await_state(daemon, "permission", 8.0)
    turn_on(daemon, broker, password=None)
    assert ask(daemon)["rights"] == "guardian"
    daemon.client.call("resume", who="daughter")
    await_state(daemon, "connected", 8.0)


def test_a_missing_password_file_is_shown(daemon: Daemon, broker: Mosquitto, process: Connection) -> None:
    turn_on(daemon, broker)
    daemon.config.with_name(PASSWORD_FILE).unlink()
    process.start()
    await_state(daemon, "files", 8.0)
    turn_on(daemon, broker)
    await_state(daemon, "connected", 8.0)
