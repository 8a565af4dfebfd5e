"""Run on a device: send datagrams at a fixed rate and print the processor nanoseconds that each took."""

from __future__ import annotations

import json
import os
import socket
import sys
import time

PORT = 9  # discard
SIZE = 1200
WARM_UP = 400  # the flow is decided within its first 16 packets
BURST = 20  # datagrams between two looks at the clock


def main(address: str, packets: int, rate: int) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    payload = bytes(SIZE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((address, PORT))
        _send(sock, payload, WARM_UP, rate // 4)
        began = time.process_time_ns()
        _send(sock, payload, packets, rate)
        print(json.dumps((time.process_time_ns() - began) / packets))


def _send(sock: socket.socket, payload: bytes, packets: int, rate: int) -> None:
    start = time.monotonic()
    for burst in range(packets // BURST):
        for _ in range(BURST):
            sock.send(payload)
        ahead = start + (burst + 1) * BURST / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
