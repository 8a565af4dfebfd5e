"""A child's rules for the audit's device, as long as a connection to the daemon stands."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from gateway.control.client import Client, Unreachable

# What is decided while an audit runs is asked of the daemon, which takes these values of a flow.
Decision = Mapping[str, Any]


class Wear:
    """``with Wear(client, "daughter", mac) as worn``: what the daemon says of the rules that it wears.

    ``interface`` is one of the audit's own that counts to the LAN meanwhile. ``stranger`` is a device that
    nobody names, and of which nobody is told.
    """

    def __init__(
        self, client: Client, who: str, mac: str, interface: str | None, stranger: str | None
    ) -> None:
        self._client = client
        self._asked = {"who": who, "mac": mac, "interface": interface, "stranger": stranger}
        self._line: socket.socket | None = None

    def __enter__(self) -> Mapping[str, Any]:
        worn, self._line = self._client.hold("audit_begin", **self._asked)
        return worn

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._client.call("audit_end")
        except Unreachable:
            pass  # it ended with its daemon
        finally:
            if self._line is not None:
                self._line.close()

    def seen(self) -> list[Decision]:
        """What the daemon decided about the device, the oldest first."""
        found: list[Decision] = self._client.call("audit_seen")["seen"]
        return found

    def pause(self, *, paused: bool) -> None:
        self._client.call("audit_pause", paused=paused)

    def clear(self) -> None:
        """What was learnt of the device, and of its flows, is forgotten."""
        self._client.call("audit_clear")
