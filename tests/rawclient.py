"""A client of the control socket that returns answers as the daemon writes them."""

from __future__ import annotations

from typing import Any

from gateway.control.client import Client
from gateway.control.protocol import ANSWER_LIMIT, LineReader


class RawClient(Client):
    """``RawClient(path).call("pause", who="daughter", minutes=30)``."""

    __slots__ = ()

    def call(self, do: str, **values: object) -> dict[str, Any]:
        """Return the answer. Raises like ``ask``."""
        with self._connect() as sock:
            return self._ask(sock, LineReader(ANSWER_LIMIT), do, values)[0]
