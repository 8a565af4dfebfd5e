"""The figures of `qalqan status`: whether anybody has claimed it, queues, verdicts, flows, tables, memory."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from gateway.kernel.queue import read_counters

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

_ROWS = {"VmRSS": "resident", "RssAnon": "private", "RssFile": "files", "VmHWM": "peak"}


def figures(daemon: Daemon) -> dict[str, object]:
    bound = read_counters()
    queues = {
        str(number): {
            "packets": queue.packets,
            "faults": queue.faults,
            "waiting": bound[number].waiting,
            "dropped": bound[number].queue_dropped + bound[number].user_dropped,
        }
        for number, queue in daemon.packets.queues.items()
        if number in bound
    }
    return {
        "unclaimed": daemon.presence.claim.unclaimed,
        "backend": daemon.table.backend,
        "queue": queues,
        "verdicts": daemon.journal.verdicts,
        "flows": asdict(daemon.flows.table.stats) | {"live": len(daemon.flows.live)},
        "cache": {"addresses": len(daemon.book), "dns_malformed": daemon.dns.malformed},
        "table": daemon.rules.figures(),
        "store": daemon.store.figures(),
        "mends": daemon.table.mends,
        "memory": memory(),
    }


def memory() -> dict[str, int]:
    """Bytes: resident private, resident of files (the category table's pages among them), and the peak.

    The peak of getrusage is no use here: it begins with that of the program that started this one.
    """
    rows = {}
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            key, _, value = line.partition(":")
            if key in _ROWS:
                rows[_ROWS[key]] = int(value.split()[0]) * 1024
    return rows
