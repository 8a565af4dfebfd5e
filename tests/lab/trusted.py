"""The lab's own trusted name: an authority that its devices trust, and a gateway that has its certificate."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab.clients import Outcome, curl
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace
from tests.web.authority import NAME, Pair, TrustedAuthority

ORIGIN = f"https://{NAME}"
PLAIN = "http://qalqan.home.arpa"
LONG = 30.0  # seconds: the front looks at its files every two, and reads a certificate in some more


class Trusted:
    """Its daemon takes certificates as its command does; ``web_user``: the pages have a user of their own."""

    def __init__(
        self, home: Home, profiles: Mapping[str, Mapping[str, Any]], *, web_user: bool = True, **settings: Any
    ) -> None:
        shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
        self.home = home
        self.authority = TrustedAuthority("Lab authority")
        self.root = home.folder / "trusted-root.pem"
        self.root.write_bytes(self.authority.root_pem)
        self._tls, self._fetched = home.folder / "qalqan" / "tls", home.folder / "fetched"
        self._fetched.mkdir(exist_ok=True)
        https = {"name": NAME, "certificate": f"{self._tls}/chain.pem", "key": f"{self._tls}/key.pem"}
        web = {"port": WEB_PORT, "https": https}
        self.daemon = Daemon(home, profiles, settings={"web": web, **settings}, web=True, web_user=web_user)

    def renew(self, pair: Pair) -> subprocess.CompletedProcess[str]:
        """As the hook of a client calls it when it has fetched a new one."""
        pair.put(self._fetched)
        files = [str(self._fetched / name) for name in ("chain.pem", "key.pem")]
        words = ["certificate", "install", *files, "--config", str(self.daemon.config)]
        return subprocess.run(
            self.home.gateway.command([sys.executable, "-m", "gateway", *words]),
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def put(self, pair: Pair) -> None:
        """Past the command, which takes none that has ended."""
        pair.put(self._tls)
        os.chown(self._tls / "key.pem", 0, self.key_group)

    @property
    def front_pid(self) -> int:
        found = self.home.gateway.run(["pgrep", "-P", str(self.daemon.web_pid), "-f", "gateway.web.front"])
        return int(found.stdout)

    @property
    def key_group(self) -> int:
        return (self._tls / "key.pem").stat().st_gid

    def ask(self, device: str, path: str, *extra: str, version: int = 4) -> Outcome:
        """By a client that trusts the lab's authority alone, and asks the device's own resolver."""
        trusts = ["--cacert", str(self.root), f"-{version}", *extra]
        return _checking(self.home.devices[device], f"{ORIGIN}{path}", trusts)

    def met(self) -> bool:
        return self.ask("parent", "/calendar").reached


def _checking(device: Namespace, url: str, extra: list[str]) -> Outcome:
    """`clients.curl` without its leave to take any certificate: what stands last holds."""
    return curl(device, url, timeout=10, extra=["--no-insecure", *extra])


def trusting_home(folder: Path, root: Path) -> dict[str, str]:
    """The environment of a browser whose own store of authorities (NSS) has the lab's."""
    store = folder / ".pki" / "nssdb"
    store.mkdir(parents=True)
    where = ["-d", f"sql:{store}"]
    subprocess.run(["certutil", "-N", "--empty-password", *where], check=True, timeout=30)
    add = ["certutil", "-A", "-n", "lab", "-t", "C,,", "-i", str(root), *where]
    subprocess.run(add, check=True, timeout=30)
    return {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder / ".local" / "share")}
