"""Sets up Qalqan on a Raspberry Pi that has neither keyboard nor screen, with the network found at boot.

The board has one network port, so it becomes a gateway with one arm:

- The router's DHCP server answers: the board uses the address that it gets, and serves no addresses.
- The router answers, and no DHCP server does: the family has switched it off. The board keeps its last
  address and serves addresses itself, so that devices use it as their gateway.
- The router does not answer: the board waits. After a power cut a router starts more slowly than the board.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

PROGRAM = "/usr/lib/qalqan"
STATE = Path("/var/lib/qalqan-image/network.json")
CONFIG = Path("/etc/qalqan/qalqan.yaml")
LABEL = Path("/var/lib/qalqan/label")
OWN_LABEL = Path("/boot/firmware/label.txt")  # the family may write a code before the first start
SHOWN = (Path("/run/issue.d/qalqan.issue"), Path("/boot/firmware/qalqan.txt"))  # on the screen, on the card
FIXED = Path("/run/systemd/network/10-known.network")
PAGES = "http://qalqan.local"
PORT = "80"
LEASE_S, ROUTER_S = 45.0, 20.0
# Parts of the network, in 256ths, that may serve as the range of addresses for devices; the first free one.
RANGES = ((100, 199), (20, 99), (200, 250))

ONLY_ROUTER = "The router gives addresses. Devices are filtered once they use this machine as their gateway."
SERVES = "This machine gives addresses. Devices that join from now on are filtered."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Network:
    """The home network, as it was found at the last start."""

    interface: str
    address: str  # of this board, with the prefix length
    router: str
    served: str = ""  # range of addresses that this board assigns; empty: the router does


def main() -> int:
    use_own_label()
    known = read_known()
    found = poll(leased, LEASE_S)
    if found is None and known is not None:
        found = without_lease(known)
    if found is None:
        show("No network yet. Connect this machine to the router by cable.")
        return 1  # systemd starts it again
    if found != known or not CONFIG.exists():
        set_up(found)
        write_known(found)
    show("\n".join(lines(found, label())))
    return 0


def without_lease(known: Network) -> Network | None:
    """Return the known network, if its router answers but gave no lease; None if the router does not answer.

    If it answers, this board serves addresses (``served``). A router that starts answers before its DHCP
    server does. So before this board begins to serve, it asks the DHCP server once more, and returns the
    network of a lease.
    """
    use_address(known)
    if poll(lambda: answers(known.router) or None, ROUTER_S):
        if not known.served:
            ask_for_lease()
            if (found := poll(leased, LEASE_S)) is not None:
                return found
            use_address(known)
        return replace(known, served=free_range(known))
    ask_for_lease()  # in time for the next try
    return None


def poll(ask: Callable[[], T | None], seconds: float) -> T | None:
    """Ask once a second until there is an answer; None after ``seconds``."""
    until = time.monotonic() + seconds
    while (answer := ask()) is None and time.monotonic() < until:
        time.sleep(1)
    return answer


# ---------------------------------------------------------------------------------- the network


def leased() -> Network | None:
    """Return the network of which a DHCP server assigned an address to this board; None without a lease."""
    return lease_of(_ip("route", "show", "default"), _ip("address", "show", "up"))


def lease_of(routes: Iterable[Mapping[str, object]], links: Iterable[Mapping[str, object]]) -> Network | None:
    """Return the network of the first default route that DHCP brought, from the JSON output of ``ip``."""
    for route in routes:
        if route.get("protocol") != "dhcp":
            continue
        for link in links:
            addresses = link.get("addr_info")
            if link.get("ifname") != route.get("dev") or not isinstance(addresses, list):
                continue
            for entry in addresses:
                if entry.get("family") == "inet" and entry.get("local") == route.get("prefsrc"):
                    own = f"{entry['local']}/{entry['prefixlen']}"
                    return Network(str(link["ifname"]), own, str(route["gateway"]))
    return None


def free_range(network: Network) -> str:
    """Return the range of addresses for devices, ``FIRST-LAST``, without this board's and the router's."""
    own = ipaddress.IPv4Interface(network.address)
    taken = {own.ip, ipaddress.IPv4Address(network.router)}
    size = own.network.num_addresses
    for first, last in RANGES:
        low, high = (own.network.network_address + part * size // 256 for part in (first, last))
        if not any(low <= ip <= high for ip in taken):
            return f"{low}-{high}"
    msg = f"{network.address}: two addresses are in at most two of three ranges"
    raise AssertionError(msg)


def use_address(network: Network) -> None:
    """Give this board its last address without a DHCP server, until the next start."""
    lines = ("[Match]", f"Name={network.interface}", "", "[Network]", f"Address={network.address}",
             f"Gateway={network.router}", f"DNS={network.router}", "MulticastDNS=yes")  # fmt: skip
    _write(FIXED, "".join(f"{line}\n" for line in lines))
    FIXED.chmod(0o644)
    _run("networkctl", "reload")


def ask_for_lease() -> None:
    """Undo ``use_address``, so that this board asks for an address again."""
    FIXED.unlink(missing_ok=True)
    _run("networkctl", "reload")


def answers(router: str) -> bool:
    done = subprocess.run(["ping", "-q", "-c", "1", "-W", "1", router], capture_output=True, check=False)
    return done.returncode == 0


def read_known() -> Network | None:
    try:
        return Network(**json.loads(STATE.read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # the first start, or power was cut while it was written


def write_known(network: Network) -> None:
    _write(STATE, json.dumps(asdict(network)))


def _ip(*words: str) -> list[dict[str, object]]:
    done = subprocess.run(["ip", "-json", "-4", *words], capture_output=True, text=True, check=True)
    found: list[dict[str, object]] = json.loads(done.stdout or "[]")
    return found


# -------------------------------------------------------------------------------------- Qalqan


def use_own_label() -> None:
    """Move the label code that the family wrote to the card to the daemon's file, unless that exists.

    The daemon checks the code when it starts.
    """
    if OWN_LABEL.exists() and not LABEL.exists():
        _write(LABEL, OWN_LABEL.read_text("ascii", "replace"))
        shutil.chown(LABEL, "qalqan", "qalqan")
        OWN_LABEL.unlink()


def set_up(network: Network) -> None:
    if not CONFIG.exists():
        _write(CONFIG, settings())
        shutil.chown(CONFIG, "qalqan", "qalqan-web")
        CONFIG.chmod(0o640)
    _run("qalqan", "setup", "--yes", "--one-armed", network.interface, "--dhcp", network.served or "none")


def settings() -> str:
    """Return the first qalqan.yaml. ``qalqan setup`` adds the rest."""
    from gateway.policy.profile.edits import home_text

    return home_text({"web": {"port": PORT}}).decode()


def label() -> str:
    """Start the daemon, and return the label code while the gateway has no parent; empty afterwards."""
    from gateway.cli.settings import control_socket, read_config
    from gateway.control.client import Client
    from gateway.control.contract.accounts import ACCOUNTS

    _run("systemctl", "start", "qalqan.service")
    return Client(control_socket(read_config(CONFIG))).ask(ACCOUNTS, action="list").label or ""


def lines(network: Network, code: str) -> list[str]:
    """Return the lines of text for the screen and for the card. ``code``: the label code; empty: none."""
    own = ipaddress.IPv4Interface(network.address).ip
    found = [f"Open {PAGES} or http://{own} on a phone or computer in this network."]
    if code:
        found.append(f"Code on the label: {code}")
    return [*found, SERVES if network.served else ONLY_ROUTER]


def show(text: str) -> None:
    for path in SHOWN:
        _write(path, f"Qalqan\n\n{text}\n\n")
    subprocess.run(["agetty", "--reload"], check=False)
    print(text, flush=True)


def _write(path: Path, text: str) -> None:
    """Replace a file completely or not at all. The new content is on the disk before it gets the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    # The mode at creation, since FAT refuses to change it later.
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    sys.path.insert(0, PROGRAM)
    sys.exit(main())
