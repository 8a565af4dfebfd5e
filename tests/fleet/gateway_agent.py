"""A simulated gateway: OpenWrt's files in a folder, and an agent that speaks OpenWISP's protocol.

It does what openwisp-config 1.3 does with a server: registers by the shared secret, asks for the checksum,
downloads and tests the configuration, restores its backup if the test fails, and reports. Our two hooks, our
UCI reader and `qalqan check` run unchanged, in a root of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.fleet import image
from tests.fleet.server import ROOT, device_key
from tests.fleet.uci import UciSection, read_uci, write_uci

PROGRAMS = Path(__file__).parent / "programs"
# What the gateway has in /usr besides the host's files.
INSTALLED = {
    "bin/logger": PROGRAMS / "logger",
    "bin/qalqan": PROGRAMS / "qalqan",
    "sbin/uci": PROGRAMS / "uci",
    "sbin/sysupgrade": PROGRAMS / "sysupgrade",
    "lib/qalqan/openwisp-pre-reload": image.PACKAGE / "openwisp-pre-reload",
    "lib/qalqan/openwisp-test": image.PACKAGE / "openwisp-test",
    "lib/upgrade/qalqan.sh": image.PACKAGE / "qalqan.upgrade",
}
APPLETS = ("sh", "tar", "grep", "mv", "rm", "cat", "sleep", "find", "cmp", "cp", "sed")
CONFIG, TMP, AGENT = "etc/config", "tmp/openwisp", "etc/openwisp"
# A new mount namespace, in which /usr is the host's, with our package's files over it.
ENTER = """
mount -t overlay overlay -o "lowerdir=$0/.usr:/usr" "$0/usr"
mount --bind "$1" "$0$1"
mount --bind /dev/null "$0/dev/null"
root=$0; shift
exec chroot "$root" "$@"
"""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


class Gateway:
    """One gateway. ``seen``: what the services read at each reload, as `settings` returns it."""

    def __init__(self, folder: Path, server: str, secret: str, number: int) -> None:
        self.root, self.server, self.secret = folder, server, secret
        self.mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
        self.address = f"127.1.{number >> 8}.{number & 255}"  # in the management network
        self.name = f"gateway-{number}"
        self.identity = self.key = ""
        self.managed = False  # the server reaches `address`
        self.seen: list[Mapping[str, Any]] = []
        for name in (TMP, f"{AGENT}/stored/{CONFIG}", "etc/qalqan/profiles", "dev", "usr", str(ROOT)[1:]):
            (folder / name).mkdir(parents=True)
        (folder / "dev/null").touch()
        for name in ("bin", "sbin", "lib", "lib64"):
            (folder / name).symlink_to(f"usr/{name}")
        for name, source in INSTALLED.items():
            (folder / ".usr" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / ".usr" / name)
        for applet in APPLETS:
            (folder / ".usr/bin" / applet).symlink_to("busybox")
        for name, text in image.KEPT.items():
            self.write(f".usr/lib/upgrade/keep.d/{name}", text)
        for name, text in image.files().items():
            for place in (f"rom/etc/{name}", f"etc/{name}"):
                self.write(place, text)

    @property
    def system(self) -> str:
        """The name of the installed system, as `ubus call system board` shows it."""
        return (self.root / "etc/openwrt_release").read_text().split("'")[1]

    def write(self, place: str, text: str) -> None:
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def register(self) -> None:
        """Register by the shared secret, and store the identity as the agent does."""
        answer = self._post("register/", backend="netjsonconfig.OpenWrt", secret=self.secret,
                            key=device_key(self.mac, self.secret), name=self.name, mac_address=self.mac,
                            hardware_id="", tags="", **self._information())  # fmt: skip
        found = dict(line.split(": ", 1) for line in answer.splitlines())
        self.identity, self.key = found["uuid"], found["key"]
        agent = read_uci(self.root / CONFIG / "openwisp")
        agent["http"].options |= {"uuid": self.identity, "key": self.key}
        write_uci(self.root / CONFIG / "openwisp", agent)
        (self.root / TMP / "bootup").touch()

    def cycle(self) -> str:
        """Do one turn of the agent's loop; return "" without a change, or the status that was reported."""
        started = self.root / TMP / "bootup"
        if not started.exists():
            self._post(f"update-info/{self.identity}/", key=self.key, **self._information())
            started.touch()
        last = self.root / AGENT / "checksum"
        remote = self._get(f"checksum/{self.identity}/").decode()
        if last.exists() and remote == last.read_text():
            return ""
        archive = self._get(f"download-config/{self.identity}/")
        assert hashlib.md5(archive, usedforsecurity=False).hexdigest() == remote
        last.write_text(remote)
        (self.root / TMP / "configuration.tar.gz").write_bytes(archive)
        (self.root / "tmp/log").write_text("")
        self._back_up()
        status = "applied" if self._apply_and_test() else "error"
        (self.root / TMP / "backup.tar.gz").unlink()
        reason = {} if status == "applied" else {"error_reason": (self.root / "tmp/log").read_text()[:1_011]}
        self._post(f"report-status/{self.identity}/", key=self.key, status=status, **reason)
        return status

    def settings(self) -> Mapping[str, Any]:
        """Return what Qalqan reads in this gateway, by its own readers."""
        argv = [str(ROOT / ".venv/bin/python"), "-m", "tests.fleet.settings_in_use"]
        found: Mapping[str, Any] = json.loads(self.run(argv, check=True))
        return found

    def run(self, argv: Sequence[str], *, check: bool = False, **environment: str) -> str:
        """Run a program in this gateway's root and return what it prints."""
        done = self._ran(argv, environment)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def inside(self, argv: Sequence[str], *options: str) -> list[str]:
        """Return the command that runs a program in this gateway's root. ``options``: of `unshare`."""
        enter = ["/usr/bin/sh", "-ec", ENTER, str(self.root), str(ROOT)]
        return ["unshare", "--mount", *options, *enter, *argv]

    def _ran(self, argv: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.inside(argv), env={**ENVIRONMENT, **environment},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def _apply_and_test(self) -> bool:
        agent = read_uci(self.root / CONFIG / "openwisp")["http"].options  # the agent read them at its start
        hook, test = str(agent["pre_reload_hook"]), str(agent["test_script"])
        self._apply()
        self._ran([hook], {})
        self.seen.append(self.settings())
        exported = {"URL": self.server, "UUID": self.identity, "KEY": self.key, "TEST_RETRIES": "1"}
        if self._ran([test], exported).returncode == 0:
            return True
        self.run(["tar", "-xzf", f"/{TMP}/backup.tar.gz", "-C", "/"], check=True)  # as `sysupgrade -r` does
        self._ran([hook], {})
        self.seen.append(self.settings())
        return False

    def _back_up(self) -> None:
        """Store the files that the new configuration or the last one has, as far as they exist."""
        remote = self.root / AGENT / "remote"
        with tarfile.open(self.root / TMP / "configuration.tar.gz") as archive:
            names = {member.name for member in archive if member.isfile()}
        names |= {str(path.relative_to(remote)) for path in remote.rglob("*") if path.is_file()}
        with tarfile.open(self.root / TMP / "backup.tar.gz", "w:gz") as backup:
            for name in sorted(names):
                if (self.root / name).exists():
                    backup.add(self.root / name, name)

    def _apply(self) -> None:
        """Merge the archive into the gateway's files, as openwisp-update-config does."""
        fresh, remote = self.root / TMP / "check", self.root / AGENT / "remote"
        shutil.rmtree(fresh, ignore_errors=True)
        with tarfile.open(self.root / TMP / "configuration.tar.gz") as archive:
            archive.extractall(fresh, filter="data")
        for path in _files(remote / CONFIG):
            self._take_out(path.name, fresh / CONFIG / path.name)
        shutil.rmtree(remote, ignore_errors=True)
        shutil.move(fresh, remote)
        for path in _files(remote / CONFIG):
            self._merge(path)
        self._place_files(remote)

    def _take_out(self, name: str, fresh: Path) -> None:
        """Remove what the last configuration had and the new one has not, or put back what it replaced."""
        standard = read_uci(self.root / CONFIG / name)
        stored, now = read_uci(self.root / AGENT / "stored" / CONFIG / name), read_uci(fresh)
        for section, was in read_uci(self.root / AGENT / "remote" / CONFIG / name).items():
            current = standard.get(section)
            if current is None:
                continue
            for option in was.options:
                if section not in now or option not in now[section].options:
                    current.options.pop(option, None)
                    before = stored.get(section)
                    if before is not None and option in before.options:
                        current.options[option] = before.options[option]
            if not current.options:
                del standard[section]
        write_uci(self.root / CONFIG / name, standard)

    def _merge(self, path: Path) -> None:
        standard = self.root / CONFIG / path.name
        stored = self.root / AGENT / "stored" / CONFIG / path.name
        if standard.exists() and not stored.exists():
            shutil.copy(standard, stored)
        merged = read_uci(standard)
        for name, section in read_uci(path).items():
            target = merged.setdefault(name, UciSection(section.type))
            target.type = section.type
            target.options |= section.options
        write_uci(standard, merged)

    def _place_files(self, remote: Path) -> None:
        added, modified = self._list("added"), self._list("modified")
        stored = self.root / AGENT / "stored"
        sent = {f"/{path.relative_to(remote)}" for path in _files(remote) if path.parent != remote / CONFIG}
        for name in sent:
            place = self.root / name[1:]
            if name not in added | modified and place.exists():
                modified.add(name)
                (stored / name[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(place, stored / name[1:])
            elif name not in modified:
                added.add(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(remote / name[1:], place)
        for name in added - sent:
            (self.root / name[1:]).unlink(missing_ok=True)
        for name in modified - sent:
            shutil.move(stored / name[1:], self.root / name[1:])
        for kind, names in (("added", added & sent), ("modified", modified & sent)):
            text = "".join(f"{name}\n" for name in sorted(names))
            (self.root / AGENT / f"{kind}.list").write_text(text)

    def _list(self, kind: str) -> set[str]:
        path = self.root / AGENT / f"{kind}.list"
        return set(path.read_text().splitlines()) if path.exists() else set()

    def _information(self) -> Mapping[str, str]:
        model = (self.root / "etc/model").read_text().strip()
        return {"model": model, "os": self.system, "system": "simulator"}

    def _get(self, path: str) -> bytes:
        address = f"&management_ip={self.address}" if self.managed else ""
        return self._request(f"{path}?key={self.key}{address}", None)

    def _post(self, path: str, **values: str) -> str:
        return self._request(path, urllib.parse.urlencode(values).encode()).decode()

    def _request(self, path: str, data: bytes | None) -> bytes:
        with urllib.request.urlopen(f"{self.server}/controller/{path}", data, timeout=60) as answer:
            assert answer.headers["X-Openwisp-Controller"] == "true"
            content: bytes = answer.read()
            return content


def _files(folder: Path) -> Iterator[Path]:
    yield from (Path(where) / name for where, _, names in os.walk(folder) for name in names)
