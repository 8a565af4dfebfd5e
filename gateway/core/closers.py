"""What was made is undone, the last first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from gateway.core.errors import GatewayError

_log = logging.getLogger(__name__)


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Closers:
    def __init__(self) -> None:
        self._closers: list[Callable[[], None]] = []

    def keep(self, part: C) -> C:
        """``part``, which is closed with all others."""
        self._closers.append(part.close)
        return part

    def close(self) -> None:
        """What cannot be undone keeps nothing else from it."""
        while self._closers:
            try:
                self._closers.pop()()
            except GatewayError as error:
                _log.error("%s", error)
