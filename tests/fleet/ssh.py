"""Real SSH servers on simulated gateways, as OpenWISP reaches them over a management network."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.gateway_agent import ENVIRONMENT, Gateway
from tests.fleet.image import FAILS
from tests.fleet.server import STOP, Server, free_port, wait_for

SSHD = "/usr/sbin/sshd"
KEYS = "etc/dropbear"  # OpenWrt's SSH server has its keys here, and sysupgrade keeps them
OPTIONS = {
    "HostKey": f"/{KEYS}/host_key",
    "AuthorizedKeysFile": f"/{KEYS}/authorized_keys",
    "PidFile": "/tmp/sshd.pid",
    "StrictModes": "no",
    "PasswordAuthentication": "no",
    "SetEnv": " ".join(f"{name}={value}" for name, value in ENVIRONMENT.items()),
}
# Runs as the first process of the gateway. `sysupgrade` ends sshd, which starts again as after a boot.
BOOT = f"until [ -e /etc/{FAILS} ]; do {SSHD} -D -f /tmp/sshd_config -E /tmp/sshd.log; sleep 1; done"


@dataclass(frozen=True, slots=True)
class Access:
    """The provider's public key, the gateways' port, and the id of the credentials at the server."""

    key: str
    port: int
    credentials: str


def add_credentials(server: Server, folder: Path) -> Access:
    """Make a key and store it at the server."""
    key, port = folder / "key", free_port()
    _make_key(key)
    body = {
        "connector": "openwisp_controller.connection.connectors.ssh.Ssh", "name": "Management",
        "organization": server.organization, "auto_add": False,
        "params": {"username": "root", "key": key.read_text(), "port": port},
    }  # fmt: skip
    credentials = server.api("POST", "controller/credential/", body)["id"]
    return Access(key.with_suffix(".pub").read_text(), port, credentials)


@contextmanager
def connected(server: Server, gateway: Gateway, access: Access) -> Iterator[None]:
    """Run an SSH server on the gateway, which OpenWISP uses."""
    with ssh_server(gateway, access.key, access.port):
        gateway.cycle()  # reports its address
        body = {
            "credentials": access.credentials, "enabled": True,
            "update_strategy": "openwisp_controller.connection.connectors.openwrt.ssh.OpenWrt",
        }  # fmt: skip
        server.api("POST", f"{server.device_path(gateway.identity)}connection/", body)
        yield


@contextmanager
def ssh_server(gateway: Gateway, key: str, port: int) -> Iterator[None]:
    """Run an SSH server on the gateway, which takes this public key."""
    (gateway.root / KEYS).mkdir()
    _make_key(gateway.root / KEYS / "host_key")
    gateway.write(f"{KEYS}/authorized_keys", key)
    (gateway.root / "run/sshd").mkdir(parents=True)
    options = {**OPTIONS, "ListenAddress": f"{gateway.address}:{port}"}
    gateway.write("tmp/sshd_config", "".join(f"{name} {value}\n" for name, value in options.items()))
    # What the upgrader reads and writes. The machine's own files would drop the machine's caches.
    gateway.write("proc/meminfo", "MemAvailable:      65536 kB\n")
    gateway.write("proc/sys/vm/drop_caches", "")
    argv = gateway.inside(["sh", "-c", BOOT], "--pid", "--fork", "--kill-child")
    process = subprocess.Popen(argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, gateway.address)
        gateway.managed = True
        yield
    finally:
        process.kill()  # `unshare` ignores SIGTERM while it waits; all of the gateway ends with it
        process.wait(STOP)


def _make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
