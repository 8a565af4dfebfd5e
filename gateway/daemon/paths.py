"""What judges packets, put together from the daemon's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.daemon import lan
from gateway.daemon.names.about import about
from gateway.daemon.packets import PacketPath
from gateway.kernel.marks import MarkLayout
from gateway.path.dns import DnsPath, Style
from gateway.path.flows import FlowPath
from gateway.path.live import FlowId
from gateway.policy.config import Config, DnsRefusal
from gateway.wire.flows import FlowTable

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


def flow_path(daemon: Daemon) -> FlowPath:
    """The enforcer comes later: it is asked for when there are packets."""
    return FlowPath(
        FlowTable(
            ech_names=daemon.rules.ech_names, forgotten=lambda key: daemon.enforcer.refuse(FlowId(*key))
        ),
        daemon.live,
        sink=daemon.own_answers.sink(daemon.journal),
        refused_page=daemon.journal.refused_page,
        reclass=lambda flow, changed: daemon.enforcer.reclass(flow, changed),
        uploads=lambda flow: daemon.enforcer.uploads(flow),
        probes=daemon.probes,
    )


def dns_path(daemon: Daemon, config: Config) -> DnsPath:
    return DnsPath(
        pages=lan.PAGES_PACKED,
        sentence=daemon.journal.short,
        sink=daemon.journal.decided,
        book=daemon.book,
        style=Style.NULL if config.dns_refusal is DnsRefusal.ZERO else Style.NXDOMAIN,
        safe=daemon.safe,
        services=daemon.services,
        names=daemon.names,
        heard=daemon.help.heard,
        probes=daemon.probes,
        about=lambda: about(daemon),
    )


def packet_path(daemon: Daemon, config: Config) -> PacketPath:
    """The kernel's table comes later: it is asked for when there are packets."""
    return PacketPath(
        daemon.loop,
        MarkLayout(config.marks.packet, config.marks.ct, config.marks.slot),
        config.queue_base,
        config.lan,
        flows=daemon.flows,
        dns=daemon.dns,
        subjects=daemon.family.subjects,
        wall=daemon.clock.now,
        behind=lambda packet: daemon.table.conntrack.behind(packet),
    )
