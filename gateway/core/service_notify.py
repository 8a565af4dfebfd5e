"""sd_notify(3): notifies the service manager, if any, that the daemon is ready, alive or stopping."""

from __future__ import annotations

import os
import socket


class Notifier:
    """Sends state lines to the datagram socket in NOTIFY_SOCKET.

    ``watchdog_period`` is half of the manager's timeout in seconds, or None without a watchdog.
    """

    def __init__(self, address: str | None, watchdog_usec: str | None) -> None:
        self._address = address
        self.watchdog_period = int(watchdog_usec) / 2e6 if watchdog_usec and watchdog_usec.isdigit() else None

    @classmethod
    def from_environment(cls) -> Notifier:
        return cls(os.environ.get("NOTIFY_SOCKET"), os.environ.get("WATCHDOG_USEC"))

    def send(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            try:
                out.sendto("\n".join(lines).encode(), address)
            except OSError:
                # A failing service manager must not stop the filter; its watchdog notices the silence.
                return
