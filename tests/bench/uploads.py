"""An upload over plain HTTP, whose every request is judged: filter on and off in turn.

Run as a program it is either end: ``serve PORT`` answers each request once its body is complete, and
``send ADDRESS PORT HOST BYTES`` prints the seconds of one upload.
"""

from __future__ import annotations

import socket
import sys
import time
from statistics import median

from tests.bench.figures import Figure, Settings, control_ratios, neighbour_ratios, ratio
from tests.bench.wires import HOST, Wires, server

MARK = 0.5
PORT = 80
SIZE = 200_000_000
PIECE = 1 << 20
_HEAD = "POST /up HTTP/1.1\r\nHost: {host}\r\nContent-Length: {size}\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def measure(settings: Settings) -> list[Figure]:
    figures = []
    for offload, name in ((True, ""), (False, ", without segmentation offload")):
        off, on = _alternate(settings.times(7, 2), settings.times(SIZE, SIZE // 4), offload=offload)
        shown = f"off {median(off):,.0f} MB/s, on {median(on):,.0f}"
        figures += [
            ratio(f"uploads on / off{name}", median(neighbour_ratios(off, on)), MARK, shown),
            ratio(f"uploads off / off{name} (control)", median(control_ratios(off))),
        ]
    return figures


def _alternate(rounds: int, size: int, *, offload: bool) -> tuple[list[float], list[float]]:
    """MB a second: off, on, off, … , off."""
    argv = [sys.executable, "-m", "tests.bench.uploads", "serve", str(PORT)]
    with Wires(offload=offload) as wires, server(wires.internet, argv, PORT, log=wires.folder / "up.log"):
        off, on = [_rate(wires, size)], []
        for _ in range(rounds):
            with wires.filtered():
                on.append(_rate(wires, size))
            off.append(_rate(wires, size))
    return off, on


def _rate(wires: Wires, size: int) -> float:
    where = ["send", wires.address, str(PORT), HOST, str(size)]
    argv = [sys.executable, "-m", "tests.bench.uploads", *where]
    return size / 1e6 / float(wires.child.run(argv, timeout=120, check=True).stdout)


def _send(address: str, port: int, host: str, size: int) -> float:
    piece = memoryview(bytes(PIECE))
    started = time.perf_counter()
    with socket.create_connection((address, port)) as sock:
        sock.sendall(_HEAD.format(host=host, size=size).encode())
        for at in range(0, size, PIECE):
            sock.sendall(piece[: size - at])
        if sock.recv(4096) != _ANSWER:
            raise SystemExit("no answer")
    return time.perf_counter() - started


def _serve(port: int) -> None:
    buffer = memoryview(bytearray(PIECE))
    with socket.create_server(("", port)) as listening:
        while True:
            sock, _ = listening.accept()
            with sock:
                _answer(sock, buffer)


def _answer(sock: socket.socket, buffer: memoryview) -> None:
    """Read one request with its body, and answer it."""
    start = b""
    while b"\r\n\r\n" not in start:
        data = sock.recv(4096)
        if not data:
            return
        start += data
    head, _, body = start.partition(b"\r\n\r\n")
    left = int(head.rpartition(b": ")[2]) - len(body)
    while left > 0:
        size = sock.recv_into(buffer)
        if not size:
            return
        left -= size
    sock.sendall(_ANSWER)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(int(sys.argv[2]))
    else:
        print(_send(sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])))
