"""Commands on a router: what its own settings decide holds for each, and none needs a daemon or root."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.check import household
from gateway.core.memory import MachineMemory
from gateway.household.config_file import VARIABLE
from tests.cli.conftest import Qalqan


@pytest.fixture
def uci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "router"
    path.write_text(f"config paths paths\n\toption profiles '{tmp_path / 'profiles'}'\n")
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_why_goes_by_the_router_s_settings(qalqan: Qalqan, config: Path, uci: Path) -> None:
    config.write_text("profiles: /nowhere\ntimezone: Asia/Almaty\n")
    done = qalqan("why", "tiktok.com", "--profile", "daughter", "--json", "--config", config)
    assert json.loads(done.out)["verdict"] == "block"
    uci.write_text("config paths paths\n\toption profiles '/nowhere'\n")
    assert "/nowhere" in qalqan("why", "tiktok.com", "--profile", "daughter", "--config", config).refusal


def test_why_needs_no_file_where_there_is_a_router(qalqan: Qalqan, config: Path, uci: Path) -> None:
    config.unlink()
    done = qalqan("why", "tiktok.com", "--profile", "daughter", "--json", "--config", config)
    assert json.loads(done.out)["verdict"] == "block"
    assert not config.exists()


def test_check_says_what_the_router_decides(qalqan: Qalqan, config: Path, uci: Path) -> None:
    uci.write_text(
        "config qalqan main\n\toption enabled 0\n\tlist lan lo\n"
        "config brand brand\n\toption colour '#ffffff'\n\toption logo /nowhere/logo.gif\n"
    )
    found = qalqan("check", "--config", config).out.splitlines()
    assert f"ok config: {uci} decides main.lan, brand.colour, brand.logo" in found
    assert (
        f"note config: main.enabled is 0 in {uci}: the router does not start the filter:"
        " uci set qalqan.main.enabled=1, then uci commit qalqan"
    ) in found
    brand = [line for line in found if line.startswith("warning brand: ")]
    assert brand == [
        f"warning brand: {uci}:5: brand.colour: #ffffff has a contrast of 1.0 on the pages, less than 4.5;"
        " it is ignored: take a darker one: for the night the pages lighten it by themselves",
        f"warning brand: {uci}:6: brand.logo: '/nowhere/logo.gif' is neither an SVG nor a PNG file;"
        " it is ignored: name one that ends so",
    ]


def test_check_says_why_a_small_router_has_no_pages(
    qalqan: Qalqan, config: Path, uci: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uci.write_text("config web web\n\toption enabled 0\n")
    monkeypatch.setattr(household, "machine_memory", lambda: MachineMemory(118 << 20))
    assert (
        f"note config: web.enabled is 0 in {uci}: the router does not start the pages; it has 118 MB of "
        "memory, and they need 45 MB: uci set qalqan.web.enabled=1, then uci commit qalqan"
    ) in qalqan("check", "--config", config).out.splitlines()


def test_what_is_wrong_with_a_path_of_the_router_s_is_mended_there(
    qalqan: Qalqan, config: Path, uci: Path
) -> None:
    uci.write_text("config paths paths\n\toption state /proc/qalqan\n")
    found = qalqan("check", "--config", config).out.splitlines()
    where = f"fix `state` in {uci} (paths.state)"
    assert f"error state: /proc is not writable: {where}" in found


def test_a_slip_is_one_line_of_every_command(qalqan: Qalqan, config: Path, uci: Path) -> None:
    uci.write_text("config qalqan main\n\toption flash rich\n")
    line = f"{uci}:2: main.flash: 'rich' is not known here; use one of: normal, poor"
    for words in (("why", "a.example", "--profile", "daughter"), ("status",)):
        assert qalqan(*words, "--config", config).refusal == line, words
    assert f"error config: {line.replace('; ', ': ')}" in qalqan("check", "--config", config).out


def test_a_wrong_port_of_the_pages_is_a_finding_and_stops_nothing(
    qalqan: Qalqan, config: Path, uci: Path
) -> None:
    uci.write_text(uci.read_text() + "config web web\n\toption port 99999\n")
    done = qalqan("why", "tiktok.com", "--profile", "daughter", "--json", "--config", config)
    assert json.loads(done.out)["verdict"] == "block"
    problem = f"{uci}:4: web.port: '99999' is not a number from 1 to 65535"
    found = qalqan("check", "--config", config).out.splitlines()
    (line,) = [line for line in found if line.startswith(f"error config: {problem}: ")]
    assert line.endswith(". Until then the section 'web' is ignored.")


def test_the_first_boot_by_hand(
    qalqan: Qalqan, tmp_path: Path, uci: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "first.yaml"
    uci.write_text("config defaults defaults\n\toption country kz\n\toption timezone Asia/Almaty\n")
    assert qalqan("first-boot", "--config", path).out == f"{path} was created from {uci}\n"
    assert "country: kz\ntimezone: Asia/Almaty\n" in path.read_text().replace('"', "")
    assert qalqan("first-boot", "--config", path).out == f"{path} exists already and is unchanged\n"
    monkeypatch.setenv(VARIABLE, "")
    assert "this machine has no router settings" in qalqan("first-boot", "--config", tmp_path / "x.yaml").out
