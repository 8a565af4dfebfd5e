"""Run on a device: send datagrams at a fixed rate and print the processor nanoseconds that one takes.

All of a datagram's way through the gateway runs in softirqs on the sender's back, so the sender's own
processor time has it. Of all bursts the lower quartile is printed: what disturbs only ever adds.
"""

from __future__ import annotations

import os
import socket
import sys
import time

PORT = 9  # discard
SIZE = 1200
WARM_UP = 400  # the flow is decided within its first 16 packets
BURST = 50  # datagrams between two looks at the clocks


def main(address: str, packets: int, rate: int) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((address, PORT))
        _send(sock, WARM_UP, rate // 4)
        bursts = sorted(_send(sock, packets, rate))
        print(bursts[len(bursts) // 4] / BURST)


def _send(sock: socket.socket, packets: int, rate: int) -> list[int]:
    """Processor nanoseconds of each burst."""
    payload = bytes(SIZE)
    spent = []
    start = time.monotonic()
    for number in range(1, packets // BURST + 1):
        began = time.process_time_ns()
        for _ in range(BURST):
            sock.send(payload)
        spent.append(time.process_time_ns() - began)
        ahead = start + number * BURST / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    return spent


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
