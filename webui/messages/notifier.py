"""Sends notifications to phones from the web process, which has the translations.

One thread receives the daemon's events and fills the outbox. Each message is sent in a short thread of its
own, a few at a time, so that a slow server delays neither other messages nor a page. The notifier also
reports that the daemon has stopped, because a stopped daemon cannot do that. Events in the time in which the
web process does not run are never sent.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from gettext import NullTranslations
from typing import Any

from flask import Flask

from gateway.control.client import Client, EventStream, Unreachable
from gateway.control.contract.notifications import ALERTS, PUSH_OFF, AlertsResponse
from gateway.core.errors import ControlError
from webui.features.notifications.alert_text import named, sentence, zone_of
from webui.messages import channels
from webui.messages.outbox import Key, Letter, Outbox, is_week_over
from webui.messages.push import PushSender
from webui.messages.recipients import CHILD_KINDS, Recipient, recipients, recipients_of
from webui.messages.unsent import NotSent, SendFailure
from webui.settings import OWN_NAME

TICK = 1.0  # seconds between two checks for messages that are due
GONE_AFTER = 20.0  # seconds without a daemon; a restart is shorter
TEST_PACE = 10.0  # seconds between two test messages: each may occupy a thread of the server longer than that
REFUSED_FOR = 60.0  # seconds until the next connection after the daemon refused one
SENDERS = 4  # messages sent in parallel
EVENTS = (
    *("request", "identity", "card", "status", "people", "alerts", "adult_proof"),
    *("answer", "warning"),
)
PATHS = {
    "request": "/parent/requests",
    "device": "/parent/devices/",
    "people": "/parent/log",
    "sign_in": "/account/",
    "week": "/parent/digest/",
    "answer": "/my",
    "warning": "/my",
}
KEY = "qalqan-notifier"

log = logging.getLogger(__name__)

Send = Callable[..., None]


class Notifier:
    def __init__(
        self,
        client: Client,
        catalogues: Mapping[str, NullTranslations],
        brand: str,
        send: Send = channels.send,
        push: PushSender | None = None,
    ) -> None:
        self._client, self._catalogues, self._brand, self._send = client, catalogues, brand, send
        self.push = push or PushSender(None)
        self._outbox, self._book = Outbox(), AlertsResponse((), "UTC")
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(SENDERS)
        self._gone_since: float | None = None
        self._reported_gone = False
        self._ended = threading.Event()
        self._troubles: dict[Key, NotSent] = {}  # by recipient: the error of the last message
        self._looked: datetime | None = None  # local time of the last check for the weekly message
        self._tested = -TEST_PACE
        self._restart: Callable[[], None] = lambda: None

    def start(self, restart: Callable[[], None] = lambda: None) -> None:
        """Start the thread that receives events and sends messages.

        ``restart``: called when the daemon has changed the settings of the pages.
        """
        self._restart = restart
        threading.Thread(target=self._run, name="notifier", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    def troubles(self, guardian: str) -> Iterator[tuple[Recipient, NotSent]]:
        """Yield each channel or browser of a guardian that did not get its last message, with the error."""
        for recipient in recipients_of(self._book, guardian):
            error = self._troubles.get(recipient.key)
            if error is not None:
                yield recipient, error

    def test(self, book: AlertsResponse, guardian: str) -> list[tuple[Recipient, NotSent]]:
        """Send a test message to a guardian's channels and browsers now, also in quiet hours.

        Return those that failed, with the errors. Raises: NotSent, if there was a test in the last TEST_PACE
        seconds.
        """
        with self._lock:
            if time.monotonic() - self._tested < TEST_PACE:
                raise NotSent(SendFailure.JUST_NOW)
            self._tested = time.monotonic()
        own = recipients_of(book, guardian)
        from concurrent.futures import ThreadPoolExecutor  # rarely used

        with ThreadPoolExecutor(SENDERS) as threads:
            errors = list(threads.map(self._try, own))
        return [(to, error) for to, error in zip(own, errors, strict=True) if error is not None]

    def _try(self, to: Recipient) -> NotSent | None:
        _, _many = self._words(to.language)
        try:
            self._post(to, _("This is a test. Messages of this kind will look like this."), "test")
        except NotSent as error:
            return error
        self._troubles.pop(to.key, None)
        return None

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._follow()
            except OSError as error:  # without free file descriptors, try again instead of ending the thread
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                log.warning("messages to phones wait: %s", error.strerror)
            self._ended.wait(TICK)

    def _follow(self) -> None:
        try:
            with self._client.events(EVENTS, idle=TICK) as events:
                self._here()
                self._listen(events)
        except Unreachable:
            self._gone()
        except ControlError as error:  # another version of the daemon, during an update
            log.warning("no messages to phones for a minute: %s", error)
            self._ended.wait(REFUSED_FOR)
        self._tick()

    def _listen(self, events: EventStream) -> None:
        self._learn()
        while not self._ended.is_set():
            event = next(events)
            if event is not None and event.get("event") == "alerts":
                self._learn()
            elif event is not None and (event.get("event"), event.get("what")) == ("status", "pages"):
                self._restart()
            elif event is not None:
                self._note(event)
            self._tick()

    def _learn(self) -> None:
        self._book = self._client.ask(ALERTS)

    def _here(self) -> None:
        self._gone_since = None
        if self._reported_gone:
            self._reported_gone = False
            self._put("filter", "started", "")

    def _gone(self) -> None:
        now = time.monotonic()
        self._gone_since = self._gone_since or now
        if now - self._gone_since >= GONE_AFTER and not self._reported_gone:
            self._reported_gone = True
            self._put("filter", "stopped", "")

    def _note(self, event: Mapping[str, Any]) -> None:
        found = kind_of(event)
        if found is None:
            return
        self._learn()  # a parent may have been removed since, or a device may have another owner
        if found[0] in CHILD_KINDS:
            self._put(*found, "", profile=str(event.get("profile", "")))
        else:
            own = str(event.get("name", "")) if found[0] == "sign_in" else ""
            self._put(*found, "" if own else named(event), own)

    def _put(self, kind: str, what: str, names: str, only: str = "", profile: str = "") -> None:
        """Add a message to the outbox: for all guardians, for one (``only``), or for the child ``profile``.

        ``what``: its subtype. ``names``: the text that only recipients who want names get.
        """
        with self._lock:
            to = [
                recipient
                for recipient in recipients(self._book)
                if recipient.profile == profile and only in ("", recipient.guardian)
            ]
            self._outbox.note(to, kind, what, names, time.monotonic())

    def _tick(self) -> None:
        book = self._book
        local = datetime.now(zone_of(book))
        before, self._looked = self._looked, local
        if before is not None and is_week_over(before, local):
            self._put("week", "", "")
        with self._lock:
            by_key = {recipient.key: recipient for recipient in recipients(book)}
            letters = self._outbox.due(by_key, time.monotonic(), local)
        for letter in letters:
            threading.Thread(target=self._deliver, args=(letter,), daemon=True).start()

    def _deliver(self, letter: Letter) -> None:
        with self._places:
            try:
                self._post(letter.to, self._text(letter), letter.kind)
            except NotSent as error:
                self._failed(letter, error)
            else:
                self._troubles.pop(letter.to.key, None)
                with self._lock:
                    self._outbox.sent(letter, time.monotonic())

    def _failed(self, letter: Letter, error: NotSent) -> None:
        """Schedule a retry of a message that was not sent, or drop it if the error is final.

        A warning is dropped too: it would come too late. A browser that has ended its subscription is
        reported to the daemon.
        """
        log.warning("a message to a phone was not sent: %s", error)
        with self._lock:
            final = error.final or letter.kind == "warning"
            self._outbox.failed(letter, time.monotonic(), final=final)
        if error.why is SendFailure.GONE and letter.to.push is not None:
            self._troubles.pop(letter.to.key, None)
            with suppress(ControlError):  # it is reported again for the next message
                self._client.ask(PUSH_OFF, endpoint=letter.to.push.endpoint)
        else:
            self._troubles[letter.to.key] = error

    def _text(self, letter: Letter) -> str:
        say, say_many = self._words(letter.to.language)
        text = sentence(letter.kind, letter.what, letter.count, say, say_many)
        return f"{text}\n{letter.names}" if letter.to.names and letter.names else text

    def _words(self, language: str) -> tuple[Callable[[str], str], Callable[[str, str, int], str]]:
        catalogue = self._catalogues.get(language) or NullTranslations()
        return catalogue.gettext, catalogue.ngettext

    def _post(self, to: Recipient, text: str, kind: str) -> None:
        path = PATHS.get(kind, "/parent/")
        if to.push is not None:
            self.push(to.push, text, title=self._brand, path=path, kind=kind)
            return
        click = f"http://{OWN_NAME}{path}"
        self._send(to.address, text, title=self._brand, click=click, inside=to.inside)


def kind_of(event: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the kind and subtype of the notification for a daemon's event; None if it needs none."""
    name, what = event.get("event"), event.get("what")
    if name == "request" and event.get("reminder") is True:
        return "request", "again"
    if name == "request" and event.get("state") == "pending":
        return "request", ""
    if name == "identity" and what == "asked" and event.get("ask") == "new":
        return "device", ""
    if name == "identity" and what == "asked" and event.get("ask") == "address":
        return "filter", "address"
    if name == "adult_proof" and what == "opened":
        return "device", "adult"
    # No message reports a bypass attempt if the child's log level hides names, as from age 13 on. The event
    # then has no time.
    if name == "card" and what == "raised":
        return ("way", "") if event.get("at") is not None else None
    if name == "status" and what in ("off", "on", "stop", "address"):
        return "filter", str(what)
    if name == "people" and what == "guardian sign-in":
        return "sign_in", ""
    if name == "people":
        return "people", ""
    if name == "answer":
        return "answer", ""
    if name == "warning":
        return "warning", str(event.get("minutes", ""))
    return None


def install(app: Flask, notifier: Notifier) -> None:
    app.extensions[KEY] = notifier


def of(app: Flask) -> Notifier:
    found = app.extensions[KEY]
    assert isinstance(found, Notifier)
    return found
