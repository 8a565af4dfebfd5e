"""`qalqan check` on the gateway of a healthy home, with the daemon and the pages running."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, PROFILES, fresh
from tests.lab.home import Home

pytestmark = pytest.mark.lab

# As fw4 has it for its two default zones.
FIREWALL = f"""
table inet lab_fw {{
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state {{ established, related }} accept
    iifname "{names.LAN}" accept
  }}
}}
"""
# Of the machine that the lab is on, and not of the home.
HERE = ("disk", "time", "help")


def findings(home: Home, daemon: Daemon) -> list[str]:
    done = home.gateway.run([sys.executable, "-m", "gateway", "check", "--config", str(daemon.config)])
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) > 12
    found = [line for line in lines if not line.startswith("ok ")]
    return [line for line in found if line.split(" ")[1].rstrip(":") not in HERE]


@pytest.fixture
def home() -> Iterator[Home]:
    """A home in which each device that is there has a person."""
    with Home(absent=(names.NEW.key,)) as built:
        yield built


def test_nothing_is_wrong_with_a_healthy_home(home: Home) -> None:
    healthy = fresh(home, PROFILES)
    healthy._with_web = True
    with healthy as daemon:
        no_lists, no_firewall = findings(home, daemon)
        assert no_lists.startswith("warning lists: none was downloaded yet")
        assert no_firewall.startswith(
            "warning ipv6: the home's devices have public IPv6 addresses, and no firewall"
        )
        home.gateway.run(["nft", "-f", "-"], stdin=FIREWALL, check=True)
        try:
            assert findings(home, daemon) == [no_lists]
        finally:
            home.gateway.run(["nft", "delete", "table", "inet", "lab_fw"], check=True)


def test_a_device_that_is_not_filtered_for_lack_of_a_choice_is_named() -> None:
    with Home() as built:
        assert clients.dig(built.devices["new"], ALLOWED).records  # it is there before the filter is
        with fresh(built, PROFILES) as daemon:
            found = findings(built, daemon)
    (line,) = (line for line in found if line.startswith("warning devices: not filtered until a parent"))
    assert names.NEW.mac in line
