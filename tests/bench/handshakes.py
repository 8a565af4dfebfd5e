"""Run on a device: TLS handshakes one after the other; prints how many milliseconds each took, as JSON.

A handshake that is refused counts the time until the client knows it. With a rate, handshakes begin at it;
without, each begins 2 ms after the one before.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import time

PAUSE = 0.002  # seconds between two, so that the last one's end is not measured with the next


def main(address: str, host: str, count: int, rate: float = 0.0) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    waits = []
    start = time.perf_counter()
    for number in range(count):
        began = time.perf_counter()
        try:
            with socket.create_connection((address, 443), timeout=5) as plain:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with context.wrap_socket(plain, server_hostname=host):
                    waits.append((time.perf_counter() - began) * 1000)
        except OSError:
            waits.append((time.perf_counter() - began) * 1000)
        due = start + (number + 1) / rate if rate else 0.0
        time.sleep(max(PAUSE, due - time.perf_counter()))
    print(json.dumps(waits))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *map(float, sys.argv[4:]))
