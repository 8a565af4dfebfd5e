"""The virtual home, up and running: wires, servers of the pretended internet, dnsmasq on the gateway."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.lab.names import SEATS, Seat
from tests.lab.netns import LabError, Namespace, stop
from tests.lab.topology import Topology
from tests.pace import longest

ROOT = Path(__file__).resolve().parents[2]
_READY_S = longest(10.0)

_DNSMASQ = """
no-resolv
no-hosts
no-ping
user=root
bind-dynamic
interface={lan}
server={resolver}
cache-size=1000
dhcp-leasefile={folder}/dhcp.leases
conf-dir={folder}/dnsmasq.d
pid-file={folder}/dnsmasq.pid
"""


class Home:
    """``with Home() as home:``: up on entry, all of it gone on exit.

    ``offload=False`` switches segmentation offload off on every link. ``journal=False`` keeps the pretended
    internet from writing down what reaches it. ``quic=False`` leaves its HTTP/3 server out. The devices in
    ``absent`` are not on the Wi-Fi until ``join``.
    """

    def __init__(
        self,
        *,
        offload: bool = True,
        journal: bool = True,
        quic: bool = True,
        seats: Sequence[Seat] = SEATS,
        absent: Sequence[str] = (),
        topology: type[Topology] = Topology,
    ) -> None:
        self._topology = topology(offload=offload, seats=seats, absent=absent)
        self.present = [seat.key for seat in seats if seat.key not in absent]  # keys of who is on the Wi-Fi
        self._journal = journal
        self._since = 0.0
        self._quic = quic
        self._servers: subprocess.Popen[bytes] | None = None
        self.seats = {seat.key: seat for seat in self._topology.seats}
        self.seconds_to_start = 0.0

    @property
    def prefix(self) -> str:
        return self._topology.prefix

    @property
    def folder(self) -> Path:
        """This run's own folder; removed at the end."""
        return self._topology.folder

    @property
    def gateway(self) -> Namespace:
        return self._topology.gateway

    @property
    def internet(self) -> Namespace:
        return self._topology.internet

    @property
    def devices(self) -> dict[str, Namespace]:
        return self._topology.devices

    @property
    def leases(self) -> Path:
        return self.folder / "dhcp.leases"

    @property
    def ca(self) -> Path:
        """The certificate of the pretended internet's authority, for clients that check."""
        return self.folder / "ca.pem"

    @property
    def spki(self) -> str:
        """The hash of the key in every certificate there, for --ignore-certificate-errors-spki-list."""
        return (self.folder / "leaf.spki").read_text()

    def __enter__(self) -> Home:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        began = time.monotonic()
        try:
            self._topology.build()
            self._start_internet()
            self._write_leases()
            self._start_dnsmasq()
            self._await_internet()
        except BaseException:
            self.close()
            raise
        self.seconds_to_start = time.monotonic() - began

    def close(self) -> None:
        if self._servers is not None:
            stop(self._servers)
            self._servers = None
        self._topology.remove()

    def seen(self, proto: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
        """What reached the internet since ``begin_anew``: time, proto, name, client, detail of each."""
        path = self.folder / "internet.jsonl"
        # The last line may be half written.
        lines = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
        entries = [json.loads(line) for line in lines]
        return [
            e
            for e in entries
            if e["time"] >= self._since and proto in (None, e["proto"]) and name in (None, e["name"])
        ]

    def begin_anew(self) -> None:
        """What was seen until now is another test's."""
        self._since = time.time()

    def masquerade(self) -> None:
        """Put the way out over IPv4 back, where a test has flushed the ruleset."""
        self._topology.masquerade()

    def join(self, key: str) -> None:
        """A device that was absent joins the Wi-Fi and gets its lease."""
        if key not in self.present:
            self.present.append(key)
            self._topology.join(key)
            self._write_leases()

    def _write_leases(self) -> None:
        """dnsmasq's lease file, as the devices would have got it."""
        until = int(time.time()) + 43200
        seats = [self.seats[key] for key in self.present]
        lines = (f"{until} {seat.mac} {seat.ipv4} {seat.hostname} 01:{seat.mac}\n" for seat in seats)
        self.leases.write_text("".join(lines))

    def _start_internet(self) -> None:
        flags = [*([] if self._journal else ["--no-journal"]), *([] if self._quic else ["--no-quic"])]
        argv = [sys.executable, "-m", "tests.lab.internet", str(self.folder), *flags]
        with (self.folder / "internet.log").open("wb") as log:
            self._servers = self.internet.popen(argv, cwd=ROOT, stderr=log)

    def _await_internet(self) -> None:
        assert self._servers is not None
        assert self._servers.stdout is not None
        readable, _, _ = select.select([self._servers.stdout], [], [], _READY_S)
        line = self._servers.stdout.readline() if readable else b""
        if line.strip() != b"ready":
            words = (self.folder / "internet.log").read_text().strip().splitlines() or ["no answer"]
            raise LabError(f"the pretended internet did not start: {words[-1]}")

    def _start_dnsmasq(self) -> None:
        (self.folder / "dnsmasq.d").mkdir()
        configuration = self.folder / "dnsmasq.conf"
        configuration.write_text(
            _DNSMASQ.format(folder=self.folder, lan=self._topology.lan, resolver=self._topology.resolver)
        )
        # Without --keep-in-foreground it returns once its sockets are bound.
        self.gateway.run(["dnsmasq", f"--conf-file={configuration}"], check=True)
