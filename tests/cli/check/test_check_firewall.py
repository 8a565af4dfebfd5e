"""`check` and other programs' firewalls: as they write their rules, loaded into a kernel's own list."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from gateway.check.lan import public_ipv6
from gateway.check.rulesets import read_rules, rule_findings
from gateway.lan.machine import read_machine
from gateway.policy.config.config import Config
from tests.cli.check.test_check_network import HOME, ONE_ARM, bridges_apart, firewall_lines, lan_lines
from tests.kernel.home import Namespace
from tests.pace import longest

pytestmark = pytest.mark.lab

NO_FIREWALL = "warning ipv6: the home's devices have public IPv6 addresses, and no firewall meets what comes"
NO_MASQUERADE = "error uplink: eth0 does not masquerade: the router answers devices past this machine"
ARM = Config(lan=("eth0",))


@pytest.fixture
def space() -> Iterator[Namespace]:
    made = Namespace()
    with made.inside():
        yield made
    made.close()


@pytest.fixture
def public(space: Namespace) -> Namespace:
    """A home whose devices have addresses that all the world reaches."""
    space.ip(*HOME, "address add 2001:db8:77::1/64 dev br-lan nodad")
    for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        space.sysctl(name, 1)
    return space


@pytest.fixture
def arm(space: Namespace) -> Namespace:
    space.ip(*ONE_ARM)
    space.sysctl("ipv4/ip_forward", 1)
    return space


def load(space: Namespace, text: str) -> None:
    """A table of nft, or lines of iptables."""
    if text.lstrip().startswith("table"):
        space.run("nft", "-f", "-", text=text.replace("; }", ";\n}\n"))
    else:
        for line in text.strip().splitlines():
            space.run(*line.split())


# OpenWrt 24.10 with its default zones; what of it is met by what is forwarded.
FW4 = """
table inet fw4 {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state vmap { established : accept, related : accept }
    iifname "br-lan" jump forward_lan
    iifname "wan" jump forward_wan
    jump handle_reject
  }
  chain forward_lan { jump accept_to_wan; }
  chain forward_wan { icmpv6 type echo-request limit rate 1000/second accept; jump reject_to_wan; }
  chain accept_to_wan { oifname "wan" counter accept; }
  chain reject_to_wan { oifname "wan" counter jump handle_reject; }
  chain handle_reject { meta l4proto tcp reject with tcp reset; reject; }
}
"""
FIREWALLS = {
    "fw4": FW4,
    "fw4, policy accept": FW4.replace("policy drop", "policy accept"),
    "ufw": "ip6tables -P FORWARD DROP",
    "firewalld": """
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD_ZONES { }
}
""",
    "by hand": """
table ip6 mine {
  chain inbound { drop; }
  chain forward {
    type filter hook forward priority 0;
    iifname vmap { "br-lan" : accept, "wan" : goto inbound }
  }
}
""",
    "by hand, with state": """
table inet mine {
  chain f { type filter hook forward priority 0; iifname "wan" oifname "br-lan" ct state new,invalid drop; }
}
""",
    "by hand, all but": """
table ip6 mine { chain f { type filter hook forward priority 0; iifname != "br-lan" ct state new drop; } }
""",
    "iptables": "ip6tables -A FORWARD -i wan -j REJECT",
    "iptables with state": "ip6tables -A FORWARD -i wan -m conntrack --ctstate NEW -j DROP",
}
NONE = {
    "nothing": "",
    "accepts all": "table inet fw4 { chain f { type filter hook forward priority 0; policy accept; } }",
    "ours alone": "table inet qalqan { chain f { type filter hook forward priority 0; policy drop; } }",
    "over IPv4 alone": "table ip filter { chain f { type filter hook forward priority 0; policy drop; } }",
    "over IPv4 alone, in both": """
table inet mine { chain f { type filter hook forward priority 0; meta nfproto ipv4 iifname "wan" drop; } }
""",
    "what is meant for the gateway": """
table inet mine { chain f { type filter hook input priority 0; policy drop; } }
""",
    "Docker": """
ip6tables -N DOCKER
ip6tables -A FORWARD -o docker0 -j DOCKER
ip6tables -A FORWARD -i docker0 -j ACCEPT
ip6tables -A DOCKER ! -i docker0 -o docker0 -j DROP
""",
    "Tailscale": """
ip6tables -N ts-forward
ip6tables -A FORWARD -j ts-forward
ip6tables -A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
ip6tables -A ts-forward -o tailscale0 -j DROP
""",
    "fail2ban": """
