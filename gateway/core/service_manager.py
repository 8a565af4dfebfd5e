"""Sends state notifications to the service manager, and finds the descriptors that it passed (sd_notify(3),
sd_listen_fds(3)).
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

FIRST = 3  # the first passed descriptor, SD_LISTEN_FDS_START
_SPARE = "unused"  # name of descriptors that are open for another purpose


class ServiceNotifier:
    """Sends state lines, such as READY=1, to the service manager's datagram socket (sd_notify(3)).

    ``address``: the socket's; None: nothing is sent. ``watchdog_usec``: the watchdog timeout in µs, as text.
    ``watchdog_period`` is half of it in seconds, or None without a watchdog.
    """

    def __init__(self, address: str | None, watchdog_usec: str | None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        # Open from the start: a watchdog that needs a descriptor would end a daemon that has none left.
        self._socket = (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        )
        if self._socket is not None:
            self._socket.setblocking(False)
        self.watchdog_period = int(watchdog_usec) / 2e6 if watchdog_usec and watchdog_usec.isdigit() else None

    @classmethod
    def from_environment(cls) -> ServiceNotifier:
        return cls(os.environ.get("NOTIFY_SOCKET"), os.environ.get("WATCHDOG_USEC"))

    def send(self, *lines: str) -> None:
        if self._socket is None or not self._address:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            # A failing service manager must not stop the filter; its watchdog notices the silence.
            return

    def report_alive(self) -> None:
        """Start the watchdog timeout again; nothing without a watchdog.

        If no service manager waits for the message, the kernel ends this process with SIGALRM after the
        timeout: procd only starts processes again that have ended.
        """
        if self.watchdog_period is None:
            return
        if self._socket is None:
            signal.setitimer(signal.ITIMER_REAL, 2 * self.watchdog_period)
        else:
            self.send("WATCHDOG=1")

    def report_stopping(self) -> None:
        """Report that the process is about to end, and stop the watchdog's timer in the kernel."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.send("STOPPING=1")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def inherited_descriptor(name: str, environment: Mapping[str, str] = os.environ) -> int | None:
    """Return the file descriptor that the service manager passed under this name; None if there is none.

    Programs that this process starts do not inherit it.
    """
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return None
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    if name not in names:
        return None
    number = FIRST + names.index(name)
    os.set_inheritable(number, False)
    return number


def keep_descriptor(path: Path) -> None:
    """Open a file and register it, so that `inherited_descriptor` returns it under the file's name.

    It replaces earlier registrations, also those of the service manager. Call it before this process loses
    the right to read the file. A missing file is ignored. Raises OSError.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    names = [*[_SPARE] * (number - FIRST), path.name]
    os.environ |= {
        "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(names)), "LISTEN_FDNAMES": ":".join(names)
    }  # fmt: skip
