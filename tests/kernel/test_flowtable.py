"""Which devices a flow table has, from what the kernel tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.core.errors import KernelError
from gateway.kernel.flowtable import HARDWARE_PROBE, devices_below, has_flow_tables, offloads_in_hardware
from gateway.kernel.nft import Nft
from tests.kernel.home import NO_FLOW_TABLES, NOT_IN_HARDWARE, Namespace

ROUTER = {
    # A router with a switch, of which each port is a device upon the switch's own.
    "eth0": ("", ()),
    "lan1": ("DEVTYPE=dsa", ("eth0",)),
    "lan2": ("DEVTYPE=dsa", ("eth0",)),
    "phy0-ap0": ("DEVTYPE=wlan", ()),
    "br-lan": ("DEVTYPE=bridge", ("lan1", "lan2", "phy0-ap0")),
    "br-lan.20": ("DEVTYPE=vlan", ("br-lan",)),
    "wan": ("DEVTYPE=dsa", ("eth0",)),
    "wan.35": ("DEVTYPE=vlan", ("wan",)),
    "pppoe-wan": ("DEVTYPE=ppp", ()),
    "loop0": ("DEVTYPE=vlan", ("loop1",)),
    "loop1": ("DEVTYPE=vlan", ("loop0",)),
}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    make(tmp_path, ROUTER)
    return tmp_path


def make(folder: Path, devices: Mapping[str, tuple[str, tuple[str, ...]]]) -> None:
    for name, (kind, below) in devices.items():
        (folder / name).mkdir()
        (folder / name / "uevent").write_text(f"INTERFACE={name}\n{kind}\nIFINDEX=1\n")
        for one in below:
            (folder / name / f"lower_{one}").symlink_to(folder / one)


@pytest.mark.parametrize(
    ("names", "below"),
    [
        (("br-lan",), ("lan1", "lan2", "phy0-ap0")),
        (("br-lan.20",), ("lan1", "lan2", "phy0-ap0")),
        (("wan.35",), ("wan",)),
        (("pppoe-wan",), ("pppoe-wan",)),
        (("br-lan", "br-lan.20", "wan"), ("lan1", "lan2", "phy0-ap0", "wan")),
        (("gone", "eth0"), ("eth0",)),
        (("loop0",), ()),
        ((), ()),
    ],
)
def test_ports_of_bridges_and_what_carries_a_vlan(
    network: Path, names: tuple[str, ...], below: tuple[str, ...]
) -> None:
    assert devices_below(names, network, network / "none") == below


def test_the_device_below_pppoe_is_there_too(network: Path) -> None:
    """As the kernel prints its sessions (pppoe_seq_show): here one on a VLAN."""
    sessions = network / "pppoe"
    sessions.write_text("Id       Address              Device\n00001A2B 00:11:22:33:44:55   wan.35\n")
    assert devices_below(("pppoe-wan",), network, sessions) == ("pppoe-wan", "wan")
    assert devices_below(("br-lan",), network, sessions) == ("lan1", "lan2", "phy0-ap0")
    sessions.write_text("Id       Address              Device\n00001A2B 00:11:22:33:44:55     gone\n")
    assert devices_below(("pppoe-wan",), network, sessions) == ("pppoe-wan",)


@pytest.mark.lab
def test_the_kernel_is_asked_and_nothing_is_left(namespace: Namespace) -> None:
    nft = Nft()
    there = has_flow_tables(nft)
    text = "table inet t { flowtable ft { hook ingress priority 0; devices = { lo }; }; }"
    if there:
        nft.check(text)
    assert not offloads_in_hardware(nft, "lo")  # it has no driver that could
    with pytest.raises(KernelError, match=NOT_IN_HARDWARE if there else NO_FLOW_TABLES):
        nft.check(HARDWARE_PROBE.format(device="lo"))
    assert namespace.run("nft", "list", "ruleset") == ""
    nft.close()
