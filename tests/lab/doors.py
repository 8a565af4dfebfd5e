"""Three doors from this machine into the virtual home, each through one of its devices."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from tests.lab import names
from tests.lab.daemon import WEB_PORT
from tests.lab.home import ROOT, Home
from tests.lab.names import NEW, PARENT, TABLET
from tests.lab.netns import LabError, stop

SEATS = (PARENT, TABLET, NEW)


def open_doors(first: int, stack: ExitStack) -> list[socket.socket]:
    """Listening sockets on 127.0.0.1 alone, three ports from ``first`` on; LabError if one is taken."""
    doors = []
    for port in range(first, first + len(SEATS)):
        door = stack.enter_context(socket.socket())
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            mend = "stop it, or choose others: make run ARGS='--port 9080'"
            raise LabError(f"port {port} is taken by another program; {mend}") from error
        door.listen()
        doors.append(door)
    return doors


def free_ports() -> int:
    """The first of three ports that are free now, beside those of `make run`."""
    for first in range(18080, 19000, len(SEATS)):
        with ExitStack() as stack:
            try:
                open_doors(first, stack)
            except LabError:
                continue
            return first
    raise LabError("there are no three free ports from 18080 to 19000")


def start_relays(home: Home, doors: Sequence[socket.socket], stack: ExitStack) -> None:
    """One relay behind each door; ``stack`` ends them."""
    for seat, door in zip(SEATS, doors, strict=True):
        descriptor = str(door.fileno())
        argv = [sys.executable, "-m", "tests.lab.relay", descriptor, names.GATEWAY_IPV4, str(WEB_PORT)]
        quiet = subprocess.DEVNULL
        device = home.devices[seat.key]
        relay = device.popen(argv, cwd=ROOT, pass_fds=[door.fileno()], stdout=quiet, stderr=quiet)
        stack.callback(stop, relay)


def links(first: int, token: str) -> str:
    """What a person opens; ``token`` signs a parent in."""
    return "\n".join(
        (
            f"  Parent              http://127.0.0.1:{first}/signin?code={token}",
            f"  The child's tablet  http://127.0.0.1:{first + 1}/",
            f"  A new phone         http://127.0.0.1:{first + 2}/",
            "The parent's link works once, for 15 minutes; the new phone's after the key n.",
        )
    )


def ssh_line(connection: str, user: str, first: int) -> str:
    """The command that brings the doors to the machine from which somebody came by SSH; empty without SSH.

    ``connection`` is SSH_CONNECTION: client address, client port, server address, server port.
    """
    parts = connection.split()
    if len(parts) != 4:
        return ""
    forwards = " ".join(f"-L {port}:127.0.0.1:{port}" for port in range(first, first + len(SEATS)))
    return f"ssh {forwards} -p {parts[3]} {user}@{parts[2]}"
