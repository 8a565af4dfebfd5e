"""Sends messages to browsers by Web Push, each in a process of its own: `gateway.web.web_push`."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from threading import Lock

from gateway.control.contract.notifications import PushTarget
from webui.messages import sender_process
from webui.messages.unsent import NotSent, SendFailure

DAY, MOMENT = 86_400, 120  # seconds for which the push service keeps a message
URGENT = frozenset({"request", "warning", "filter"})  # kinds that may wake a sleeping phone
PROCESS = "gateway.web.web_push"

log = logging.getLogger(__name__)


class PushSender:
    """Sends Web Push messages with the home's own key, which is made when it is first needed.

    ``state``: the folder of the key's file; None: the key ends with the web process.
    """

    def __init__(self, state: Path | None) -> None:
        self._path = None if state is None else state / "push.key"
        self._lock = Lock()
        self._key: Mapping[str, str] = {}

    def public_key(self) -> str:
        """Return the public key that browsers need to subscribe, and make it if there is none.

        Raises: NotSent if it cannot be made or stored.
        """
        with self._lock:
            if not self._key:
                self._key = self._read() or self._make()
            return self._key["public"]

    def __call__(self, to: PushTarget, text: str, *, title: str, path: str, kind: str) -> None:
        """Send a message to a browser. ``path``: the page that a tap opens. ``kind``: decides its urgency.

        Raises: NotSent, with GONE if the browser has ended its subscription.
        """
        self.public_key()
        answer = sender_process.run(PROCESS, {
            "do": "send", "endpoint": to.endpoint, "p256dh": to.p256dh, "auth": to.auth,
            "key": self._key["private"], "life": MOMENT if kind == "warning" else DAY,
            "urgent": kind in URGENT,
            "text": json.dumps({"title": title, "body": text, "path": path, "tag": kind}, ensure_ascii=False),
        })  # fmt: skip
        status = int(answer["status"])
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise NotSent(SendFailure.GONE, status)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise NotSent(SendFailure.REFUSED, status)

    def _read(self) -> Mapping[str, str]:
        try:
            found = {} if self._path is None else json.loads(self._path.read_text("ascii"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and {"private", "public"} <= found.keys() else {}

    def _make(self) -> Mapping[str, str]:
        made = sender_process.run(PROCESS, {"do": "key"})
        if self._path is not None:
            fresh = self._path.with_suffix(".new")
            try:
                with open(fresh, "w", encoding="ascii", opener=_private) as file:
                    json.dump(made, file)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(self._path)
            except OSError as error:
                # A browser that subscribed with a key that is lost at the next start would get nothing.
                with suppress(OSError):
                    fresh.unlink()
                log.warning("Push key not stored: %s. No browser can subscribe.", error.strerror)
                raise NotSent(SendFailure.NO_KEY) from None
        return made


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
