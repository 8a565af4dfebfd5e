"""`qalqan setup` on the gateway of the home: it translates by what setup wrote, and by nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import names
from tests.lab.filtering import ALLOWED, REFUSED, fetch, fresh
from tests.lab.home import Home
from tests.lab.topology import MASQUERADE

pytestmark = [pytest.mark.lab, pytest.mark.slow]


@pytest.fixture
def untranslated(home: Home) -> Iterator[Home]:
    """Nobody outside knows the way back to the home's addresses."""
    home.gateway.run(["nft", "delete", "table", "ip", "lab_nat"], check=True)
    try:
        yield home
    finally:
        home.gateway.run(["nft", "-f", "-"], stdin=MASQUERADE, check=True)


def qalqan(home: Home, *words: str) -> str:
    return home.gateway.run([sys.executable, "-m", "gateway", "setup", *words], check=True).stdout


def test_it_makes_a_gateway_and_takes_it_back(untranslated: Home, tmp_path: Path) -> None:
    tablet = untranslated.devices["tablet"]
    assert not fetch(tablet, f"https://{ALLOWED}/", 4, timeout=1.0).reached
    said = qalqan(untranslated, "--root", str(tmp_path), "--yes")
    assert f"The home is behind {names.LAN}, the internet behind {names.WAN}." in said
    assert "IPv6 goes through this machine too, and is filtered like IPv4" in said
    with fresh(untranslated):
        for version in (4, 6):
            assert fetch(tablet, f"https://{ALLOWED}/", version).reached
            assert not fetch(tablet, f"https://{REFUSED}/", version).reached
    qalqan(untranslated, "--root", str(tmp_path), "--undo", "--yes")
    untranslated.gateway.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
    assert not fetch(tablet, f"https://{ALLOWED}/", 4, timeout=1.0).reached
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []
