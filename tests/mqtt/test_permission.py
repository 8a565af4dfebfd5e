"""`qalqan mqtt` when a child, the token or the daemon is gone. Each test has a daemon of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.lab.daemon import Daemon
from tests.lab.filtering import ZONE
from tests.lab.home import Home
from tests.mqtt.broker import Listener
from tests.mqtt.conftest import PROFILES, Connect
from tests.mqtt.connection import token_of

pytestmark = [pytest.mark.lab, pytest.mark.needs("mosquitto", "/usr/sbin/mosquitto")]

AVAILABILITY, HOME, DAUGHTER = "qalqan/availability", "qalqan/home/state", "qalqan/child/daughter"


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    with Daemon(home, PROFILES, settings={"timezone": ZONE.key}, web_user=True) as started:
        yield started


@pytest.fixture(autouse=True)
def calm() -> None:
    """The daemon ends with its test."""


def test_without_the_daemon_all_is_offline_until_it_is_back(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connect()
    daemon.kill()
    listener.await_last(AVAILABILITY, "offline", 6.0)
    daemon.start()
    listener.await_last(AVAILABILITY, "online", 6.0)


def test_topics_of_a_removed_child_are_removed_also_if_nothing_ran_then(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connection = connect()
    daemon.client.call("remove_profile", id="son")
    listener.await_(
        lambda: not [topic for topic in listener.retained() if "son" in topic.split("/")[-2:][0]], "kept"
    )
    assert f"{DAUGHTER}/state" in listener.retained()
    connection.stop()
    daemon.client.call("remove_profile", id="daughter")
    connection.start()
    listener.await_(lambda: set(listener.retained()) <= _of_the_home(), "kept", 6.0)
    assert listener.last(f"{DAUGHTER}/state") == ""


def test_the_end_of_the_token_ends_the_permission(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connection = connect()
    daemon.client.call("guardian", action="reset", name="Mum")  # ends her tokens
    listener.publish(f"{DAUGHTER}/set", "pause")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/result"), "no result")
    assert listener.value(f"{DAUGHTER}/result")["code"] == "wrong_token"
    listener.await_(lambda: set(listener.retained()) == {AVAILABILITY}, "kept", 6.0)
    connection.await_logged("this token is unknown or has ended")
    token, _ = token_of(daemon, "Mum")
    connection.token_file.write_text(token)
    daemon.client.call("pause", who="daughter")  # any event brings the next round
    listener.await_last(AVAILABILITY, "online", 6.0)


def test_a_token_of_support_is_not_enough(daemon: Daemon, listener: Listener, connect: Connect) -> None:
    connection = connect()
    token, _ = token_of(daemon, "Mum", "support")
    connection.token_file.write_text(token)
    daemon.client.call("pause", who="daughter")
    connection.await_logged("this token has the rights of support only")
    listener.await_(lambda: set(listener.retained()) == {AVAILABILITY}, "kept", 6.0)


def _of_the_home() -> set[str]:
    parts = ("problem", "internet", "filter")
    return {AVAILABILITY, HOME, *(f"homeassistant/binary_sensor/qalqan/home_{part}/config" for part in parts)}
