"""Closes resources in the reverse order of their creation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from gateway.core.errors import GatewayError

_log = logging.getLogger(__name__)


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class CloseStack:
    """Collects objects that have a ``close`` method, and closes them together, the last one first."""

    def __init__(self) -> None:
        self._close_calls: list[Callable[[], None]] = []

    def keep(self, part: C) -> C:
        """Register ``part``, to be closed by ``close()`` together with the others; return ``part``."""
        self._close_calls.append(part.close)
        return part

    def close(self) -> None:
        """Close all registered objects, the last one first.

        A GatewayError of one is logged; the others are still closed. Another exception propagates,
        and the remaining objects stay registered.
        """
        while self._close_calls:
            try:
                self._close_calls.pop()()
            except GatewayError as error:
                _log.error("%s", error)