table inet f2b-table {
  set addr6-set { type ipv6_addr; elements = { 2001:db8:bad::1 }
  }
  chain f2b-chain { type filter hook forward priority filter - 1; ip6 saddr @addr6-set tcp dport 22 drop; }
}
""",
    "what is invalid": "ip6tables -A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "what leaves the home": """
table inet mine { chain f { type filter hook forward priority 0; iifname "br-lan" tcp dport 25 drop; } }
""",
    "a chain that gives back": """
table ip6 mine {
  chain g { return; }
  chain f { type filter hook forward priority 0; jump g; }
}
""",
}


@pytest.mark.parametrize("name", FIREWALLS)
def test_a_firewall_is_one(public: Namespace, name: str) -> None:
    load(public, FIREWALLS[name])
    assert public_ipv6(Config(), read_machine())
    assert firewall_lines(Config()) == []


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_firewall_for_the_home(public: Namespace, name: str) -> None:
    load(public, NONE[name])
    (line,) = firewall_lines(Config())
    assert line.startswith(NO_FIREWALL)


def test_without_public_addresses_nobody_needs_one(space: Namespace) -> None:
    space.ip(*HOME, "address add fd77::1/64 dev br-lan nodad")
    space.sysctl("ipv6/conf/all/forwarding", 1)
    assert firewall_lines(Config()) == []
    space.ip("address add 2001:db8:77::1/64 dev br-lan nodad")
    assert len(firewall_lines(Config())) == 1


# -------------------------------------------------------------------- one arm

MASQUERADES = {
    "iptables": "iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE",
    "ufw": "iptables -t nat -A POSTROUTING -s 192.168.77.0/24 -o eth0 -j MASQUERADE",
    "but to the home": "iptables -t nat -A POSTROUTING -o eth0 ! -d 192.168.77.0/24 -j MASQUERADE",
    "snat": "iptables -t nat -A POSTROUTING -o eth0 -j SNAT --to-source 192.168.77.2",
    "fw4": """
table inet fw4 {
  chain srcnat { type nat hook postrouting priority srcnat; oifname "eth0" jump srcnat_lan; }
  chain srcnat_lan { meta nfproto ipv4 masquerade; }
}
""",
    "nft": """
table ip nat {
  chain post {
    type nat hook postrouting priority 100
    ip saddr 192.168.77.0/24 ip daddr != 192.168.77.0/24 masquerade
  }
}
""",
}
NO_MASQUERADES = {
    "nothing": "",
    "Docker": "iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
    "a tunnel's clients": "iptables -t nat -A POSTROUTING -s 10.6.0.0/24 -o eth0 -j MASQUERADE",
    "Tailscale": "iptables -t nat -A POSTROUTING -m mark --mark 0x40000/0xff0000 -j MASQUERADE",
    "another way": "iptables -t nat -A POSTROUTING -o wg0 -j MASQUERADE",
    "over IPv6": "ip6tables -t nat -A POSTROUTING -o eth0 -j MASQUERADE",
}


@pytest.mark.parametrize("name", MASQUERADES)
def test_one_arm_that_masquerades(arm: Namespace, name: str) -> None:
    load(arm, MASQUERADES[name])
    assert firewall_lines(ARM) == []


@pytest.mark.parametrize("name", NO_MASQUERADES)
def test_one_arm_whose_answers_go_past_it(arm: Namespace, name: str) -> None:
    load(arm, NO_MASQUERADES[name])
    (line,) = firewall_lines(ARM)
    assert line.startswith(NO_MASQUERADE)


def test_two_arms_need_none(space: Namespace) -> None:
    space.ip(*HOME)
    assert firewall_lines(Config()) == []


# -------------------------------------------------------------------- however many rules there are


def test_block_lists_of_a_hundred_thousand_addresses_cost_nothing(public: Namespace) -> None:
    """As banIP loads them."""
    elements = ", ".join(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(100_000))
    banned = f"set banned {{ type ipv4_addr; elements = {{ {elements} }}\n}}\n"
    chain = "chain f { type filter hook forward priority 0; ip saddr @banned drop; }"
    load(public, f"table inet banIP {{\n{banned}{chain} }}")
    began = time.process_time(), time.monotonic()
    rules = read_rules()
    assert [str(finding) for finding in rule_findings(Config(), rules) if finding.level != "ok"] == []
    assert len(firewall_lines(Config())) == 1
    assert time.monotonic() - began[1] < longest(1.0)
    assert time.process_time() - began[0] < 0.5


def test_a_home_with_all_of_it(public: Namespace) -> None:
    """A healthy router with fw4: nothing is said."""
    load(public, FW4)
    bridges_apart(public)
    assert lan_lines(Config()) == []
    assert firewall_lines(Config()) == []
    assert [str(finding) for finding in rule_findings(Config(), read_rules()) if finding.level != "ok"] == []
