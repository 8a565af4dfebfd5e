"""Hands the judged connections of a stopping daemon to the next one, in a file in the runtime folder.

Without the file, the next daemon resets the TCP connections of filtered devices: it does not know the names
by which they were judged. It judges those in the file by its own rules. A tunnel shows no name: the file has
the names for which the gateway's own resolver gave its address.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from gateway.core.files import write_atomically
from gateway.kernel.marks import MAX_CLASS, MarkLayout, valid_slot
from gateway.path.addresses import NameBook
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.policy.names.networks import unmapped
from gateway.policy.values import Fault, Observation, Proto

FILE = "connections"
MAX_FLOWS = 2048  # the newest; up to half a megabyte in the memory of the runtime folder
MAX_NAMES = 512  # of addresses of flows without a name; an address has a few

_log = logging.getLogger(__name__)


class HandedOver(NamedTuple):
    """The judged connections of an earlier daemon, and the layout of their marks."""

    layout: MarkLayout
    live: LiveFlows


class _Stored(NamedTuple):
    """The content of the file: the layout of the marks, the flows, and names from DNS answers.

    A name has the slot (device) that resolved it, and an address to which that slot has a flow.
    """

    layout: MarkLayout
    flows: list[tuple[FlowId, LiveFlow]]
    names: list[tuple[int, str, bytes]]


class Handover:
    """Reads the judged connections of the earlier daemon at the start (`take`), and writes those of this one.

    `close` writes them at the stop. ``stays``: the table outlives this daemon, so that its
    connections continue; otherwise nothing is written.
    """

    def __init__(
        self,
        runtime: Path,
        live: LiveFlows,
        layout: MarkLayout,
        names: NameBook,
        now: Callable[[], float],
        *,
        stays: bool,
    ) -> None:
        self._file = runtime / FILE
        self._live = live
        self._names, self._now = names, now
        self._layout = layout
        self._stays = stays
        self._started = False

    def take(self) -> HandedOver | None:
        """Return what the earlier daemon handed over, and delete the file; None if there is nothing usable.

        The flows are added to the daemon's live flows, their names to the name book. Call it once, after
        the slots (numbers of devices) are assigned.
        """
        self._started = True
        try:
            data = self._file.read_bytes()
            self._file.unlink()
        except OSError:
            return None
        try:
            stored = _decode(json.loads(data))
        except (KeyError, ValueError, TypeError) as error:
            _log.warning("%s cannot be used: %s. Open connections are reset.", self._file, error)
            return None
        for flow, live in stored.flows:
            self._live.put(flow, live)
        for slot, host, address in stored.names:
            self._names.learn(slot, host, [address], 0.0, self._now(), vouched=True)
        return HandedOver(stored.layout, self._live)

    def close(self) -> None:
        """Write the judged connections for the next daemon, if the table stays and `take` was called.

        Plain HTTP is left out: without the bytes read so far, its next request cannot be read.
        """
        if not (self._stays and self._started):
            return
        flows = [item for item in self._live.items() if not item[1].asks][-MAX_FLOWS:]
        layout = self._layout
        marks = [layout.packet, layout.ct, layout.slot]
        names = [(slot, host, address.hex()) for slot, host, address in self._names_of(flows)]
        text = json.dumps({"marks": marks, "flows": [_encode(*item) for item in flows], "names": names})
        try:
            write_atomically(self._file, text.encode("ascii"))
        except OSError as error:
            _log.warning("%s cannot be written: %s. Open connections will be reset.", self._file, error)

    def _names_of(self, flows: list[tuple[FlowId, LiveFlow]]) -> list[tuple[int, str, bytes]]:
        """Return the names for which the gateway's resolver gave the addresses of flows without a name.

        Each has its slot (device) and address; at most MAX_NAMES in all.
        """
        nameless: dict[int, set[bytes]] = {}
        for flow, live in flows:
            if any(seen.host is None for seen in live.observations):
                nameless.setdefault(flow.slot, set()).add(unmapped(flow.dst))
        found = [
            (slot, host, address)
            for slot, addresses in nameless.items()
            for host, address in self._names.hosts_of(slot, addresses)
        ]
        return found[-MAX_NAMES:]


def _encode(flow: FlowId, live: LiveFlow) -> list[Any]:
    seen = [
        [name.proto, name.host, name.dst.hex(), name.dport, name.qtype, name.fault, name.alpn, name.signature]
        for name in live.observations
    ]
    ends = [flow.src.hex(), flow.sport, flow.dst.hex(), flow.dport]
    return [flow.slot, flow.proto, *ends, live.class_number, live.services, seen]


def _decode(stored: Any) -> _Stored:
    """Return the content of a parsed file. Raise KeyError, ValueError or TypeError."""
    layout = MarkLayout(*map(int, stored["marks"]))
    flows = []
    for slot, proto, src, sport, dst, dport, number, services, seen in islice(stored["flows"], MAX_FLOWS):
        if not valid_slot(slot) or not 1 <= number <= MAX_CLASS:
            msg = f"no connection has slot {slot} and class {number}"
            raise ValueError(msg)
        flow = FlowId(slot, int(proto), bytes.fromhex(src), int(sport), bytes.fromhex(dst), int(dport))
        live = LiveFlow(tuple(map(_observation, seen)), number, asks=False, services=tuple(services))
        flows.append((flow, live))
    names = [
        (int(slot), str(host), bytes.fromhex(address))
        for slot, host, address in islice(stored.get("names", ()), MAX_NAMES)  # older versions wrote none
    ]
    return _Stored(layout, flows, names)


def _observation(stored: list[Any]) -> Observation:
    proto, host, dst, dport, qtype, fault, alpn, signature = stored
    found = None if fault is None else Fault(fault)
    ends = bytes.fromhex(dst), int(dport), int(qtype)
    return Observation(Proto(proto), host, *ends, found, tuple(alpn), tuple(signature))
