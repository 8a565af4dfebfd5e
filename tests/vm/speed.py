"""`make vm ARGS=speed`: one TCP stream through the gateway in each mode of flow offloading, and its CPU time.

The machine is emulated, and its clock counts instructions: 250 million are a second of each processor. So the
figures do not depend on what else the host does. Caches and waiting for memory are not emulated. Segmentation
offload is off: every packet has 1,500 bytes at most, as on a router's wire.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.wires import Wires, server
from tests.lab import names
from tests.lab.netns import Namespace
from tests.vm.machine import Hardware
from tests.vm.patience import PATIENCE_S
from tests.vm.report import Report

PART = "speed"
HARDWARE = Hardware(
    accelerators=("tcg,thread=single",),
    options=("-net", "none", "-icount", "shift=2"),  # 4 ns
)
_ROUNDS = 3
_STREAM_S = 1.0
_RATE = "20M"  # bits a second, of the stream whose CPU time is measured: less than any mode carries
_PORT = 5201
_STAT = Path("/proc/stat")
_IDLE = slice(3, 5)  # of the processors' times: idle, and idle while a disk works

_TABLE = f"""table inet {{name}} {{{{
  flowtable ft {{{{
    hook ingress priority 0; devices = {{{{ lan1, lan2, {names.WAN} }}}}; {{flags}}
  }}}}
  chain forward {{{{
    type filter hook forward priority {{priority}}; policy accept;
    {{rule}} ct state established flow add @ft
  }}}}
}}}}
"""
# As fw4 writes it where `flow_offloading` is on.
FW4 = {"name": "fw4", "flags": "", "priority": "0", "rule": "meta l4proto { tcp, udp }"}
# Connections of filtered devices that have a verdict, after the daemon's own chain.
CHILDREN = {
    "name": "children",
    "flags": "counter;",
    "priority": "-150",
    "rule": "meta l4proto tcp ct mark & 0x3 == 1 ct mark & 0xff0000 != { 0, 0xc00000 }",
}


class Sample(NamedTuple):
    """One stream at full speed, and one at a fixed rate."""

    bits: float  # a second
    processors: float  # in use at the fixed rate: by both ends and the gateway
    offloaded: bool


class Mode(NamedTuple):
    name: str
    device: Namespace
    table: Mapping[str, str] | None = None  # that is loaded beside the daemon's


def run(report: Report) -> None:
    report.begin(PART)
    samples: dict[str, list[Sample]] = {}
    if not report.point("every mode is measured", lambda: _measure(samples)):
        return
    bits, processors = _medians(samples["no filter"])
    for name, seen in samples.items():
        report.point(name, lambda seen=seen: _summary(seen, bits, processors))  # type: ignore[misc]


def _measure(samples: dict[str, list[Sample]]) -> str:
    assert shutil.which("iperf3") is not None, "iperf3 is not installed"
    with (
        Wires() as wires,
        server(wires.internet, ["iperf3", "-s"], _PORT, log=wires.folder / "iperf.log"),
    ):
        plain = (Mode("no filter", wires.child), Mode("fw4's table, in software", wires.child, FW4))
        _rounds(wires, plain, samples)
        with wires.filtered(offload="off"):
            off = (Mode("ours off, unfiltered", wires.parent), Mode("ours off, a child", wires.child))
            _rounds(wires, off, samples)
        with wires.filtered(offload="auto"):
            auto = (
                Mode("ours auto, unfiltered", wires.parent),
                Mode("ours auto, a child", wires.child),
                Mode("trial: a child's in a table with counter", wires.child, CHILDREN),
            )
            _rounds(wires, auto, samples)
        _rounds(wires, (Mode("no filter, at the end", wires.child),), samples)
    return f"{_ROUNDS} rounds of {_STREAM_S:g} s"


def _rounds(wires: Wires, modes: Sequence[Mode], samples: dict[str, list[Sample]]) -> None:
    for _ in range(_ROUNDS):
        for mode in modes:
            with loaded(wires.gateway, mode.table):
                samples.setdefault(mode.name, []).append(_sample(wires, mode.device))


@contextmanager
def loaded(gateway: Namespace, table: Mapping[str, str] | None) -> Iterator[None]:
    """Load a table with a flow table of its own, and remove it at the end."""
    if table is None:
        yield
        return
    gateway.run(["nft", "-f", "-"], stdin=text_of(table), check=True)
    try:
        yield
    finally:
        gateway.run(["nft", "delete", "table", "inet", table["name"]])


def text_of(table: Mapping[str, str]) -> str:
    return _TABLE.format(**table)


def _sample(wires: Wires, device: Namespace) -> Sample:
    bits, offloaded = _stream(wires, device)
    before = _times()
    _stream(wires, device, "-b", _RATE)
    passed = [after - earlier for after, earlier in zip(_times(), before, strict=True)]
    busy = 1 - sum(passed[_IDLE]) / sum(passed)
    return Sample(bits, busy * _processors(), offloaded)


def _stream(wires: Wires, device: Namespace, *options: str) -> tuple[float, bool]:
    """Return the bits a second of a stream to the device, and whether it was offloaded at half time."""
    argv = ["iperf3", "-c", wires.address, "-R", "-J", "-t", f"{_STREAM_S:g}", *options]
    process = device.popen(argv, stderr=subprocess.STDOUT)
    try:
        process.wait(_STREAM_S / 2)
    except subprocess.TimeoutExpired:
        pass
    listed = wires.gateway.run(["conntrack", "-L", "-p", "tcp", "--dport", str(_PORT)]).stdout
    output, _ = process.communicate(timeout=PATIENCE_S)
    found = json.loads(output)
    assert "error" not in found, found["error"]
    return float(found["end"]["sum_received"]["bits_per_second"]), "[OFFLOAD]" in listed


def _times() -> list[int]:
    """Return the times of all processors together, in the kernel's units (proc_stat(5))."""
    return [int(word) for word in _STAT.read_text("ascii").partition("\n")[0].split()[1:9]]


def _processors() -> int:
    return sum(line.startswith("cpu") for line in _STAT.read_text("ascii").splitlines()) - 1


def _medians(samples: list[Sample]) -> tuple[float, float]:
    return median(sample.bits for sample in samples), median(sample.processors for sample in samples)


def _summary(samples: list[Sample], plain_bits: float, plain_processors: float) -> str:
    bits, processors = _medians(samples)
    spread = [sample.bits / 1e6 for sample in samples]
    return (
        f"{bits / 1e6:.0f} Mbit/s ({min(spread):.0f} to {max(spread):.0f}), {bits / plain_bits:.2f};"
        f" at {_RATE}bit/s {processors * 100:.0f} % CPU, {(processors - plain_processors) * 100:+.0f};"
        f" offloaded {sum(sample.offloaded for sample in samples)} of {len(samples)}"
    )
