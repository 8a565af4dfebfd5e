"""Hands the judged connections of a stopping daemon to the next one, in a file in the runtime folder.

Without the file, the next daemon resets the TCP connections of filtered devices: it does not know the names
by which they were judged. It judges those in the file by its own rules.
"""

from __future__ import annotations

import json
import logging
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from gateway.core.files import write_atomically
from gateway.kernel.marks import MAX_CLASS, MarkLayout, valid_slot
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.policy.values import Fault, Observation, Proto

FILE = "connections"
MAX_FLOWS = 2048  # the newest; up to half a megabyte in the memory of the runtime folder

_log = logging.getLogger(__name__)


class HandedOver(NamedTuple):
    """The judged connections of an earlier daemon, and the layout of their marks."""

    layout: MarkLayout
    live: LiveFlows


class Handover:
    """Reads the connections of the earlier daemon at the start, and writes those of this one at the stop.

    ``stays``: the table outlives this daemon, so that its connections continue.
    """

    def __init__(self, runtime: Path, live: LiveFlows, layout: MarkLayout, *, stays: bool) -> None:
        self._file = runtime / FILE
        self._live = live
        self._layout = layout
        self._stays = stays
        self._started = False

    def take(self) -> HandedOver | None:
        """Return what the earlier daemon handed over, and delete the file; None if there is nothing usable.

        The flows are added to the daemon's live flows.
        """
        self._started = True
        try:
            data = self._file.read_bytes()
            self._file.unlink()
        except OSError:
            return None
        try:
            layout, flows = _decode(json.loads(data))
        except (KeyError, ValueError, TypeError) as error:
            _log.warning("%s cannot be used: %s. Open connections are reset.", self._file, error)
            return None
        for flow, live in flows:
            self._live.put(flow, live)
        return HandedOver(layout, self._live)

    def close(self) -> None:
        """Write the connections, if the table stays.

        Plain HTTP is left out: without the bytes read so far, its next request cannot be read.
        """
        if not (self._stays and self._started):
            return
        flows = [item for item in self._live.items() if not item[1].asks][-MAX_FLOWS:]
        layout = self._layout
        marks = [layout.packet, layout.ct, layout.slot]
        text = json.dumps({"marks": marks, "flows": [_encode(*item) for item in flows]})
        try:
            write_atomically(self._file, text.encode("ascii"))
        except OSError as error:
            _log.warning("%s cannot be written: %s. Open connections will be reset.", self._file, error)


def _encode(flow: FlowId, live: LiveFlow) -> list[Any]:
    seen = [
        [name.proto, name.host, name.dst.hex(), name.dport, name.qtype, name.fault, name.alpn, name.signature]
        for name in live.observations
    ]
    ends = [flow.src.hex(), flow.sport, flow.dst.hex(), flow.dport]
    return [flow.slot, flow.proto, *ends, live.class_number, live.services, seen]


def _decode(stored: Any) -> tuple[MarkLayout, list[tuple[FlowId, LiveFlow]]]:
    """Return the layout and the flows of a parsed file. Raises KeyError, ValueError or TypeError."""
    layout = MarkLayout(*map(int, stored["marks"]))
    flows = []
    for slot, proto, src, sport, dst, dport, number, services, seen in islice(stored["flows"], MAX_FLOWS):
        if not valid_slot(slot) or not 1 <= number <= MAX_CLASS:
            msg = f"no connection has slot {slot} and class {number}"
            raise ValueError(msg)
        flow = FlowId(slot, int(proto), bytes.fromhex(src), int(sport), bytes.fromhex(dst), int(dport))
        live = LiveFlow(tuple(map(_observation, seen)), number, asks=False, services=tuple(services))
        flows.append((flow, live))
    return layout, flows


def _observation(stored: list[Any]) -> Observation:
    proto, host, dst, dport, qtype, fault, alpn, signature = stored
    found = None if fault is None else Fault(fault)
    ends = bytes.fromhex(dst), int(dport), int(qtype)
    return Observation(Proto(proto), host, *ends, found, tuple(alpn), tuple(signature))
