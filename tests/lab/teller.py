"""What happens in the virtual home, told one line at a time in a family's words."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from gateway.core.errors import ControlError
from tests.lab.names import SEATS
from tests.rawclient import RawClient

# One page asks for the same name by A, AAAA and HTTPS, and tries again: one line is enough.
_SAME_WITHIN_S = 10.0
_JUST_TOLD_S = 3.0
_AGAIN_S = 0.2
_LABELS: Mapping[str, str] = {seat.mac: seat.label for seat in SEATS}
_STATES = {
    "open": "has the internet again",
    "paused": "is paused",
    "bedtime": "is in bed: the internet is closed until morning",
    "window": "is outside the hours that are open",
    "out_of_time": "has used up today's time",
}


class Teller:
    """Prints lines whole, from whatever thread, and those of the daemon's events as they come."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._held: list[str] | None = None  # lines that wait for the end of a question
        self._told: dict[tuple[str, ...], float] = {}
        self._states: dict[str, str] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, text: str) -> None:
        with self._lock:
            if self._held is None:
                self._print(text)
            else:
                self._held.append(text)

    def _print(self, text: str) -> None:
        try:
            print(text, file=self._out, flush=True)
        except BrokenPipeError:
            # Whoever read this has left; what was asked for is still done, and taken down again.
            self._out = io.StringIO()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """While somebody types: what happens meanwhile is told afterwards."""
        with self._lock:
            self._held = []
        try:
            yield
        finally:
            with self._lock:
                for line in self._held:
                    self._print(line)
                self._held = None

    def say_why(self, label: str, sentence: str) -> None:
        """Why ``label`` was refused something, unless the daemon's own event has just told it."""
        self._once(f"{label}: {sentence}", ("refusal", label, sentence), _JUST_TOLD_S)

    def listen(self, client: RawClient) -> None:
        """Tell the daemon's events from now on, whatever becomes of the daemon in between."""
        self._thread = threading.Thread(target=self._follow, args=(client,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()

    def _follow(self, client: RawClient) -> None:
        while not self._over.is_set():
            try:
                self._tell_all(client)
            except ControlError:
                self._over.wait(_AGAIN_S)

    def _tell_all(self, client: RawClient) -> None:
        with client.events(idle=0.5) as events:
            self._tell_states(client, first=True)
            for event in events:
                if self._over.is_set():
                    return
                if event is not None:
                    self._tell(client, event)

    def _tell(self, client: RawClient, event: Mapping[str, Any]) -> None:
        kind = event.get("event")
        if kind == "refusal":
            self._tell_refusal(event)
        elif kind == "status":
            self._tell_states(client)
        elif kind == "device" and (label := _LABELS.get(str(event.get("mac")))):
            self._once(f"{label} is on the Wi-Fi.", ("device", label))
        elif kind == "card" and event.get("what") == "raised":
            self._once(str(event.get("sentence")), ("card", str(event.get("device")), str(event.get("way"))))
        elif kind == "identity" and event.get("what") == "asked":
            self._once(str(event.get("sentence")), ("identity", str(event.get("mac"))))

    def _tell_refusal(self, event: Mapping[str, Any]) -> None:
        label = _LABELS.get(str(event.get("device"))) or str(event.get("name") or "Somebody")
        sentence = str(event.get("sentence") or f"{event.get('host') or 'Something'} is refused.")
        self._once(f"{label}: {sentence}", ("refusal", label, sentence))

    def _tell_states(self, client: RawClient, *, first: bool = False) -> None:
        for profile in client.call("status").get("profiles", []):
            name, state = str(profile["name"]), str(profile["state"])
            if self._states.get(name) != state and not (first and name not in self._states):
                self.say(f"{name} {_STATES.get(state, state)}.")
            self._states[name] = state

    def _once(self, line: str, key: tuple[str, ...], within: float = _SAME_WITHIN_S) -> None:
        now = time.monotonic()
        with self._lock:
            is_news = now - self._told.get(key, -within) >= within
            if is_news:
                self._told[key] = now
        if is_news:
            self.say(line)
