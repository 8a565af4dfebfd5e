"""Applies a child's rules to the test device, for as long as a connection to the daemon is open."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from gateway.control.client import Client, Unreachable

# The daemon's decisions during a test, as it reports them for each flow.
Decision = Mapping[str, Any]


class Impersonation:
    """``with Impersonation(client, "daughter", mac) as worn``: ``worn`` describes the rules in use.

    ``interface`` is an interface of the test that counts as LAN meanwhile. ``stranger`` is an unknown device
    about which no notification is sent.
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
            pass  # it ended together with the daemon
        finally:
            if self._line is not None:
                self._line.close()

    def seen(self) -> list[Decision]:
        """Return the daemon's decisions about the device, the oldest first."""
        found: list[Decision] = self._client.call("audit_seen")["seen"]
        return found

    def pause(self, *, paused: bool) -> None:
        self._client.call("audit_pause", paused=paused)

    def clear(self) -> None:
        """Forget what was learned about the device and its flows."""
        self._client.call("audit_clear")
