"""`/etc/uci-defaults/90-qalqan`: what a first boot fills in, and that nothing of the user's is lost."""

from __future__ import annotations

import pytest

from gateway.check.provider_archive import AGENT
from tests.openwrt.goldenfiles import same_as_golden
from tests.openwrt.router import STATIC, Router

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs(STATIC)]

OWN = """config qalqan 'main'
	option enabled '0'
	list lan 'br-home'
	list lan 'br-guest'
	option flash 'normal'
	option offload 'auto'

config web 'web'
	option port '8888'

config paths 'paths'
	option state '/mnt/usb/qalqan'

config brand 'brand'
	option name 'Alma Home'

config defaults 'defaults'
	option country 'kz'
	list propose_list 'adult'
"""
NOR = 'dev:    size   erasesize  name\nmtd5: 00a40000 00010000 "rootfs_data"\n'
NAND = 'dev:    size   erasesize  name\nmtd5: 07a80000 00020000 "ubi"\n'


def test_a_first_boot_fills_in_the_lan(router: Router) -> None:
    done = router.defaults()
    assert (done.returncode, done.stderr) == (0, "")
    assert same_as_golden(router.told(), "first-boot")
    assert same_as_golden(router.config("qalqan"), "first-boot-uci")


@pytest.mark.parametrize(("kilobytes", "enabled"), [(118_000, "0"), (240_000, "")])
def test_a_first_boot_with_little_memory_leaves_the_pages_out(
    router: Router, kilobytes: int, enabled: str
) -> None:
    router.write("proc/meminfo", f"MemTotal:       {kilobytes} kB\nMemFree:        40000 kB\n")
    router.defaults()
    assert router.uci("get", "qalqan.web.enabled") == enabled


def test_pages_stay_on_if_the_user_enabled_them_or_at_an_upgrade(router: Router) -> None:
    router.write("proc/meminfo", "MemTotal:       118000 kB\n")
    router.config("qalqan", "config web 'web'\n\toption enabled '1'\n")
    router.defaults()
    assert router.uci("get", "qalqan.web.enabled") == "1"
    router.config("qalqan", "config web 'web'\n")
    router.defaults()  # its second run, as after an upgrade
    assert router.uci("get", "qalqan.web.enabled") == ""


def test_a_second_run_changes_nothing(ready: Router) -> None:
    before = ready.config("qalqan")
    ready.defaults()
    assert ready.told() == "uci commit \n"  # the caller's own, with nothing staged
    assert ready.config("qalqan") == before


def test_what_the_user_wrote_stays(router: Router) -> None:
    router.config("qalqan", OWN)
    router.defaults()
    kept = router.config("qalqan")
    missing = [line for line in OWN.splitlines() if line not in kept.splitlines()]
    assert not missing
    added = [line.strip() for line in kept.splitlines() if line and line not in OWN.splitlines()]
    assert added == ["option runtime '/var/run/qalqan'", "option profiles '/etc/qalqan/profiles'"]


def test_an_interface_that_was_taken_out_does_not_come_back(ready: Router) -> None:
    """An upgrade runs the script anew; what the counter says was done is not done again."""
    ready.config("qalqan", "config qalqan 'main'\n\toption offload 'off'\n")
    ready.defaults()
    assert ready.uci("get", "qalqan.main.lan") == ""


def test_an_older_state_is_brought_up_to_now(ready: Router) -> None:
    (ready.root / "etc/qalqan/compat").write_text("0\n")
    ready.config("qalqan", "config qalqan 'main'\n\toption offload 'off'\n")
    ready.defaults()
    assert ready.uci("get", "qalqan.main.lan") == "br-lan"
    assert (ready.root / "etc/qalqan/compat").read_text() == "4\n"


def test_a_newer_state_is_left_alone(ready: Router) -> None:
    """The package was there in a later version, and went back."""
    (ready.root / "etc/qalqan/compat").write_text("7\n")
    ready.defaults()
    assert (ready.root / "etc/qalqan/compat").read_text() == "7\n"


