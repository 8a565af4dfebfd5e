"""The flow table's devices follow the machine's interfaces; what the kernel refuses is not tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.dataplane import offload as offloading
from gateway.dataplane.offload import EVERY, Offloading
from gateway.kernel.flowtable import devices_below
from gateway.kernel.snapshot import Offload
from gateway.lan.uplink import Uplink
from tests.features.desk import Loop
from tests.kernel.test_flowtable import ROUTER, make


class Case:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        make(folder, ROUTER)
        self.wished, self.refuses, self.changes = True, False, 0
        self.uplinks = frozenset({"wan"})
        monkeypatch.setattr(offloading, "devices_below", lambda names: devices_below(names, folder))
        monkeypatch.setattr(offloading, "read_uplink", lambda _: Uplink(self.uplinks, None))
        self.at = datetime(2026, 11, 25, tzinfo=UTC)
        self.loop = Loop(lambda: self.at)
        self.loaded: Offload | None = None
        self.offloading = Offloading(
            cast("Any", self.loop),
            lambda: self.wished,
            lambda: ("br-lan",),
            lambda: self.loaded,
            self.changed,
        )
        self.load()
        self.offloading.start()

    def load(self) -> None:
        self.loaded = None if self.refuses else self.offloading.now

    def changed(self) -> None:
        self.changes += 1
        self.load()

    def look(self) -> None:
        self.at += timedelta(seconds=EVERY)
        self.loop.run_due()

    def devices(self) -> tuple[str, ...] | None:
        return None if self.offloading.now is None else self.offloading.now.devices


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    return Case(tmp_path, monkeypatch)


def test_ports_and_the_way_out(case: Case) -> None:
    assert case.devices() == ("lan1", "lan2", "phy0-ap0", "wan")
    for _ in range(3):
        case.look()
    assert case.changes == 0


def test_a_port_comes_and_goes(case: Case) -> None:
    make(case.folder, {"phy1-ap0": ("DEVTYPE=wlan", ())})
    (case.folder / "br-lan" / "lower_phy1-ap0").symlink_to(case.folder / "phy1-ap0")
    case.look()
    assert case.devices() == ("lan1", "lan2", "phy0-ap0", "phy1-ap0", "wan")
    (case.folder / "br-lan" / "lower_phy1-ap0").unlink()
    case.look()
    assert case.devices() == ("lan1", "lan2", "phy0-ap0", "wan")
    assert case.changes == 2


def test_with_one_arm_there_is_none(case: Case) -> None:
    case.uplinks = frozenset({"br-lan"})
    case.look()
    assert case.devices() is None


def test_without_a_way_out_there_is_none(case: Case) -> None:
    case.uplinks = frozenset()
    case.look()
    assert case.devices() is None
    case.uplinks = frozenset({"pppoe-wan"})
    case.look()
    assert case.devices() == ("lan1", "lan2", "phy0-ap0", "pppoe-wan")


def test_where_nobody_wishes_it_there_is_none(case: Case) -> None:
    case.wished = False
    case.look()
    assert case.loaded is None


def test_devices_that_the_kernel_refused_are_not_tried_again(case: Case) -> None:
    case.refuses = True
    case.uplinks = frozenset({"pppoe-wan"})
    case.look()
    assert case.changes == 1
    case.look()
    assert (case.devices(), case.changes) == (None, 1)
    case.refuses = False
    case.uplinks = frozenset({"wan"})
    case.look()
    assert case.devices() == ("lan1", "lan2", "phy0-ap0", "wan")
