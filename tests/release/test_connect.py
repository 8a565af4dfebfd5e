"""The Pi image's own program: what it makes of the network at boot."""

from __future__ import annotations

import importlib.util
import ipaddress
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gateway.policy.config.config import parse_config
from gateway.policy.profile.edits import HOME_ORDER
from gateway.policy.yaml.documents import is_by_hand
from tests.release.image import RECIPE

PROGRAM = RECIPE / "files/usr/lib/qalqan-image/connect.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("connect", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


connect = load()
ROUTE = {"dst": "default", "gateway": "192.168.1.1", "dev": "eth0", "protocol": "dhcp",
         "prefsrc": "192.168.1.57"}  # fmt: skip
LINKS = [
    {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
    {"ifname": "eth0", "addr_info": [{"family": "inet", "local": "192.168.1.57", "prefixlen": 24}]},
]
HOME = connect.Network("eth0", "192.168.1.57/24", "192.168.1.1")


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(tmp_path, monkeypatch)


class Board:
    """Everything that the program reads and runs, in a folder and in lists."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config, self.card, self.screen = folder / "qalqan.yaml", folder / "qalqan.txt", folder / "issue"
        self.own_label, self.label = folder / "label.txt", folder / "label"
        self.ran: list[str] = []
        self.lease: object = None
        self.router_answers = False
        put = monkeypatch.setattr
        put(connect, "STATE", folder / "network.json")
        put(connect, "CONFIG", self.config)
        put(connect, "FIXED", folder / "known.network")
        put(connect, "SHOWN", (self.screen, self.card))
        put(connect, "OWN_LABEL", self.own_label)
        put(connect, "LABEL", self.label)
        put(connect, "LEASE_S", 0.0)
        put(connect, "ROUTER_S", 0.0)
        # networkd sends no DHCP request while it has a fixed address.
        put(connect, "leased", lambda: None if connect.FIXED.exists() else self.lease)
        put(connect, "answers", lambda _: self.router_answers)
        put(connect, "label", lambda: "ABCD-EFGH")
        put(connect, "_run", lambda *argv: self.ran.append(" ".join(argv)))
        put(connect.shutil, "chown", lambda *_: None)
        put(connect.time, "sleep", lambda _: None)
        put(connect.subprocess, "run", lambda *_, **__: None)

    def boot(self) -> int:
        """Run the program after a start of the board, which empties /run."""
        connect.FIXED.unlink(missing_ok=True)
        return int(connect.main())


def test_a_lease_is_read_from_the_routes() -> None:
    assert connect.lease_of([ROUTE], LINKS) == HOME


@pytest.mark.parametrize("routes", [[], [{**ROUTE, "protocol": "static"}], [{**ROUTE, "dev": "eth1"}]])
def test_other_routes_are_no_lease(routes: list[dict[str, object]]) -> None:
    assert connect.lease_of(routes, LINKS) is None


@pytest.mark.parametrize(
    ("address", "router", "expected"),
    [
        ("192.168.1.57/24", "192.168.1.1", "192.168.1.100-192.168.1.199"),
        ("192.168.1.157/24", "192.168.1.1", "192.168.1.20-192.168.1.99"),
        ("192.168.1.157/24", "192.168.1.50", "192.168.1.200-192.168.1.250"),
        ("10.0.0.5/16", "10.0.0.1", "10.0.100.0-10.0.199.0"),
        ("192.168.1.130/28", "192.168.1.129", "192.168.1.134-192.168.1.140"),
    ],
)
def test_the_range_contains_neither_this_board_nor_the_router(
    address: str, router: str, expected: str
) -> None:
    found = connect.free_range(connect.Network("eth0", address, router))
    assert found == expected
    first, last = map(ipaddress.IPv4Address, found.split("-"))
    own = ipaddress.IPv4Interface(address)
    assert first in own.network
    assert last in own.network
    assert not first <= own.ip <= last
    assert not first <= ipaddress.IPv4Address(router) <= last


def test_the_first_start_makes_a_gateway_with_one_arm(board: Board) -> None:
    board.lease = HOME
    assert connect.main() == 0
    assert board.ran == ["qalqan setup --yes --one-armed eth0 --dhcp none"]
    assert parse_config(board.config.read_bytes(), "x", lambda _: False).web.port == 80
    assert not is_by_hand(board.config.read_bytes(), HOME_ORDER), "setup would refuse to change it"
    for shown in (board.screen, board.card):
        text = shown.read_text("utf-8")
        assert "http://qalqan.local or http://192.168.1.57 " in text
        assert "ABCD-EFGH" in text


def test_another_start_in_the_same_network_changes_nothing(board: Board) -> None:
    board.lease = HOME
    connect.main()
    board.ran.clear()
    assert connect.main() == 0
    assert board.ran == []


def test_without_the_routers_dhcp_it_serves_addresses_and_stops_when_it_is_back(board: Board) -> None:
    board.lease = HOME
    connect.main()
    board.lease, board.router_answers = None, True
    board.ran.clear()
    assert board.boot() == 0
    assert board.ran == [
        *["networkctl reload"] * 3,  # its last address, DHCP once more, its last address
        "qalqan setup --yes --one-armed eth0 --dhcp 192.168.1.100-192.168.1.199",
    ]
    assert "Address=192.168.1.57/24\nGateway=192.168.1.1\n" in connect.FIXED.read_text("utf-8")
    assert connect.SERVES in board.screen.read_text("utf-8")
    board.ran.clear()
    assert board.boot() == 0
    assert board.ran == ["networkctl reload"], "the second time it only takes the address again"
    board.lease = HOME
    board.ran.clear()
    assert board.boot() == 0
    assert board.ran == ["qalqan setup --yes --one-armed eth0 --dhcp none"]


def test_a_router_that_is_off_is_not_replaced(board: Board) -> None:
    board.lease = HOME
    connect.main()
    board.lease = None
    board.ran.clear()
    assert connect.main() == 1
    assert board.ran == ["networkctl reload", "networkctl reload"]
    assert "Connect this machine to the router" in board.screen.read_text("utf-8")
    board.lease, board.router_answers = HOME, True  # it is on again when systemd tries again
    board.ran.clear()
    assert connect.main() == 0
    assert board.ran == []


def test_a_router_whose_dhcp_server_starts_last_is_not_replaced(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(_: str) -> bool:
        board.lease = HOME
        return True

    board.lease = HOME
    connect.main()
    board.lease = None
    monkeypatch.setattr(connect, "answers", answers)
    board.ran.clear()
    assert board.boot() == 0
    assert board.ran == ["networkctl reload", "networkctl reload"]


def test_without_any_network_it_waits(board: Board) -> None:
    assert connect.main() == 1
    assert board.ran == []
    assert not board.config.exists()


def test_the_familys_own_code_is_taken_from_the_card(board: Board) -> None:
    board.own_label.write_text("OWLS-4-KIDS\n", "utf-8")
    board.lease = HOME
    connect.main()
    assert board.label.read_text("utf-8") == "OWLS-4-KIDS\n"
    assert board.label.stat().st_mode & 0o777 == 0o600
    assert not board.own_label.exists()


def test_damaged_state_counts_as_none(board: Board) -> None:
    connect.STATE.write_text('{"interface": "eth0"', "utf-8")
    assert connect.read_known() is None
    connect.STATE.write_text('{"other": 1}', "utf-8")
    assert connect.read_known() is None
