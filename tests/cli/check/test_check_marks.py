"""`check` finds rules of other programs that use our bits of the marks, in a real kernel's own list."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab


def in_a_kernel(config: Path, rules: str, *, before: str = "") -> list[str]:
    """What is said of marks where a kernel of its own has these rules of other programs."""
    path = config.with_name("rules.nft")
    path.write_text(rules)
    load = f"nft -f {path} && " if rules else ""
    script = f"{before}{load}{sys.executable} -m gateway check --config {config}"
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line.split(" ")[1] == "marks:"]


def chain(*rules: str, table: str = "ip other") -> str:
    inner = "\n".join(rules)
    return f"table {table} {{\nchain a {{\ntype filter hook forward priority 0\n{inner}\n}}\n}}\n"


FIX = "move ours with marks: in qalqan.yaml, or theirs"
CLASH = "error marks: table ip other uses bits of the {} mark that are ours ({}): " + FIX
OF_PACKETS, OF_CONNECTIONS = CLASH.format("packet", "0x000000ff"), CLASH.format("connection", "0x00ff00ff")
NO_CLASH = "ok marks: no other rule uses our bits"


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        (["meta mark set 0x1"], [OF_PACKETS]),
        (["meta mark set meta mark and 0xffffff00 or 0x42"], [OF_PACKETS]),
        (["meta mark set meta mark or 0x80"], [OF_PACKETS]),
        (["meta mark & 0x0000000f == 0x1 accept"], [OF_PACKETS]),
        (["meta mark vmap { 0x1 : accept, 0x2 : drop }"], [OF_PACKETS]),
        (["meta mark set tcp dport map { 80 : 0x1, 443 : 0x2 }"], [OF_PACKETS]),
        (["ct mark set 0x1"], [OF_CONNECTIONS]),
        (["ct mark set ct mark and 0xff00ffff or 0x10000"], [OF_CONNECTIONS]),
        (["meta mark set ct mark"], [OF_PACKETS, OF_CONNECTIONS]),
        (["meta mark set meta mark and 0xffff00ff or 0x100"], [NO_CLASH]),
        (["meta mark & 0xff000000 == 0x1000000 accept", "ct mark & 0xff00 == 0x100 accept"], [NO_CLASH]),
        (["tcp dport 80 accept"], [NO_CLASH]),
    ],
    ids=lambda value: value[0] if value[0].startswith(("meta", "ct", "tcp")) else "",
)
def test_a_real_table_of_another_program(config: Path, rules: list[str], wanted: list[str]) -> None:
    assert in_a_kernel(config, chain(*rules)) == wanted


def test_every_table_is_reported_once_and_ours_not_at_all(config: Path) -> None:
    ours = chain("meta mark set 0x1", table="inet qalqan")
    others = chain("meta mark set 0x1", "meta mark set 0x2") + chain("ct mark set 0x1", table="inet third")
    found = in_a_kernel(config, ours + others)
    assert found == [OF_PACKETS, OF_CONNECTIONS.replace("ip other", "inet third")]
    assert in_a_kernel(config, ours) == [NO_CLASH]


def test_a_clash_ends_where_our_bits_are_moved(config: Path) -> None:
    config.write_text(config.read_text() + "marks: {packet: 0xff000000}\n")
    assert in_a_kernel(config, chain("meta mark set meta mark or 0x1")) == [NO_CLASH]
    moved = OF_PACKETS.replace("0x000000ff", "0xff000000")
    assert in_a_kernel(config, chain("meta mark set 0x1")) == [moved]


def test_a_clash_with_a_rule_of_iptables(config: Path) -> None:
    rule = "iptables -t mangle -A FORWARD -j MARK --set-xmark {} && "
    (found,) = in_a_kernel(config, "", before=rule.format("0x1/0xff"))
    assert found.startswith("error marks: iptables, table mangle uses bits of the packet mark that are ours")
    assert in_a_kernel(config, "", before=rule.format("0x100/0xff00")) == [NO_CLASH]


# As wg-quick(8) writes them where a tunnel takes all traffic; the lab tries that DNS is judged beside it.
WG_QUICK = """
table ip wg-quick-wg0 {
  chain preraw { type filter hook prerouting priority -300; iifname != "wg0" ip daddr 10.9.0.2 drop; }
  chain premangle { type filter hook prerouting priority -150; meta l4proto udp meta mark set ct mark; }
  chain postmangle {
    type filter hook postrouting priority -150; meta l4proto udp meta mark 51820 ct mark set meta mark;
  }
}
"""


def test_a_tunnel_of_wg_quick_is_no_clash(config: Path) -> None:
    found = in_a_kernel(config, WG_QUICK)
    assert found == [TUNNEL]


TUNNEL = (
    "note marks: table ip wg-quick-wg0 copies its connections' marks to packets, as a tunnel may: "
    "no action is needed"
)


def test_tailscale_and_mwan3_use_other_bits(config: Path) -> None:
    rules = (
        "-j MARK --set-xmark 0x40000/0xff0000",
        "-m mark --mark 0x40000/0xff0000 -j ACCEPT",
        "-j CONNMARK --restore-mark --nfmask 0x3f00 --ctmask 0x3f00",
    )
    before = "".join(f"iptables -t mangle -A FORWARD {rule} && " for rule in rules)
    assert in_a_kernel(config, "", before=before) == [NO_CLASH]
