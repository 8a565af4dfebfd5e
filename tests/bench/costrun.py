"""Run under valgrind: the packet path's handler for so many new TLS connections, after a warm-up.

Arguments: connections, bytes of a segment, bytes that are read before each connection as other programs would
(0: none), and ``read`` in place of the connections for these reads alone.
"""

from __future__ import annotations

import sys

from gateway.dataplane.capacity import packet_handler, sample_packets
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable

# Connections in which the interpreter specialises its bytecode, and the flow table reaches the number of
# answerable flows (Limits) from which each further one drops an old one.
WARM_UP = 300


def main(connections: int, segment: int, swept: int, *, handled: bool) -> None:
    handle = packet_handler(FlowTable(Limits(work_burst=1 << 40)))
    packets = sample_packets(WARM_UP + connections, segment)
    each = len(packets) // (WARM_UP + connections)
    others = bytearray(swept)
    for packet in packets[: WARM_UP * each]:
        handle(packet)
    for first in range(WARM_UP * each, len(packets), each):
        others.find(1)  # reads all of it
        if handled:
            for packet in packets[first : first + each]:
                handle(packet)


if __name__ == "__main__":
    connections, segment, swept = map(int, sys.argv[1:4])
    main(connections, segment, swept, handled=sys.argv[4:] != ["read"])
