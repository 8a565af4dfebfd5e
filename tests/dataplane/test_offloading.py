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
from gateway.policy.config.config import OffloadWish
from tests.features.desk import Loop
from tests.kernel.test_flowtable import ROUTER, make


class Case:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        make(folder, ROUTER)
        self.wished, self.refuses, self.changes = OffloadWish.AUTO, False, 0
        self.filters, self.report = True, folder / "filters"
        self.able: frozenset[str] = frozenset()  # network devices that accept hardware offloading
        self.tried: list[str] = []
        self.uplinks = frozenset({"wan"})
        monkeypatch.setattr(
            offloading, "devices_below", lambda names: devices_below(names, folder, folder / "none")
        )
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
            self.accelerates,
            lambda: self.filters,
            self.report,
        )
        self.load()
        self.offloading.start()

    def load(self) -> None:
        self.loaded = None if self.refuses else self.offloading.now

    def changed(self) -> None:
        self.changes += 1
        self.load()

    def accelerates(self, device: str) -> bool:
        self.tried.append(device)
        return device in self.able

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
    case.wished = OffloadWish.OFF
    case.look()
    assert case.loaded is None


def test_without_a_person_with_rules_there_is_none_and_openwrt_s_service_reads_it(case: Case) -> None:
    assert case.report.read_text() == "yes\n"
    case.filters = False
    case.look()
    assert (case.loaded, case.report.read_text()) == (None, "no\n")
    written = case.report.stat().st_ino
    case.look()
    assert case.report.stat().st_ino == written
    case.filters = True
    case.look()
    assert case.devices() == ("lan1", "lan2", "phy0-ap0", "wan")
    assert case.report.read_text() == "yes\n"


def test_changed_rules_are_reported_immediately(case: Case) -> None:
    case.filters = False
    case.offloading.write_report()
    assert case.report.read_text() == "no\n"


def test_a_report_that_cannot_be_written_is_a_problem_and_written_later(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    case.filters = False
    case.look()
    case.report.unlink()
    case.report.mkdir()
    case.filters = True
    for _ in range(3):
        case.look()
    (record,) = caplog.records
    assert record.message.endswith("The firewall's flow offloading stays as it is.")
    (line,) = case.offloading.problems()
    assert line.startswith(f"{case.report}: cannot be written (")
    assert line.endswith("If the firewall offloads connections, they bypass the rules until then.")
    case.report.rmdir()
    case.look()
    assert case.report.read_text() == "yes\n"
    assert case.offloading.problems() == []


def test_a_report_that_cannot_be_written_at_the_start_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "filters").mkdir()
    case = Case(tmp_path, monkeypatch)
    (line,) = case.offloading.problems()
    assert line.startswith(f"{case.report}: cannot be written (")
    case.report.rmdir()
    case.look()
    assert case.report.read_text() == "yes\n"
    assert case.offloading.problems() == []


def test_in_hardware_on_the_devices_that_accept_it(case: Case) -> None:
    """As fw4 does: the kernel refuses a table with any other device."""
    case.wished, case.able = OffloadWish.HARDWARE, frozenset({"lan1", "lan2", "wan"})
    case.look()
    assert case.loaded == Offload(("lan1", "lan2", "wan"), hardware=True)
    case.look()
    assert case.tried == ["lan1", "lan2", "phy0-ap0", "wan"]  # once each


@pytest.mark.parametrize("able", [{"lan1", "lan2"}, {"wan"}, set()])
def test_in_software_where_one_side_does_not_accept_it(case: Case, able: set[str]) -> None:
    case.wished, case.able = OffloadWish.HARDWARE, frozenset(able)
    case.look()
    assert case.loaded == Offload(("lan1", "lan2", "phy0-ap0", "wan"))


def test_in_software_where_the_kernel_refuses_the_whole_table(case: Case) -> None:
    case.wished, case.able = OffloadWish.HARDWARE, frozenset({"lan1", "wan"})
    case.refuses = True
    case.look()
    assert case.offloading.now is not None
    assert case.offloading.now.hardware
    case.refuses = False
    case.look()
    assert case.loaded == Offload(("lan1", "lan2", "phy0-ap0", "wan"))


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
