"""Records what arrives at the simulated internet."""

from __future__ import annotations

import threading

_MOST = 4_000  # the checks of a test send some hundred; this limits a flood
_HEAD = 512  # bytes of a payload that are stored: two requests


class Arrivals:
    """What has arrived; shared by the threads of the servers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[dict[str, object]] = []

    def note(self, transport: str, to: str, port: int, data: bytes = b"", name: str = "") -> None:
        """Record an arrival. ``name`` is the requested site, if the bytes name one."""
        arrival: dict[str, object] = {
            "transport": transport,
            "to": to,
            "port": port,
            "head": data[:_HEAD].hex(),
        }
        if name:
            arrival["name"] = name
        with self._lock:
            if len(self._seen) < _MOST:
                self._seen.append(arrival)

    def take(self) -> list[dict[str, object]]:
        """Return and forget the arrivals since the last call."""
        with self._lock:
            seen, self._seen = self._seen, []
        return seen
