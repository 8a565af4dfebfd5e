"""Tests what a stopping daemon hands to the next one about flows that show no name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.dataplane.handover import FILE, Handover
from gateway.kernel.marks import MarkLayout
from gateway.path.addresses import NameBook
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.policy.values import Observation, Proto

LAYOUT = MarkLayout(0xFF << 16, 0xFF << 16, 0xFF << 24)
TUNNEL, SITE = "de1.vpn.school.example", "www.example.org"
A, B = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
TABLET = bytes([192, 0, 2, 100])


class Gateway:
    def __init__(self, runtime: Path) -> None:
        self.live, self.names = LiveFlows(), NameBook()
        self.names.watch([1, 2])
        self.handover = Handover(runtime, self.live, LAYOUT, self.names, lambda: 100.0, stays=True)
        self.taken = self.handover.take()

    def flow(self, slot: int, seen: Observation, port: int = 443) -> None:
        flow = FlowId(slot, 17, TABLET, port, seen.dst, seen.dport)
        self.live.put(flow, LiveFlow((seen,), 1, asks=False))


def test_a_running_tunnel_keeps_its_name_and_nothing_else_is_written(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    for slot, host, address in ((1, TUNNEL, A), (1, SITE, B), (2, SITE, A)):
        gateway.names.learn(slot, host, [address], 60, 100.0, vouched=True)
    gateway.flow(1, Observation(Proto.WIREGUARD, None, A, 51820))
    gateway.flow(1, Observation(Proto.TLS, SITE, B, 443))
    gateway.handover.close()
    assert json.loads((tmp_path / FILE).read_text())["names"] == [[1, TUNNEL, A.hex()]]
    again = Gateway(tmp_path)
    assert again.names.hosts(1, A, 100.0) == [TUNNEL]
    assert again.names.hosts(2, A, 100.0) == []
    assert len(again.live) == 2


def test_the_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.flow(1, Observation(Proto.TLS, SITE, B, 443))
    gateway.handover.close()
    stored = json.loads((tmp_path / FILE).read_text())
    del stored["names"]
    (tmp_path / FILE).write_text(json.dumps(stored))
    assert len(Gateway(tmp_path).live) == 1


@pytest.mark.parametrize("names", ["x", [[1, 2]], [[1, "host", "zz"]], [[None, "host", "00"]], 7])
def test_damaged_names_are_not_used(tmp_path: Path, names: object) -> None:
    gateway = Gateway(tmp_path)
    gateway.handover.close()
    stored = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({**stored, "names": names}))
    assert Gateway(tmp_path).taken is None
