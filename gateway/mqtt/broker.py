"""The connection to the broker, with paho-mqtt 1.6 (OpenWrt) or 2 (Debian).

paho's thread sends, receives and reconnects. It puts what happens into the inbox; nothing else of this
program runs in it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from paho.mqtt import client as paho

from gateway.control.contract.home_automation import ConnectionState
from gateway.core.errors import GatewayError, PolicyError
from gateway.core.files import read_bounded
from gateway.mqtt.entities import OFFLINE, QOS
from gateway.mqtt.topics import MqttMessage, Topics
from gateway.policy.config.mqtt import MqttSettings

KEEPALIVE = 30  # seconds; after one and a half of it, the broker publishes the last will
FIRST_RETRY, LAST_RETRY = 1, 120  # seconds until the next connection; doubled with each failure
FAREWELL = 3.0  # seconds for the last messages at the end
SECRET_LIMIT = 4096  # bytes of a password or token
MOST_WAITING = 1000  # messages in memory while the connection is slow; a home of 32 children has 400
MOST_RECEIVED = 2000  # unread messages; at the start the broker sends what it has stored, 450 for 32 children

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connected:
    """Inbox item: the broker has accepted the connection."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """Inbox item: the connection has ended, or could not be made. paho tries again.

    ``why``: None if the cause was reported before, or the connection worked until now.
    """

    why: ConnectionState | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """Inbox item: a message to a subscribed topic. ``retained``: the broker had stored it before."""

    topic: str
    payload: bytes
    retained: bool


Happening = Connected | Disconnected | Received


class BrokerError(GatewayError):
    """Raised if a file that the MQTT settings name cannot be used: password, token or CA certificate."""


class Broker:
    """A client of the household's MQTT broker. Call ``publish`` only while it is connected.

    What happens is put into ``inbox``: `Connected`, `Disconnected` or `Received`.
    """

    def __init__(self, settings: MqttSettings, topics: Topics, inbox: SimpleQueue[Any]) -> None:
        """Configure the client without connecting.

        Raises BrokerError if the password file or the CA certificate cannot be used.
        """
        self._settings, self._topics, self._inbox = settings, topics, inbox
        self._complaint = ""  # the last reported problem, so that it is logged once
        self._client = paho_client(topics.base)
        self._client.max_queued_messages_set(MOST_WAITING)
        self._client.reconnect_delay_set(FIRST_RETRY, LAST_RETRY)
        self._client.will_set(topics.availability, OFFLINE, QOS, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        if settings.user:
            self._client.username_pw_set(settings.user, _password(settings.password_file))
        if settings.tls:
            self._use_tls()

    def start(self) -> None:
        """Connect in the background, and again after each end of the connection, with increasing delay."""
        self._client.connect_async(self._settings.address, self._settings.port, KEEPALIVE)
        self._client.loop_start()

    def publish(self, message: MqttMessage) -> None:
        self._client.publish(message.topic, message.payload, QOS, message.retain)

    def stop(self, last: MqttMessage) -> None:
        """Send ``last`` after everything else, wait up to FAREWELL seconds for it, and disconnect.

        Without a connection nothing is sent: the broker has published the last will (offline).
        """
        if self._client.is_connected():
            try:
                self._client.publish(last.topic, last.payload, QOS, last.retain).wait_for_publish(FAREWELL)
            except (RuntimeError, ValueError):
                pass  # the connection ended meanwhile
        self._client.disconnect()
        self._client.loop_stop()

    def _use_tls(self) -> None:
        ca = self._settings.ca
        try:
            self._client.tls_set(ca_certs=ca or None)
        except OSError as error:  # ssl.SSLError is one
            msg = f"mqtt.ca: {ca}: {error.strerror or error}"
            raise BrokerError(msg) from error

    # The arguments differ: paho 2 adds properties, and its codes are objects that compare with numbers.

    def _on_connect(self, _client: object, _data: object, _flags: object, code: Any, *_: object) -> None:
        if code != 0:
            self._complain(
                f"refuses the connection ({paho.connack_string(code) if isinstance(code, int) else code})"
            )
            self._inbox.put(Disconnected("refused"))
            return
        self._complaint = ""
        log.info("Connected to the MQTT broker %s.", self._settings.address)
        topics = (*self._topics.commands, *self._topics.retained, self._topics.birth)
        self._client.subscribe([(topic, QOS) for topic in topics])
        self._inbox.put(Connected())

    def _on_connect_fail(self, *_: object) -> None:
        self._complain(
            "cannot be reached, or has a wrong certificate" if self._settings.tls else "cannot be reached"
        )
        self._inbox.put(Disconnected("unreachable"))

    def _on_disconnect(self, *_: object) -> None:
        self._inbox.put(Disconnected())

    def _on_message(self, _client: object, _data: object, message: Any) -> None:
        if self._inbox.qsize() >= MOST_RECEIVED:
            self._complain("sends more than can be handled; some of it is lost")
            return
        self._inbox.put(Received(message.topic, message.payload, bool(message.retain)))

    def _complain(self, problem: str) -> None:
        if problem != self._complaint:
            self._complaint = problem
            place = f"{self._settings.address}:{self._settings.port}"
            log.warning("The MQTT broker %s %s. Trying until it works.", place, problem)


def paho_client(client_id: str) -> Any:
    """Return an MQTT client of the installed paho version (1.6 or 2).

    Its callbacks take the arguments of both versions.
    """
    versions = getattr(paho, "CallbackAPIVersion", None)
    if versions is None:  # paho 1.6
        return paho.Client(client_id=client_id, clean_session=True)
    return paho.Client(versions.VERSION2, client_id=client_id, clean_session=True)


def _password(file: str) -> str | None:
    if not file:
        return None
    return read_secret("password_file", file)


def read_secret(key: str, file: str) -> str:
    """Return the first line of a password or token file, stripped.

    ``key``: the setting, for errors. Raises BrokerError if the file cannot be read, or is empty, too long
    or no text.
    """
    place = f"mqtt.{key}: {file}"
    try:
        first = read_bounded(Path(file), SECRET_LIMIT).partition(b"\n")[0]
        secret = first.decode().strip()
    except PolicyError as error:
        msg = f"{place} {error.problem}"
        raise BrokerError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{place} is not UTF-8 text"
        raise BrokerError(msg) from error
    if len(first) > SECRET_LIMIT:
        msg = f"{place} is no password or token: its first line is longer than {SECRET_LIMIT} bytes"
        raise BrokerError(msg)
    if not secret:
        msg = f"{place} is empty"
        raise BrokerError(msg)
    return secret
