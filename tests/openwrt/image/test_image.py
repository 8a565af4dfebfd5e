"""The provider's image: its first-boot scripts under busybox ash in a root of their own, what its check
refuses, and what it asks an ImageBuilder for. That is one of ours, which writes down what it is told.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.household.claim import label
from gateway.household.router_settings import SECTIONS, router_settings
from gateway.household.uci import parse_uci
from gateway.policy.config.config import config_of
from tests.openwrt.image.builder import builder

ROOT = Path(__file__).resolve().parents[3]
IMAGE = ROOT / "openwrt" / "image"
FILES = IMAGE / "files"
SHIMS = Path(__file__).parent / "shims"
SCRIPTS = ("98-isp-label", "99-isp-qalqan")
APPLETS = ("sh", "sed", "tr", "cat", "grep", "head", "dd", "mkdir", "chmod")
CODE = "K7QM-3XPR-W2HT"
MAC = "02:00:5e:10:00:01"
PRESET = """
brand.name=Example Telecom
brand.colour=#0b5d3b
defaults.country=kz
defaults.propose_list=adult
defaults.propose_list=gambling
"""

pytestmark = pytest.mark.needs("busybox")
as_root = pytest.mark.needs("root")  # chroot


class Router:
    """A root with busybox and nothing else, and what a board has."""

    def __init__(self, folder: Path, preset: str, **uci: str) -> None:
        self.root = folder
        busybox = shutil.which("busybox")
        assert busybox
        for one in (
            "bin",
            "sbin",
            "usr/sbin",
            "etc/config",
            "etc/isp",
            "proc",
            "dev",
            "sys/class/net/eth0",
            "tmp",
        ):
            (folder / one).mkdir(parents=True)
        shutil.copy(busybox, folder / "bin" / "busybox")
        for one in APPLETS:
            (folder / "bin" / one).symlink_to("busybox")
        self._program("sbin/uci", (SHIMS / "uci").read_text())
        self._program("sbin/logger", '#!/bin/sh\necho "$3" >> /log\n')
        (folder / "dev/log").touch()
        (folder / "sys/class/net/eth0/address").write_text(f"{MAC}\n")
        (folder / "etc/config/qalqan").write_text("")
        (folder / "etc/isp/qalqan-preset").write_text(preset)
        (folder / "uci").write_text("".join(f"qalqan.{key}={value}\n" for key, value in uci.items()))

    def _program(self, path: str, text: str) -> None:
        (self.root / path).write_text(text)
        (self.root / path).chmod(0o755)

    def environment(self, variables: Mapping[str, str]) -> None:
        """Of U-Boot."""
        lines = "".join(f'[ "$2" != {key} ] || echo "{value}"\n' for key, value in variables.items())
        self._program("usr/sbin/fw_printenv", f"#!/bin/sh\n{lines}")

    def partition(self, number: int, name: str, data: bytes) -> None:
        told = f'mtd0: 00080000 00020000 "bootloader"\nmtd{number}: 00010000 00010000 "{name}"\n'
        (self.root / "proc/mtd").write_text(f"dev:    size   erasesize  name\n{told}")
        (self.root / f"dev/mtd{number}").write_bytes(data)

    def boot(self, script: str) -> None:
        shutil.copy(FILES / "etc/uci-defaults" / script, self.root / "tmp")
        path = {"PATH": "/usr/sbin:/sbin:/bin"}
        argv = ["chroot", str(self.root), "/bin/sh", f"/tmp/{script}"]
        done = subprocess.run(argv, env=path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    def _lines(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []

    @property
    def told(self) -> list[str]:
        return self._lines("told")

    @property
    def log(self) -> list[str]:
        return self._lines("log")

    @property
    def label(self) -> Path:
        return self.root / "etc/qalqan/state/label"


# ---------------------------------------------------------------------------------------- the preset


@as_root
def test_a_preset_proposes_and_touches_no_other_section(tmp_path: Path) -> None:
    router = Router(tmp_path, PRESET)
    router.boot("99-isp-qalqan")
    assert router.told == [
        "set qalqan.brand=brand",
        "set qalqan.brand.name=Example Telecom",
        "set qalqan.brand.colour=#0b5d3b",
        "set qalqan.defaults=defaults",
        "set qalqan.defaults.country=kz",
        "add_list qalqan.defaults.propose_list=adult",
        "add_list qalqan.defaults.propose_list=gambling",
        "commit qalqan",
    ]
    assert router.log == []


@as_root
@pytest.mark.parametrize(
    "line",
    [
        "main.enabled=0", "main.lan=eth0", "main.firewall_offload=keep", "main.offload=off",
        "web.allow_wan=1", "web.listen=0.0.0.0:80", "paths.state=/tmp", "registers.kz=on", "brand=web",
        "defaults.propose_lists=adult", "brand.name.x=1", "@brand[0].name=X",
        "provider.stop_until=2026-12-01T21:00+05:00", "provider.rollout=0",
        "usp.enabled=0", "usp.socket=/tmp/s", "metrics.textfile=1", "backup.folder=/mnt",
    ],
)  # fmt: skip
def test_what_would_switch_something_on_is_left_out_on_the_router_and_refused_before(
    tmp_path: Path, line: str
) -> None:
    router = Router(tmp_path / "router", f"{line}\n", brand="brand", defaults="defaults")
    router.boot("99-isp-qalqan")
    assert router.told == []
    key = line.partition("=")[0]
    assert router.log == [f"/etc/isp/qalqan-preset: '{key}' is not for a preset to set, and is left out"]
    files = copied(tmp_path / "files")
    add(files, f"{line}\n")
    assert re.search(r"is not for a preset to set|the only value here is", refused(files))


ROUTER = """
main.firewall_offload=off
feed.url=https://feed.example/qalqan
feed.mirror=https://one.example/qalqan
feed.mirror=https://two.example/qalqan
feed.root=/usr/share/isp/feed-root.json
feed.provider=alma-net
provider.rollout=1
usp.vendor=isp.example
"""


@as_root
def test_a_preset_has_the_provider_s_own_settings_of_the_router(tmp_path: Path) -> None:
    router = Router(tmp_path / "router", ROUTER, main="qalqan")
    router.boot("99-isp-qalqan")
    assert router.told == [
        "set qalqan.main.firewall_offload=off",
        "set qalqan.feed=feed",
        "set qalqan.feed.url=https://feed.example/qalqan",
        "add_list qalqan.feed.mirror=https://one.example/qalqan",
        "add_list qalqan.feed.mirror=https://two.example/qalqan",
        "set qalqan.feed.root=/usr/share/isp/feed-root.json",
        "set qalqan.feed.provider=alma-net",
        "set qalqan.provider=provider",
        "set qalqan.provider.rollout=1",
        "set qalqan.usp=usp",
        "set qalqan.usp.vendor=isp.example",
        "commit qalqan",
    ]
    assert router.log == []
    (router.root / "told").unlink()
    router.boot("99-isp-qalqan")
    assert router.told == [], "a list is not added twice"
    files = copied(tmp_path / "files")
    add(files, ROUTER)
    assert "/usr/share/isp/feed-root.json is not among the image's files" in refused(files)
    (files / "usr/share/isp").mkdir(parents=True)
    (files / "usr/share/isp/feed-root.json").write_text("{}")
    assert checked(files) == (0, f"{files}: proposes, filters nothing and opens nothing\n")


@as_root
def test_a_household_that_keeps_the_firewall_s_offloading_keeps_it_after_an_upgrade(tmp_path: Path) -> None:
    own = {"main": "qalqan", "main.firewall_offload": "keep"}
    router = Router(tmp_path, "main.firewall_offload=off\n", **own)
    router.boot("99-isp-qalqan")
    assert router.told == []


def test_the_settings_of_a_preset_are_the_gateway_s() -> None:
    """Each key is an option, and the values of the example are those that it reads."""
    keys = [line.partition("=")[::2] for line in (PRESET + ROUTER).splitlines() if line]
    sections: dict[str, list[str]] = {}
    for key, value in keys:
        section, _, name = key.partition(".")
        kind = "list" if name in ("mirror", "propose_list") else "option"
        sections.setdefault(section, []).append(f"\t{kind} {name} '{value}'\n")
    text = "".join(f"config {name} '{name}'\n{''.join(lines)}" for name, lines in sections.items())
    settings = router_settings(parse_uci(text, "qalqan"))
    config = config_of(settings.over(settings.first_document("")), lambda _: False)
    assert settings.firewall_offload == "off"
    assert config.feed is not None
    assert config.feed.root == "/usr/share/isp/feed-root.json"
    assert config.usp is not None


@as_root
def test_what_is_set_already_stays_after_an_upgrade_too(tmp_path: Path) -> None:
    own = {"brand": "brand", "defaults": "defaults", "brand.name": "Ours", "defaults.propose_list": "games"}
    router = Router(tmp_path, PRESET, **own)
    router.boot("99-isp-qalqan")
    assert router.told == [
        "set qalqan.brand.colour=#0b5d3b", "set qalqan.defaults.country=kz", "commit qalqan",
    ]  # fmt: skip
    (tmp_path / "told").unlink()
    router.boot("99-isp-qalqan")
    assert router.told == []


@as_root
def test_the_last_line_of_a_preset_needs_no_line_break(tmp_path: Path) -> None:
    router = Router(tmp_path, "brand.name=X\ndefaults.country=kz", brand="brand", defaults="defaults")
    router.boot("99-isp-qalqan")
    assert "set qalqan.defaults.country=kz" in router.told


@as_root
def test_without_the_package_or_without_a_preset_nothing_is_done(tmp_path: Path) -> None:
    router = Router(tmp_path, PRESET)
    (tmp_path / "etc/config/qalqan").unlink()
    router.boot("99-isp-qalqan")
    assert router.told == []


# ---------------------------------------------------------------------------------------- the label


@as_root
@pytest.mark.parametrize("kind", ["env", "mtd", "file"])
def test_the_factory_s_code_is_the_label_s_after_each_reset(tmp_path: Path, kind: str) -> None:
    places = {"env": "env qalqan_label", "mtd": "mtd factory 0xff00 14", "file": "file /etc/factory"}
    router = Router(tmp_path, f"label.from={places[kind]}\n")
    router.environment({"qalqan_label": CODE})
    router.partition(3, "factory", b"\xff" * 0xFF00 + CODE.encode() + b"\xff" * 64)
    (tmp_path / "etc/factory").write_text(f"{CODE}\n")
    for _ in range(2):
        router.boot("98-isp-label")
        assert router.label.read_text() == f"{CODE}\n"
        assert router.label.stat().st_mode & 0o777 == 0o600
        assert label(router.label.parent) == CODE, "the daemon takes it"
        shutil.rmtree(tmp_path / "etc/qalqan")  # a reset
    assert router.log == []


@as_root
def test_a_code_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    router = Router(tmp_path, "label.from=env qalqan_label\n")
    router.environment({"qalqan_label": CODE})
    router.label.parent.mkdir(parents=True)
    router.label.write_text("ABCD-2345\n")
    router.boot("98-isp-label")
    assert router.label.read_text() == "ABCD-2345\n"


@as_root
@pytest.mark.parametrize(
    ("preset", "code", "because"),
    [
        ("label.from=env qalqan_label\n", "SHORT", "has no code of 8 to 40 letters and digits"),
        ("label.from=env qalqan_label\n", "X" * 41, "has no code of 8 to 40 letters and digits"),
        ("label.from=env other\n", CODE, "has no code of 8 to 40 letters and digits"),
        ("label.from=mtd absent 0 12\n", CODE, "has no code of 8 to 40 letters and digits"),
        ("label.from=env qalqan_label\n", "02005E100001", "is this router's hardware address"),
        ("label.from=env qalqan_label\n", "02-00-5e-10-00-01", "is this router's hardware address"),
        ("label.from=env qalqan_label\n", "02005E100002", "is this router's hardware address"),
        ("label.from=env qalqan_label\n", "SN-02005e1000FF-7", "is this router's hardware address"),
        ("label.from=env qalqan_label\n", "00000000", "is the same on every router"),
        ("label.from=env qalqan_label\n", "FFFF-FFFF-0000", "is the same on every router"),
        ("label.from=env qalqan_label\n", "12345678", "is the same on every router"),
        ("brand.name=X\n", CODE, ""),
    ],
)  # fmt: skip
def test_where_there_is_no_code_the_gateway_makes_one(
    tmp_path: Path, preset: str, code: str, because: str
) -> None:
    router = Router(tmp_path, preset)
    router.environment({"qalqan_label": code})
    router.boot("98-isp-label")
    assert not router.label.exists()
    assert (because in router.log[0]) if because else router.log == []


@as_root
def test_before_the_logger_runs_messages_go_to_the_kernel_s_log(tmp_path: Path) -> None:
    """logd starts after the first boot's scripts, and reads that log when it starts."""
    router = Router(tmp_path, "label.from=env other\nmain.enabled=0\n")
    (router.root / "dev/log").unlink()
    heard = router.root / "dev/kmsg"
    router.boot("98-isp-label")
    assert heard.read_text().startswith("qalqan-label: env other: has no code of 8 to 40 letters")
    router.boot("99-isp-qalqan")
    assert heard.read_text().startswith("qalqan-isp: /etc/isp/qalqan-preset: 'main.enabled' is not for")
    assert router.log == []


