"""A router's root without OpenWrt: busybox ash, and shims that write down what procd, uci and others are
told.

The scripts of ``openwrt/`` run in it as they stand, at the paths at which they are installed, in a chroot.
The shims (``shims/``) are our own and behave as OpenWrt's do as far as our scripts use them. Neither the real
procd nor netifd nor fw4 is here.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = ROOT / "openwrt" / "qalqan" / "files"
SHIMS = Path(__file__).parent / "shims"
STATIC = "/usr/share/doc/busybox-static/copyright"  # in the chroot there are no libraries
BUSYBOX = shutil.which("busybox") or "/bin/busybox"

PAGES_ID, DAEMON_ID, RESOLVER_ID = 64_991, 64_992, 64_993

NETWORK = "config interface 'lan'\n\toption device 'br-lan'\n\toption proto 'static'\n"
FIREWALL = "config defaults\n\toption input 'REJECT'\n"
PACKAGES = {"network": NETWORK, "firewall": FIREWALL}

_INSTALLED = {
    "qalqan.init": "etc/init.d/qalqan",
    "qalqan-guard.init": "etc/init.d/qalqan-guard",
    "firewall-offload": "usr/lib/qalqan/firewall-offload",
    "guard-resolver": "usr/lib/qalqan/guard-resolver",
    "home-automation": "usr/lib/qalqan/home-automation",
    "qalqan-mqtt.init": "etc/init.d/qalqan-mqtt",
    "qalqan-usp.init": "etc/init.d/qalqan-usp",
    "qalqan-rollout.init": "etc/init.d/qalqan-rollout",
    "qalqan.defaults": "etc/uci-defaults/90-qalqan",
    "qalqan.postinst": "usr/lib/opkg/info/qalqan.postinst-pkg",
    "qalqan.upgrade": "lib/upgrade/qalqan.sh",
    "openwisp-pre-reload": "usr/lib/qalqan/openwisp-pre-reload",
    "rollout": "usr/lib/qalqan/rollout",
    "hotplug-button": "etc/hotplug.d/button/90-qalqan",
    "hotplug-dhcp": "etc/hotplug.d/dhcp/90-qalqan",
    "hotplug-iface": "etc/hotplug.d/iface/90-qalqan",
    "hotplug-ntp": "etc/hotplug.d/ntp/90-qalqan",
    "50-qalqan.nft": "usr/share/nftables.d/ruleset-post/50-qalqan.nft",
}
_SHIMMED = {
    "rc.common": "etc/rc.common",
    "functions.sh": "lib/functions.sh",
    "procd.sh": "lib/functions/procd.sh",
    "uci.awk": "lib/uci.awk",
    "uci": "sbin/uci",
}
_FOLDERS = (
    "bin",
    "sbin",
    "usr/bin",
    "usr/sbin",
    "lib/functions",
    "etc/config",
    "etc/rc.d",
    "etc/qalqan",
    "tmp",
    "dev",
)
# What our scripts and the shims call of busybox.
_APPLETS = (
    *(
        "ash",
        "awk",
        "basename",
        "cat",
        "chgrp",
        "chmod",
        "chown",
        "cp",
        "env",
        "grep",
        "head",
        "ln",
        "ls",
        "mkdir",
    ),
    *("mv", "rm", "sed", "sh", "sleep", "touch"),
    *("cut", "sha256sum", "sync", "tail", "tr", "wget", "zcat"),
)
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


class Router:
    """``pages``: the package qalqan-web is installed. The UCI file is the package's until one is written.
    ``like``: another one in the same state.
    """

    def __init__(self, folder: Path, *, pages: bool = True, like: Router | None = None) -> None:
        self.root = folder
        if like is not None:
            shutil.copytree(like.root, folder, symlinks=True)
            return
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "var").symlink_to("tmp")
        (folder / "tmp/run").mkdir()
        shutil.copy(BUSYBOX, folder / "bin/busybox")
        for name in _APPLETS:
            (folder / "bin" / name).symlink_to("busybox")
        for names, source in ((_SHIMMED, SHIMS), (_INSTALLED, FILES)):
            for name, place in names.items():
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source / name, folder / place)
                (folder / place).chmod(0o755)
        self.write("dev/null", "")
        users = {"qalqan": DAEMON_ID, "qalqan-web": PAGES_ID, "qalqan-help": RESOLVER_ID}
        rows = "".join(f"{name}:x:{number}:{number}::/var:/bin/false\n" for name, number in users.items())
        self.write("etc/passwd", f"root:x:0:0::/root:/bin/ash\n{rows}")
        groups = "".join(f"{name}:x:{number}:\n" for name, number in users.items())
        self.write("etc/group", f"root:x:0:\n{groups}")
        for name in ("logger", "fw4", "nft", "dnsmasq", "start-stop-daemon"):
            self.program(f"usr/sbin/{name}")
        self.program("usr/bin/qalqan")
        for name, text in {**PACKAGES, "qalqan": (FILES / "qalqan.conf").read_text()}.items():
            self.config(name, text)
        if pages:
            (folder / "usr/lib/qalqan/webui").mkdir(parents=True)
        self.write("etc/qalqan/qalqan.yaml", "country: kz\n")
        for name in ("qalqan", "qalqan-guard"):
            self.script(name, "enable")
        self.forget()

    def program(self, place: str, then: str = "exit 0") -> None:
        """A program that writes down how it was called, and does ``then``."""
        name = Path(place).name
        told = (
            f"printf '%s' '{name}' >> /told\nfor word in \"$@\"; do printf ' [%s]' \"$word\" >> /told; done\n"
        )
        self.write(place, f"#!/bin/sh\n{told}printf '\\n' >> /told\n{then}\n")
        (self.root / place).chmod(0o755)

    def install_jail(self) -> None:
        """Install ujail, as the package procd-ujail does."""
        self.write("sbin/ujail", "").chmod(0o755)

    def write(self, place: str, text: str) -> Path:
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def config(self, package: str, text: str | None = None) -> str:
        """The text of a package, or of another one from now on."""
        path = self.root / "etc/config" / package
        if text is not None:
            path.write_text(text)
            path.chmod(0o600)
        return path.read_text()

    def uci(self, *words: str) -> str:
        """What the shim answers; what it is told here is not written down."""
        before = self.told()
        done = self._run(["/sbin/uci", "-q", *words])
        self._tell(before)
        return done.stdout.strip()

    def script(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """``/etc/init.d/NAME WORDS``, as rc and a shell start it."""
        return self._run([f"/etc/init.d/{name}", *words])

    def defaults(self) -> subprocess.CompletedProcess[str]:
        """As at a boot and after an installation: sourced, and all that is staged is committed."""
        return self._run(["/bin/sh", "-c", "cd /etc/uci-defaults && ( . ./90-qalqan ) && uci commit"])

    def hotplug(self, kind: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """As procd starts it: a shell that reads the script, with these variables beside its own."""
        text = f". /lib/functions.sh\n. /etc/hotplug.d/{kind}/90-qalqan\n"
        return self._run(["/bin/sh", "-c", text], environment)

    def shell(self, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self._run(["/bin/sh", "-c", text], environment)

    def as_pages(self, text: str) -> bool:
        """Whether the user of the pages can do this."""
        user = f"--userspec={PAGES_ID}:{PAGES_ID}"
        argv = ["chroot", user, "--groups=", str(self.root), "/bin/sh", "-c", text]
        return subprocess.run(argv, env={"PATH": _PATH}, capture_output=True, check=False).returncode == 0

    def told(self) -> str:
        """What was said to procd, uci and the programs, in its order."""
        path = self.root / "told"
        return path.read_text() if path.exists() else ""

    def forget(self) -> None:
        self._tell("")

    def _tell(self, text: str) -> None:
        (self.root / "told").write_text(text)

    def _run(
        self, argv: list[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["chroot", str(self.root), *argv],
            env={"PATH": _PATH, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "not found" not in done.stderr or "uci" in done.stderr, done.stderr
        return done
