"""Three network namespaces for measuring: a device, the gateway with bridge, NAT and conntrack, the internet.

Segmentation offload is off on every link, so that packets are counted as a router without it would see them;
``offload=True`` leaves it on.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from tests.bench.figures import Skipped
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.home import Home
from tests.lab.names import PARENT, TABLET
from tests.lab.netns import LabError, Namespace, stop
from tests.lab.topology import Topology

HOST = "fast.example"  # what is downloaded from; its address is the internet's, as every other
REFUSED_HOST = "refused.example"
DEVICES = 180  # MACs that the child's namespace sends from: the rate guard is for each device by itself
A_CHILD = 60  # devices; a profile may have 64

# A child whose whole day is metered; the parent's device is not filtered.
CHILD = {
    "band": "10-12",
    "bedtime": {},
    "limits": {"internet": "20h"},
    "block": [REFUSED_HOST],
    "log_level": 1,
}
_SINK = """
table inet sink {
  chain in { type filter hook input priority 0; udp dport { 9, 53 } drop; }
}
"""
ADULT = {"name": "Adult", "band": "adult", "devices": [PARENT.mac]}


def device_mac(number: int) -> str:
    return f"02:00:00:00:01:{number:02x}"


class Wires:
    """``with Wires() as wires:``: ``child`` and ``parent`` behind ``gateway``, ``internet`` before it."""

    def __init__(self, *, offload: bool = False) -> None:
        need("ip", "nft", "ethtool")
        self._topology = Topology(offload=offload, seats=(TABLET, PARENT))
        self.folder = self._topology.folder
        self.gateway = self._topology.gateway
        self.internet = self._topology.internet
        self.child = self._topology.devices[TABLET.key]
        self.parent = self._topology.devices[PARENT.key]
        self.leases = self.folder / "dhcp.leases"
        self.address = names.ipv4_of(HOST)
        self._many = False

    def __enter__(self) -> Wires:
        try:
            self._topology.build()
            self.leases.write_text("")
            # Datagrams to nobody in particular vanish there instead of being answered.
            self.internet.run(["nft", "-f", "-"], stdin=_SINK, check=True)
            for device in (self.child, self.parent):
                self._name_hosts(device)
        except BaseException:
            self._topology.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._topology.remove()

    def _name_hosts(self, device: Namespace) -> None:
        """What ``ip netns exec`` shows as /etc/hosts there, so that names need no resolver."""
        folder = Path("/etc/netns") / device.name
        folder.mkdir(parents=True, exist_ok=True)
        lines = (f"{names.ipv4_of(host)} {host}\n" for host in (HOST, REFUSED_HOST))
        (folder / "hosts").write_text("".join(lines))

    def many_devices(self) -> None:
        """From now on each TCP connection of the child's namespace comes from one of 32 MACs.

        Its own, to which the answers go, is nobody's then: a child's would have them all, whatever they say.
        """
        self._many = True
        macs = ", ".join(f"{number} : {device_mac(number)}" for number in range(32))
        table = (
            'table netdev many { chain out { type filter hook egress device "eth0" priority 0; '
            f"ether saddr set tcp sport & 31 map {{ {macs} }}; }}; }}"
        )
        self.child.run(["nft", "-f", "-"], stdin=table, check=True)

    @contextmanager
    def filtered(self, *, both: bool = False, **settings: object) -> Iterator[Daemon]:
        """The real daemon on the gateway for as long as the block runs; ``both``: no device is an adult's.

        ``settings`` are added to qalqan.yaml.
        """
        own = [] if self._many else [TABLET.mac]
        parent = _child("Other child", [PARENT.mac]) if both else ADULT
        profiles: dict[str, dict[str, Any]] = {"adult": parent, "child": _child("Child", own)}
        for first in range(0, DEVICES, A_CHILD):
            macs = [device_mac(number) for number in range(first, first + A_CHILD)]
            profiles[f"child{first}"] = _child(f"Child {first}", macs)
        # It asks its home for folder, gateway and leases alone.
        with Daemon(cast(Home, self), profiles, settings={"unknown_devices": "home", **settings}) as daemon:
            problems = daemon.client.call("status")["problems"]
            if problems:
                raise LabError(str(problems))
            yield daemon


def _child(name: str, devices: list[str]) -> dict[str, Any]:
    return {**CHILD, "name": name, "devices": devices}


def need(*programs: str) -> None:
    """Raises Skipped where one is not installed."""
    missing = [one for one in programs if shutil.which(one) is None and not Path("/usr/sbin", one).exists()]
    if missing:
        msg = f"{', '.join(missing)} is not installed"
        raise Skipped(msg)


@contextmanager
def server(namespace: Namespace, argv: Sequence[str], port: int, *, log: Path) -> Iterator[int]:
    """A program that listens on TCP ``port`` there for as long as the block runs; its process id."""
    with log.open("wb") as output:
        process = namespace.popen(argv, stdout=output, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 10
        while not namespace.run(["ss", "-Hltn", f"sport = :{port}"]).stdout.strip():
            if process.poll() is not None or time.monotonic() > until:
                words = log.read_text(errors="replace").strip().splitlines() or ["no word of why"]
                msg = f"{argv[0]} did not start: {words[-1]}"
                raise Skipped(msg)
            time.sleep(0.02)
        yield process.pid
    finally:
        stop(process)


def queued(daemon: Daemon) -> int:
    """Packets that have reached Python so far, on all queues."""
    queues: Mapping[str, Mapping[str, int]] = daemon.client.call("status")["queue"]
    return sum(queue["packets"] for queue in queues.values())


def flow_counts(daemon: Daemon) -> Mapping[str, int]:
    """Return the counters of the daemon's flow table."""
    counts: Mapping[str, int] = daemon.client.call("status")["flows"]
    return counts


def iperf(device: Namespace, address: str, seconds: float) -> float:
    """Bits a second of one TCP stream from ``address`` to the device."""
    done = device.run(
        ["iperf3", "-c", address, "-R", "-J", "-t", f"{seconds:g}"], timeout=seconds + 30, check=True
    )
    return float(json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"])
