"""Connects the daemon's control socket with a broker: publishes what has changed, and sends commands.

One thread works: `Bridge.run` takes what happens from an inbox. paho's thread and the one that reads the
daemon's events only put into it.

The broker stores what is published. So each round computes all messages that should be there, sends those
that differ, and deletes the others.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from gateway.control.client import Client, EventStream, Unreachable
from gateway.control.contract.accounts import ACCOUNTS
from gateway.control.contract.home_automation import HOME_AUTOMATION, ConnectionState
from gateway.control.contract.requests import REQUESTS, RequestView
from gateway.control.verbs import NoValues
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.mqtt.broker import Broker, BrokerError, Connected, Disconnected, Happening, Received, read_secret
from gateway.mqtt.commands import (
    COMMAND_EVERY,
    MOST_AT_ONCE,
    CommandLimit,
    HomeCommand,
    child_command,
    home_command,
)
from gateway.mqtt.entities import OFFLINE, ONLINE, child_entities, home_entities
from gateway.mqtt.states import (
    HOME_STATE,
    GatewayState,
    answer_event,
    child_state,
    home_state,
    request_event,
    requests_state,
)
from gateway.mqtt.topics import MqttMessage, Topics
from gateway.policy.accounts.people import PersonRole
from gateway.policy.config.mqtt import MqttSettings

EVENTS = ("status", "grant", "landing", "request", "answer", "health", "people")
SETTLE = 0.2  # seconds from an event to the round, so that several events need one
PERIOD = 30.0  # seconds between rounds without an event: minutes pass, and tokens end
RETRY = 2.0  # seconds until the daemon is asked again
BIRTH = "online"  # Home Assistant has started
BIRTH_EVERY = 10.0  # seconds; within them it is the same start, and the broker has stored everything
ROLES = (PersonRole.GUARDIAN, PersonRole.HELPER)
REPORT = HOME_AUTOMATION.returning(NoValues)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Permission:
    """Whose access token the bridge uses, and that person's role: guardian (a parent) or helper.

    The daemon checks both again with each command.
    """

    name: str
    role: str
    via: str  # id of the token

    @property
    def guards(self) -> bool:
        return self.role == PersonRole.GUARDIAN


class Bridge:
    """Publishes the states of the household over MQTT, and sends received commands to the daemon."""

    def __init__(self, client: Client, settings: MqttSettings) -> None:
        """Prepare the bridge without connecting.

        Raises BrokerError if the password file or the CA certificate cannot be used. The token's file
        is read in each round instead.
        """
        self._client, self._settings = client, settings
        self._topics = Topics(settings.prefix, settings.topic)
        self._inbox: SimpleQueue[Happening | Mapping[str, Any]] = SimpleQueue()
        self._broker = Broker(settings, self._topics, self._inbox)
        self._reader = _EventReader(client, self._inbox)
        self._connected = False
        self._state: ConnectionState | None = None  # None: not known yet
        self._reported: ConnectionState | None = None
        self._next_report = 0.0
        self._published: dict[str, str] = {}  # by topic, the retained messages on the broker
        self._foreign: set[str] = set()  # topics with a retained message of an earlier process
        self._availability = ""
        self._waiting: Mapping[int, RequestView] = {}  # open requests, if the permission includes them
        self._children: frozenset[str] = frozenset()  # ids of those that are published
        self._permission: Permission | None = None
        self._limit = CommandLimit()
        self._next_birth = 0.0  # from when on a start of Home Assistant counts
        self._next = 0.0  # time of the next round
        self._complaint = ""

    def run(self, ended: Callable[[], bool]) -> None:
        """Connect, publish changes and carry out commands, until ``ended`` returns True.

        ``ended`` is called before each event, and at least every second while the daemon responds
        without delay.
        """
        self._broker.start()
        self._reader.start()
        while not ended():
            self._wait()
            if self._connected and time.monotonic() >= self._next:
                self._next = time.monotonic() + (PERIOD if self._round() else RETRY)
            self._report()

    def close(self, *, clear: bool = False) -> None:
        """Publish that the gateway is offline, and disconnect from the broker.

        ``clear``: delete every retained message of this gateway before; logs a warning if there is no
        connection.
        """
        self._reader.stop()
        if clear and not self._connected:
            log.warning("The MQTT broker cannot be reached: it keeps what it has stored.")
        elif clear:
            for topic in self._published.keys() | self._foreign:
                self._broker.publish(MqttMessage(topic, ""))
        self._broker.stop(MqttMessage(self._topics.availability, "" if clear else OFFLINE))

    def _report(self) -> None:
        """Send the state of the MQTT connection to the daemon, for the pages: on a change and each PERIOD."""
        now, state = time.monotonic(), self._state
        if state is not None and (state != self._reported or now >= self._next_report):
            self._reported, self._next_report = state, now + PERIOD
            report(self._client, state)

    # ------------------------------------------------------------------------------------ what happens

    def _wait(self) -> None:
        """Wait for one event from the broker or the daemon, and handle it.

        It waits at most a second, or until the next round is due.
        """
        left = self._next - time.monotonic() if self._connected else 1.0
        try:
            happening = self._inbox.get(timeout=max(0.0, min(1.0, left)))
        except Empty:
            return
        match happening:
            case Connected():
                self._connected, self._next = True, time.monotonic() + SETTLE
                self._published, self._availability = {}, ""
            case Disconnected(why):
                self._connected, self._state = False, why or self._state
            case Received():
                self._receive(happening)
            case _:
                self._note(happening)

    def _receive(self, message: Received) -> None:
        profile = self._topics.commanded(message.topic)
        if profile is not None:
            self._obey(message, profile)
        elif message.topic == self._topics.birth:
            now = time.monotonic()
            if message.payload == BIRTH.encode() and now >= self._next_birth:
                self._next_birth = now + BIRTH_EVERY
                self._published, self._availability, self._next = {}, "", now
        elif message.retained and message.payload and self._topics.is_retained(message.topic):
            self._foreign.add(message.topic)
            self._hasten()

    def _note(self, event: Mapping[str, Any]) -> None:
        """Plan a `_round`, and publish an event about a child's new, reminded or answered request.

        ``event``: from the daemon; an empty one means that the connection to the daemon has begun
        or ended. Events about requests are published only with a parent's token, and for published
        children.
        """
        self._hasten()
        kind, profile = event.get("event"), event.get("profile")
        if kind not in ("request", "answer") or profile not in self._children or not self._connected:
            return
        if self._permission is None or not self._permission.guards:
            return
        if kind == "answer":
            self._publish_event(profile, answer_event(event))
            return
        try:
            request = next((found for found in self._pending() if found.id == event.get("id")), None)
        except ControlError:
            return  # the next round reports it
        if request is not None:
            what = "reminder" if event.get("reminder") else "requested"
            self._publish_event(profile, request_event(request, what, names=self._settings.names))

    def _publish_event(self, profile: str, payload: str) -> None:
        self._broker.publish(MqttMessage(f"{self._topics.child(profile)}/request", payload, retain=False))

    def _hasten(self) -> None:
        self._next = min(self._next, time.monotonic() + SETTLE)

    def _obey(self, message: Received, profile: str) -> None:
        """Send a received command to the daemon, and publish on the topic ``result`` whether it was done.

        ``profile``: the child's id; empty: a command for the home. Of commands that come too fast,
        only the first is answered: answers would double the flood.
        """
        place = self._topics.child(profile) if profile else self._topics.home
        words = message.payload[:64].decode("ascii", "replace")
        result: dict[str, object] = {"command": words, "ok": True}
        answered = not self._limit.exceeded
        if not self._limit.takes(time.monotonic()):
            if answered:
                log.warning(
                    "More than %d commands came over MQTT, faster than one in %.0f seconds. Ignoring what is "
                    "faster. Look for a faulty automation.", MOST_AT_ONCE, COMMAND_EVERY,
                )  # fmt: skip
                result |= {"ok": False, "code": Code.BUSY}
                self._broker.publish(MqttMessage(f"{place}/result", json.dumps(result), retain=False))
            return
        try:
            self._send(self._command(message, profile))
        except ControlError as error:
            log.warning("The command %r on %s was refused: %s", words, message.topic, error)
            result |= {"ok": False, "code": error.code}
        self._broker.publish(MqttMessage(f"{place}/result", json.dumps(result), retain=False))
        self._hasten()

    def _command(self, message: Received, profile: str) -> HomeCommand:
        """Return the command in a message for the child ``profile``; empty: for the home.

        Raises ControlError for a retained or invalid message, an unknown child, or a request that is
        not open.
        """
        if message.retained:
            # The broker would send it again with each new connection.
            raise ControlError("commands must not be retained").coded(Code.INVALID)
        if not profile:
            return home_command(message.payload, filter_switch=self._settings.filter_switch)
        if profile not in self._children:
            raise ControlError.of(Code.NO_CHILD, name=profile)
        command = child_command(message.payload, profile)
        if command.request is not None:
            request = self._waiting.get(command.request)
            if request is None or request.profile != profile:
                raise ControlError.of(Code.NO_REQUEST)
        return command

    def _send(self, command: HomeCommand) -> None:
        if self._permission is None:
            raise ControlError.of(Code.WRONG_TOKEN)
        self._client.ask(command.verb, by=self._permission.name, via=self._permission.via, **command.values)

    # ------------------------------------------------------------------------------------ what is published

    def _round(self) -> bool:
        """Publish the retained messages that have changed, and delete those that are obsolete.

        Return False if the daemon does not respond or refuses; the gateway is then published as offline.
        Without a valid token it is too, all messages are deleted, and the result is True.
        """
        try:
            self._permission = self._check_token()
            self._state = "permission" if self._permission is None else "connected"
            wanted = {} if self._permission is None else self._wanted(self._permission)
        except Unreachable as error:
            self._complain(f"The daemon does not respond: {error}")
            self._set_availability(OFFLINE)
            return False
        except ControlError as error:  # of another version, during an update
            self._complain(f"The state cannot be read: {error}")
            self._set_availability(OFFLINE)
            return False
        for topic in (self._published.keys() | self._foreign) - wanted.keys() - {self._topics.availability}:
            self._broker.publish(MqttMessage(topic, ""))
        for topic, payload in wanted.items():
            if self._published.get(topic) != payload:
                self._broker.publish(MqttMessage(topic, payload))
        self._published = wanted
        self._foreign = set()
        self._set_availability(ONLINE if wanted else OFFLINE)
        return True

    def _check_token(self) -> Permission | None:
        """Return the owner and role of the configured token; None, with a warning, if it cannot be used.

        Raises ControlError if the daemon does not respond or refuses for another reason.
        """
        fix = "create one on the pages, at My account, with the rights of a parent or a helper"
        try:
            token = read_secret("token_file", self._settings.token_file)
            answer = self._client.ask(ACCOUNTS, action="token_check", token=token)
        except BrokerError as error:
            self._complain(f"{error}; {fix}")
            return None
        except ControlError as error:
            if error.code != Code.WRONG_TOKEN:
                raise
            self._complain(f"mqtt.token_file: this token is unknown or has ended; {fix}")
            return None
        if answer.role not in ROLES:
            self._complain(f"mqtt.token_file: this token has the rights of support only; {fix}")
            return None
        return Permission(answer.guardian, answer.role, answer.via)

    def _wanted(self, permission: Permission) -> dict[str, str]:
        """Return the retained messages that the broker should have now, payload by topic.

        A helper's token gets the children's states without requests and without the home. Also stores
        the published children and the open requests. Raises ControlError.
        """
        home = self._client.ask(HOME_STATE)
        chosen = self._settings.children
        children = [child for child in home.profiles if not chosen or child.id in chosen]
        self._children = frozenset(child.id for child in children)
        unknown = sorted(set(chosen) - self._children)
        self._complain(f"mqtt.children: {', '.join(unknown)}: no child has this id" if unknown else "")
        messages: list[MqttMessage] = []
        if permission.guards:
            self._waiting = {request.id: request for request in self._pending()}
            messages += self._of_home(home)
        else:
            self._waiting = {}
        for child in children:
            place = self._topics.child(child.id)
            messages += child_entities(self._topics, child, answers=permission.guards)
            messages.append(MqttMessage(f"{place}/state", child_state(child)))
            if permission.guards:
                own = [request for request in self._waiting.values() if request.profile == child.id]
                messages.append(
                    MqttMessage(f"{place}/requests", requests_state(own, names=self._settings.names))
                )
        return {message.topic: message.payload for message in messages}

    def _of_home(self, home: GatewayState) -> Iterable[MqttMessage]:
        yield from home_entities(self._topics, home.version, filter_switch=self._settings.filter_switch)
        yield MqttMessage(f"{self._topics.home}/state", home_state(home))

    def _pending(self) -> tuple[RequestView, ...]:
        return self._client.ask(REQUESTS, pending=True).requests

    def _set_availability(self, word: str) -> None:
        if word != self._availability:
            self._availability = word
            self._broker.publish(MqttMessage(self._topics.availability, word))

    def _complain(self, problem: str) -> None:
        """Log a problem as a warning, unless the last call had the same one. Empty: the problem is over."""
        if problem and problem != self._complaint:
            log.warning("%s", problem)
        self._complaint = problem


def report(client: Client, state: ConnectionState) -> None:
    """Send the state of the MQTT connection to the daemon, for the pages. Errors are ignored."""
    with suppress(ControlError):
        client.ask(REPORT, action="report", state=state)


class _EventReader:
    """A thread that puts the daemon's events into ``inbox``.

    After each connection, and each failure, it puts an empty event.
    """

    def __init__(self, client: Client, inbox: SimpleQueue[Any]) -> None:
        self._client, self._inbox = client, inbox
        self._stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._client.events(EVENTS, idle=1.0) as events:
                    self._inbox.put({})
                    self._read(events)
            except ControlError:
                self._inbox.put({})  # the next round reports it
            self._stopped.wait(RETRY)

    def _read(self, events: EventStream) -> None:
        while not self._stopped.is_set():
            event = next(events)
            if event is not None:
                self._inbox.put(event)