# ---------------------------------------------------------------------------------------- the check


def copied(folder: Path) -> Path:
    shutil.copytree(FILES, folder)
    return folder


def add(files: Path, text: str) -> None:
    with (files / "etc/isp/qalqan-preset").open("a") as preset:
        preset.write(text)


def checked(files: Path) -> tuple[int, str]:
    argv = ["busybox", "ash", str(IMAGE / "check.sh"), str(files)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def refused(files: Path) -> str:
    status, told = checked(files)
    assert status == 1, told
    return told


def test_the_files_that_come_with_it_propose_and_switch_nothing_on() -> None:
    assert checked(FILES) == (0, f"{FILES}: proposes, filters nothing and opens nothing\n")


@pytest.mark.parametrize(
    ("path", "text", "because"),
    [
        ("etc/qalqan/qalqan.yaml", "lan: [br-lan]\n", "an image brings no rules, no state and no code"),
        ("etc/qalqan/state/label", f"{CODE}\n", "an image brings no rules, no state and no code"),
        ("etc/qalqan/profiles/child.yaml", "name: Child\n", "an image brings no rules"),
        ("etc/config/qalqan", "config web 'web'\n", "an image brings no rules"),
        ("etc/uci-defaults/50-own", "uci set qalqan.main.enabled=0\n", "names qalqan"),
        ("etc/rc.local", "qalqan off\n", "names qalqan"),
        ("etc/config/system", "\toption log_ip '192.0.2.1'\n", "sends the router's log away"),
        ("etc/uci-defaults/60-log", "uci set system.@system[0].log_ip=192.0.2.1\n", "the label's code in it"),
        ("etc/uci-defaults/99-isp-qalqan", "#!/bin/sh\n", "is not as it came with Qalqan"),
    ],
)
def test_a_file_that_would_do_more_is_refused(tmp_path: Path, path: str, text: str, because: str) -> None:
    files = copied(tmp_path / "files")
    (files / path).parent.mkdir(parents=True, exist_ok=True)
    (files / path).write_text(text)
    assert because in refused(files)


@pytest.mark.parametrize(
    ("line", "because"),
    [
        ("brand.colour=green", "a colour is written #0b5d3b"),
        ("brand.logo=/absent.svg", "/absent.svg is not among the image's files"),
        ("brand.logo=logo.gif", "a logo is the whole path of an .svg or .png file"),
        (f"brand.name={'x' * 41}", "a name has at most 40 letters"),
        (f"brand.name={'я' * 41}", "a name has at most 40 letters"),
        ("defaults.country=", "has no value"),
        ("main.firewall_offload=keep", "the only value here is off"),
        ("feed.url=http://feed.example", "a feed has an address such as https://feed.example/qalqan"),
        ("feed.root=feed-root.json", "'feed.root' is the whole path of a file in the image"),
        ("feed.root=/etc/qalqan/feed-root.json", "is not among the image's files"),
        ("feed.provider=Alma Net", "a feed's provider has a name in small letters"),
        ("usp.vendor=ISP", "a vendor is your domain, such as isp.example, or your OUI"),
        ("provider.rollout=yes", "the only value here is 1"),
        ("label.from=serial", "a label comes from"),
        ("label.from=mtd factory", "a label comes from"),
        ("label.from=file /etc/isp/qalqan-preset", "is in the image: the same code in every home"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_its_line(tmp_path: Path, line: str, because: str) -> None:
    files = copied(tmp_path / "files")
    before = len((files / "etc/isp/qalqan-preset").read_text().splitlines())
    add(files, f"{line}\n")
    told = refused(files)
    assert because in told
    assert f"qalqan-preset:{before + 1}:" in told


@pytest.mark.parametrize("shell", [("sh",), ("busybox", "ash")])
def test_letters_of_a_name_are_counted_not_bytes(tmp_path: Path, shell: tuple[str, ...]) -> None:
    files = copied(tmp_path / "files")
    add(files, f"brand.name={'я' * 40}\n")
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run([*shell, IMAGE / "check.sh", files], env=env, check=False)
    assert done.returncode == 0


def test_a_feed_without_its_root_keys_is_refused(tmp_path: Path) -> None:
    files = copied(tmp_path / "files")
    add(files, "feed.url=https://feed.example/qalqan\n")
    assert "feed.url needs feed.root" in refused(files)


def test_script_and_check_know_the_same_keys() -> None:
    paths = (FILES / "etc/uci-defaults/99-isp-qalqan", IMAGE / "check.sh")
    keys = rf"(?<![\w/.-])(?:{'|'.join(SECTIONS)})\.[a-z_]+"
    taken, known = (set(re.findall(keys, path.read_text())) for path in paths)
    assert taken == known
    assert {"defaults.propose_band", "main.firewall_offload", "usp.vendor"} <= taken


# ---------------------------------------------------------------------------------------- the image


@pytest.mark.parametrize("release", ["24.10.8", "25.12.5"])
def test_an_image_builder_is_asked_for_packages_files_feed_and_key(tmp_path: Path, release: str) -> None:
    folder = builder(tmp_path / "builder", release)
    key = tmp_path / "isp.pub"
    key.write_text("a public key\n")
    build = ["sh", str(IMAGE / "build.sh"), str(folder), "acme_one", "https://feed.example/qalqan", str(key)]
    for _ in range(2):  # once more changes nothing twice
        done = subprocess.run(build, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    told = dict(line.split("=", 1) for line in (folder / "told").read_text().splitlines())
    assert told["PROFILE"] == "acme_one"
    assert {"qalqan", "qalqan-web", "luci-app-qalqan"} <= set(told["PACKAGES"].split())
    apk = release.startswith("25")
    sources = (folder / ("repositories" if apk else "repositories.conf")).read_text().splitlines()
    place = f"https://feed.example/qalqan/{release[:5]}/aarch64_cortex-a53"
    line = f"{place}/packages.adb" if apk else f"src/gz isp {place}"
    assert sources.count(line) == 1
    inside = {
        path.relative_to(folder / "taken").as_posix()
        for path in (folder / "taken").rglob("*")
        if path.is_file()
    }
    own = {path.relative_to(FILES).as_posix() for path in FILES.rglob("*") if path.is_file()}
    feed = (
        {"etc/apk/keys/isp.pem", "etc/apk/repositories.d/isp.list"}
        if apk
        else {"etc/opkg/keys/0123456789abcdef", "etc/opkg/customfeeds.conf"}
    )
    assert inside == own | feed
    where = "etc/apk/repositories.d/isp.list" if apk else "etc/opkg/customfeeds.conf"
    assert (folder / "taken" / where).read_text() == f"{line}\n"
    assert os.access(folder / "taken/etc/uci-defaults/99-isp-qalqan", os.X_OK)


def test_no_image_is_built_of_files_that_the_check_refuses(tmp_path: Path) -> None:
    folder, files = builder(tmp_path / "builder", "24.10.8"), copied(tmp_path / "files")
    add(files, "main.enabled=0\n")
    (tmp_path / "isp.pub").write_text("key\n")
    build = [
        "sh",
        str(IMAGE / "build.sh"),
        str(folder),
        "acme_one",
        "https://feed.example",
        str(tmp_path / "isp.pub"),
    ]
    done = subprocess.run([*build, str(files)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert not (folder / "told").exists()


SHELL = sorted([*IMAGE.glob("*.sh"), *(FILES / "etc/uci-defaults").iterdir(), SHIMS / "uci"])


@pytest.mark.needs("shellcheck")
@pytest.mark.needs("shfmt")
def test_the_scripts_are_as_the_feeds_want_them() -> None:
    for argv in (["shellcheck", "-s", "busybox"], ["shfmt", "-d", "-sr", "-s"]):
        done = subprocess.run([*argv, *map(str, SHELL)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    for one in SHELL:
        assert os.access(one, os.X_OK), one
