"""`qalqan.yaml` and the router's own settings, from disk: what every command reads, and the first boot."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.core.errors import PolicyError
from gateway.household import config_file as homeconfig
from gateway.household import loading as household
from gateway.household.config_file import first_boot, is_there, read_config
from gateway.household.router_settings import LEASES
from gateway.policy.config.config import Config, RouterSetting
from tests.policy.homes import product

UCI = """
config qalqan 'main'
	list lan 'br-home'
config defaults 'defaults'
	option country 'kz'
	list propose_band '6-9'
"""


@pytest.fixture
def uci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config" / "qalqan"
    path.parent.mkdir()
    path.write_text(UCI)
    monkeypatch.setenv(homeconfig.VARIABLE, str(path))
    return path


def config(path: Path) -> Config:
    return read_config(path, lambda _: False)


def test_the_router_s_settings_lie_over_the_file(tmp_path: Path, uci: Path) -> None:
    path = tmp_path / "qalqan.yaml"
    path.write_text("lan: [eth9]\nlanguage: ru\n")
    read = config(path)
    assert (read.lan, read.language, read.country) == (("br-home",), "ru", "")
    assert read.fixed == {"lan": RouterSetting(str(uci), "main.lan", "br-home")}


def test_a_path_that_cannot_be_read_is_an_error_and_not_a_missing_file(tmp_path: Path) -> None:
    file = tmp_path / "qalqan.yaml"
    assert not homeconfig.exists(file)
    file.touch()
    assert homeconfig.exists(file)
    assert not homeconfig.exists(file / "below")
    with pytest.raises(PolicyError, match="cannot be read"):
        homeconfig.exists(tmp_path / ("x" * 300))  # File name too long


def test_leases_are_where_the_router_keeps_them(tmp_path: Path, uci: Path) -> None:
    path = tmp_path / "qalqan.yaml"
    assert config(path).leases == (LEASES,)
    dhcp = uci.with_name(homeconfig.DHCP)
    dhcp.write_text("config dnsmasq\n\toption leasefile '/mnt/leases'\n")
    assert config(path).leases == ("/mnt/leases",)
    dhcp.write_text("option 'of no section'\n")  # another program's file stops nothing of ours
    assert config(path).leases == (LEASES,)


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ("web", "option port '99999'"),
        ("web", "list port '80'"),
        ("web", "option prot '80'"),
        ("feed", "option url 'ftp://feed.example'"),
        ("brand", "list name 'Alma Net'"),
        ("provider", "option stop_until 'tomorrow'"),
        ("provider", "option stop '2026-12-01T21:00+05:00'"),
        ("usp", "option vendor '7'"),
        ("backup", "option folder 'usb'"),
        ("backup", "option every 'hour'"),
        ("metrics", "option token_sha256 'secret'"),
    ],
)
def test_a_wrong_section_that_the_filter_does_without_is_ignored_and_reported(
    tmp_path: Path, uci: Path, section: str, wrong: str
) -> None:
    text = UCI.partition("config defaults")[0]
    uci.write_text(f"{text}config x '{section}'\n\t{wrong}\n")
    path = tmp_path / "etc" / "qalqan.yaml"
    assert first_boot(path)
    read = config(path)
    assert (read.lan, read.web.port) == (("br-home",), 8080)
    (line,) = read.problems
    assert line.startswith(f"{uci}:5: {section}.")
    assert line.endswith(f". Until then the section '{section}' is ignored.")


def test_the_provider_s_stop_is_read_and_wins_over_the_file(tmp_path: Path, uci: Path) -> None:
    path = tmp_path / "qalqan.yaml"
    path.write_text("provider: {stop_until: 2026-12-02T21:00+05:00}\n")
    uci.write_text("config provider 'provider'\n\toption stop_until '2026-12-01T21:00+05:00'\n")
    assert config(path).stop_until == datetime(2026, 12, 1, 16, tzinfo=UTC)
    uci.write_text("config provider 'provider'\n\toption stop_until ''\n")
    assert config(path).stop_until == datetime(2026, 12, 2, 16, tzinfo=UTC)
    path.write_text("lan: [br-lan]\n")
    assert config(path).stop_until is None


@pytest.mark.parametrize("wrong", ["option flash 'wet'", "option lna 'br-lan'"])
def test_a_wrong_section_of_the_filter_is_refused(tmp_path: Path, uci: Path, wrong: str) -> None:
    uci.write_text(f"config qalqan 'main'\n\t{wrong}\nconfig web 'web'\n\toption port '99999'\n")
    with pytest.raises(PolicyError, match=":2: main"):
        config(tmp_path / "qalqan.yaml")


def test_without_a_router_s_settings_the_file_is_all(
    tmp_path: Path, uci: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "qalqan.yaml"
    path.write_text("lan: [eth9]\n")
    for elsewhere in ("", str(tmp_path / "none")):
        monkeypatch.setenv(homeconfig.VARIABLE, elsewhere)
        assert (config(path).lan, config(path).fixed) == (("eth9",), {})


def test_neither_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(homeconfig.VARIABLE, "")
    path = tmp_path / "qalqan.yaml"
    assert not is_there(path)
    assert not first_boot(path)
    with pytest.raises(PolicyError, match="does not exist; create it, or use another path"):
        config(path)


def test_before_the_first_boot_holds_what_it_would_write(tmp_path: Path, uci: Path) -> None:
    uci.with_name("system").write_text("config system\n\toption zonename 'Asia/Almaty'\n")
    path = tmp_path / "etc" / "qalqan.yaml"
    assert is_there(path)
    before = config(path)
    assert (before.country, before.timezone, before.lan) == ("kz", "Asia/Almaty", ("br-home",))
    assert not path.exists()
    assert first_boot(path)
    assert config(path) == before
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in path.parent.iterdir()] == ["qalqan.yaml"]


def test_the_first_boot_is_once(tmp_path: Path, uci: Path) -> None:
    path = tmp_path / "qalqan.yaml"
    assert first_boot(path)
    path.write_text("country: ru\n")
    uci.write_text(UCI.replace("kz", "de"))
    assert not first_boot(path)
    assert path.read_text() == "country: ru\n"
    assert config(path).country == "ru"


def test_bad_defaults_write_nothing(tmp_path: Path, uci: Path) -> None:
    uci.write_text(UCI.replace("'kz'", "'Kazakhstan'"))
    path = tmp_path / "qalqan.yaml"
    with pytest.raises(PolicyError, match=r"config/qalqan:5: defaults\.country: 'kazakhstan' is no country"):
        first_boot(path)
    assert list(tmp_path.glob("*.yaml*")) == []


@pytest.mark.parametrize("wrong", ["option language 'xx'", "list propose_list '7'", "list propose_band '6'"])
def test_a_wrong_default_of_the_pages_does_not_stop_the_first_boot(
    tmp_path: Path, uci: Path, wrong: str
) -> None:
    text = UCI.partition("\tlist propose_band")[0]
    uci.write_text(f"{text}\t{wrong}\n")
    path = tmp_path / "qalqan.yaml"
    assert first_boot(path)
    read = read_config(path, lambda _: False, lenient=True)
    assert (read.country, read.language, read.propose) == ("kz", "", Config().propose)
    (line,) = read.problems
    assert line.startswith(f"{path}:")
    assert line.endswith("Until then its default applies.")


def test_what_cannot_be_seen_is_no_first_boot(
    tmp_path: Path, uci: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "qalqan.yaml"

    stat = Path.stat

    def hidden(one: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if one == path:
            raise PermissionError(13, "Permission denied", str(one))
        return stat(one, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", hidden)
    for read in (config, first_boot, is_there):
        with pytest.raises(PolicyError, match=r"qalqan\.yaml: cannot be read \(Permission denied\)"):
            read(path)


def test_a_folder_that_takes_no_file_is_one_line(
    tmp_path: Path, uci: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gateway.household.config_file.os.link", full)
    with pytest.raises(PolicyError, match=r"qalqan\.yaml: cannot be written \(the disk is full\); make room"):
        first_boot(tmp_path / "qalqan.yaml")
    assert list(tmp_path.glob(".*")) == []


def test_an_odd_system_file_stops_nothing(tmp_path: Path, uci: Path) -> None:
    uci.with_name("system").write_text("config 'a b' c d\n")
    assert config(tmp_path / "qalqan.yaml").timezone == "UTC"


def test_a_slip_in_the_router_s_settings_is_one_line_with_its_place(tmp_path: Path, uci: Path) -> None:
    path = tmp_path / "qalqan.yaml"
    path.write_text("country: kz\n")
    uci.write_text("config qalqan 'main'\n\tlist lna 'br-lan'\n")
    with pytest.raises(PolicyError) as refused:
        config(path)
    assert str(refused.value) == f"{uci}:2: main.lna: is no option of ours; did you mean 'lan'?"


def test_a_household_is_read_under_them(tmp_path: Path, uci: Path) -> None:
    profiles = tmp_path / "kids"
    profiles.mkdir()
    (profiles / "anna.yaml").write_text("band: 6-9\n")
    uci.write_text(f"{UCI}config paths 'paths'\n\toption profiles '{profiles}'\n")
    path = tmp_path / "qalqan.yaml"
    path.write_text("profiles: /nowhere\n")
    assert set(household.load(path, product()).profiles) == {"anna"}
