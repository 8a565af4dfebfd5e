"""What arrived at the pretended internet."""

from __future__ import annotations

import threading

_MOST = 4_000  # an audit's checks send some hundred; a flood ends here
_HEAD = 512  # bytes that are kept of a payload: two requests


class Arrivals:
    """Shared by the threads of its servers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[dict[str, object]] = []

    def note(self, transport: str, to: str, port: int, data: bytes = b"", name: str = "") -> None:
        """``name``: of the site that was asked for, where the bytes tell one."""
        one: dict[str, object] = {"transport": transport, "to": to, "port": port, "head": data[:_HEAD].hex()}
        if name:
            one["name"] = name
        with self._lock:
            if len(self._seen) < _MOST:
                self._seen.append(one)

    def take(self) -> list[dict[str, object]]:
        with self._lock:
            seen, self._seen = self._seen, []
        return seen
