"""Renders setup's plan as files. Pure: paths → content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.policy.config.captive_portal import dnsmasq_options
from gateway.policy.config.config import parse_config
from gateway.policy.profile.edits import HOME_ORDER, home_text
from gateway.policy.time.list_update_times import UpdateInterval
from gateway.policy.yaml.documents import Document, document, is_by_hand, parse_document
from gateway.setup.facts import NAT_TABLE, MachineFacts, SetupPlan

SYSCTL = "etc/sysctl.d/90-qalqan.conf"  # relative to the root
DNSMASQ = "etc/dnsmasq.d/qalqan.conf"
NAT = "nat.nft"  # next to qalqan.yaml
_HEAD = "# Written by `qalqan setup`, which overwrites changes. `qalqan setup --undo` removes this file."


def files(plan: SetupPlan, facts: MachineFacts, root: Path = Path("/")) -> Mapping[Path, bytes]:
    """Return the content of each file that setup will write, by path. Writes nothing.

    Raises PolicyError for settings that the daemon would refuse.
    """
    found = {facts.config_path: config(plan, facts), root / SYSCTL: sysctl(plan)}
    nat = translation(plan)
    if nat:
        found[facts.config_path.with_name(NAT)] = nat
    drop_in = dnsmasq(plan, trusted_name(existing_settings(facts)))
    if drop_in:
        found[root / DNSMASQ] = drop_in
    return found


def config(plan: SetupPlan, facts: MachineFacts) -> bytes:
    """Return the content of qalqan.yaml with the plan's settings. Raises PolicyError if these are invalid.

    Other settings of a valid existing file stay, but not its comments; without a change it stays byte for
    byte. A file that is not valid YAML is replaced.
    """
    before = existing_settings(facts)
    after: Document = {**before, "lan": list(plan.lan)}
    if plan.country:
        after["country"] = plan.country
    else:
        after.pop("country", None)
    if plan.timezone:
        after["timezone"] = plan.timezone
    if plan.lists_update is not existing_interval(before):
        lists = before.get("lists")
        after["lists"] = {**(lists if isinstance(lists, dict) else {}), "update": plan.lists_update.value}
    if plan.leases and "leases" not in after:
        after["leases"] = plan.leases
    if facts.config is not None and after == before:
        return facts.config
    text = home_text(after)
    parse_config(text, str(facts.config_path), lambda _: False)
    return text


def existing_settings(facts: MachineFacts) -> Document:
    """Return the settings in the existing qalqan.yaml; empty if it is missing or no valid YAML."""
    try:
        return _settings(facts)
    except PolicyError:
        return {}


def reading_error(facts: MachineFacts) -> PolicyError | None:
    """Return why the existing qalqan.yaml cannot be read; None if it can, or if there is none."""
    try:
        _settings(facts)
    except PolicyError as error:
        return error
    return None


def _settings(facts: MachineFacts) -> Document:
    return document(parse_document(facts.config, str(facts.config_path))) if facts.config else {}


def existing_interval(document: Document) -> UpdateInterval:
    """Return the update interval of lists in the settings of a qalqan.yaml.

    Daily if there is none, or an unknown one.
    """
    lists = document.get("lists")
    word = lists.get("update") if isinstance(lists, dict) else None
    known = {interval.value: interval for interval in UpdateInterval}
    return known.get(word, UpdateInterval.DAILY) if isinstance(word, str) else UpdateInterval.DAILY


def by_hand(facts: MachineFacts) -> bool:
    """Return whether the existing qalqan.yaml was written by hand, not by a program of Qalqan."""
    return facts.config is not None and is_by_hand(facts.config, HOME_ORDER)


def sysctl(plan: SetupPlan) -> bytes:
    return _text(f"{name} = {value}" for name, value in plan.sysctls)


def trusted_name(settings: Document) -> str:
    """Return the trusted HTTPS name of the pages from the settings of a qalqan.yaml; empty without one."""
    web = settings.get("web")
    https = web.get("https") if isinstance(web, dict) else None
    name = https.get("name") if isinstance(https, dict) else None
    return name if isinstance(name, str) else ""


def dnsmasq(plan: SetupPlan, name: str = "") -> bytes:
    """Return the content of setup's file for dnsmasq: lease events and DHCP; empty without both.

    ``name``: the trusted HTTPS name of the pages; DHCP announces the captive-portal address at that name;
    empty: none.
    """
    lines = []
    if plan.hook:
        lines.append(f"dhcp-script={plan.hook}")
    if plan.pool is not None:
        lines += [f"interface={name}" for name in plan.lan]
        # Otherwise it would use port 53 of all addresses, also where another resolver has it. Not twice:
        # dnsmasq does not start with both bind-dynamic and bind-interfaces.
        lines += [] if plan.bound else ["bind-dynamic"]
        lines.append("dhcp-authoritative")
        lines.append(f"dhcp-range={plan.pool.first},{plan.pool.last},{plan.netmask},12h")
    if lines and name:
        lines += dnsmasq_options(name)
    return _text(lines) if lines else b""


def translation(plan: SetupPlan) -> bytes:
    """Return nftables rules that give outgoing packets this machine's address (NAT); empty for none.

    With one arm (one interface for LAN and internet) the router would otherwise respond to the device
    directly. Rules then also drop redirects, since the kernel has no switch for those of IPv6.
    """
    rules = list(_postrouting(plan))
    if not rules and not plan.one_armed:
        return b""
    lines = [f"table inet {NAT_TABLE}", f"delete table inet {NAT_TABLE}", f"table inet {NAT_TABLE} {{"]
    if rules:
        lines += ["\tchain postrouting {", "\t\ttype nat hook postrouting priority srcnat; policy accept;"]
        lines += [*(f"\t\t{rule}" for rule in rules), "\t}"]
    if plan.one_armed:
        lines += ["\tchain redirects {", "\t\ttype filter hook output priority filter; policy accept;"]
        lines += [
            f'\t\toifname "{plan.wan}" {kind} drop'
            for kind in ("icmp type redirect", "icmpv6 type nd-redirect")
        ]
        lines.append("\t}")
    return _text((*lines, "}"))


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in (_HEAD, *lines)).encode()


def _postrouting(plan: SetupPlan) -> Iterator[str]:
    names = ", ".join(f'"{name}"' for name in plan.lan)
    inside = names if len(plan.lan) == 1 else f"{{ {names} }}"
    for version, wanted in (("ipv4", plan.masquerade4), ("ipv6", plan.masquerade6)):
        if wanted:
            yield f'iifname {inside} oifname "{plan.wan}" meta nfproto {version} masquerade'
