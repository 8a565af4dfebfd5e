"""Builds the desired nftables state from the current rules and interfaces."""

from __future__ import annotations

from gateway.dataplane.resolved_addresses import HelpAddresses
from gateway.household.rule_book import RuleBook
from gateway.kernel.snapshot import Snapshot
from gateway.lan import interfaces as lan
from gateway.lan.uplink import ways_out
from gateway.policy.config.web import PAGES


def desired_snapshot(
    rules: RuleBook,
    inside: tuple[str, ...],
    help_addresses: HelpAddresses,
    help_port: int | None,
    dns_port: int | None,
    now: Snapshot,
) -> Snapshot:
    """Return the desired state without slots, owners and open classes.

    ``inside``: the interfaces that face the LAN. ``now`` has the marks, which stay the same for the daemon's
    life. While there is no default route, the last known layout applies; at first the one-armed layout, whose
    rules also work with two interfaces.
    """
    config = rules.household.config
    out = ways_out()
    texts = sorted(map(lan.text, help_addresses.addresses))
    return Snapshot(
        lan=inside,
        arm=not out.isdisjoint(config.lan) if out else now.arm,
        queue_base=config.queue_base,
        layout=now.layout,
        dns_port=dns_port,
        dns_for_everyone=rules.binds_everyone,
        pages=PAGES,
        page_port=config.web.port,
        page_tls_port=None if config.web.https is None else config.web.https.port,
        page_labels=tuple(sorted({name.partition(".")[0] for name in rules.world.gateway_names})),
        door_ports=None if config.gateway_open else config.gateway_ports,
        help4=tuple(address for address in texts if ":" not in address),
        help6=tuple(address for address in texts if ":" in address),
        help_dns_port=help_port,
    )