def test_a_missing_file_is_made(router: Router) -> None:
    (router.root / "etc/config/qalqan").unlink()
    done = router.defaults()
    assert done.stderr == ""
    assert router.uci("get", "qalqan.main") == "qalqan"
    assert router.uci("get", "qalqan.paths.state") == "/etc/qalqan/state"


@pytest.mark.parametrize(("partitions", "flash"), [(NOR, "poor"), (NAND, ""), (None, "")])
def test_raw_flash_is_written_rarely(router: Router, partitions: str | None, flash: str) -> None:
    if partitions is not None:
        router.write("proc/mtd", partitions)
    router.defaults()
    assert router.uci("get", "qalqan.main.flash") == flash


@pytest.mark.parametrize("device", ["br-lan.1", "eth0"])
def test_the_lan_is_what_the_board_has(router: Router, device: str) -> None:
    router.config("network", f"config interface 'lan'\n\toption device '{device}'\n")
    router.defaults()
    assert router.uci("get", "qalqan.main.lan") == device


def test_a_router_without_a_lan_has_none_filled_in(router: Router) -> None:
    router.config("network", "config interface 'loopback'\n\toption device 'lo'\n")
    assert router.defaults().returncode == 0
    assert router.uci("get", "qalqan.main.lan") == ""


@pytest.mark.parametrize(("compat", "agreed"), [("1\n", "off"), ("", "")])
def test_an_upgrade_keeps_the_offload_off_that_version_1_switched_off(
    router: Router, compat: str, agreed: str
) -> None:
    router.config("firewall", "config defaults\n\toption flow_offloading '0'\n")
    router.write("etc/qalqan/compat", compat)
    router.write("etc/qalqan/offload.firewall", "software\n")
    router.defaults()
    assert router.uci("get", "qalqan.main.firewall_offload") == agreed
    assert router.config("firewall") == "config defaults\n\toption flow_offloading '0'\n"


@pytest.mark.parametrize(
    ("compat", "had", "chosen", "wanted"),
    [
        ("2\n", "hardware\n", "auto", "hardware"),
        ("2\n", "software\n", "auto", "auto"),
        ("2\n", "hardware\n", "off", "off"),
        ("3\n", "hardware\n", "auto", "auto"),
    ],
)
def test_an_upgrade_offloads_in_hardware_again_where_the_firewall_did(
    ready: Router, compat: str, had: str, chosen: str, wanted: str
) -> None:
    ready.config("qalqan", f"config qalqan 'main'\n\toption offload '{chosen}'\n")
    ready.write("etc/qalqan/compat", compat)
    ready.write("etc/qalqan/offload.firewall", had)
    ready.defaults()
    assert ready.uci("get", "qalqan.main.offload") == wanted


def test_half_done_changes_of_others_are_not_committed_by_us(ready: Router) -> None:
    """Where there is nothing to do for us there is no commit of ours."""
    ready.shell("uci set network.lan.proto=dhcp")
    ready.forget()
    ready.shell("cd /etc/uci-defaults && . ./90-qalqan")
    assert "commit" not in ready.told()


@pytest.mark.parametrize("compat", ["", "1\n", "3\n"])
def test_settings_of_other_packages_stay(router: Router, compat: str) -> None:
    texts = {
        "openwisp": "config controller 'http'\n\toption url 'https://fleet.example'\n",
        "firewall": "config defaults\n\toption flow_offloading '1'\n",
    }
    for name, text in texts.items():
        router.config(name, text)
    router.write("etc/qalqan/compat", compat)
    router.defaults()
    router.script("qalqan", "start")
    assert {name: router.config(name) for name in texts} == texts


def test_the_hooks_stay_without_their_template(router: Router) -> None:
    router.config("openwisp", "config controller 'http'\n\toption url 'https://fleet.example'\n")
    for name in ("configuration", "backup"):
        router.write(f"tmp/openwisp/{name}.tar.gz", "")
    assert router.shell("/usr/lib/qalqan/openwisp-pre-reload").returncode == 0
    for option in ("pre_reload_hook", "test_script"):
        assert router.uci("get", f"openwisp.http.{option}") == AGENT[option]
