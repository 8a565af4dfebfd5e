"""Long uploads over plain HTTP, and requests that a client hides in them or after them.

``serve PORT`` answers each request with its host's name. Usually it reads a body first. For the path /early
it answers after some megabytes of the body, and reads the rest as further requests: no server should
(RFC 9112 §9.6).

``send`` reads one try from its input as JSON, and prints the names in the answers.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading

PIECE = 1 << 16
EARLY = 6 << 20  # bytes of a body before an early answer
PATIENCE_S = 5.0
_HEAD = re.compile(rb"[A-Z]+ (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL)
_HOST = re.compile(rb"Host: (\S+)")
_LENGTH = re.compile(rb"Content-Length: (\d+)")
_ANSWERED = re.compile(r"\[(\S+)\]")


def request(host: str, *, path: str = "/", body: int = 0) -> bytes:
    length = f"Content-Length: {body}\r\n" if body else ""
    return f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: {host}\r\n{length}\r\n".encode()


def _serve(port: int) -> None:
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
        print("ready", flush=True)
        while True:
            sock, _ = listening.accept()
            threading.Thread(target=_converse, args=(sock,), daemon=True).start()


def _converse(sock: socket.socket) -> None:
    data = b""
    with sock:
        while more := sock.recv(PIECE):
            data = (data + more)[-4 * PIECE :]
            while head := _HEAD.search(data):
                host, length = _HOST.search(head[0]), _LENGTH.search(head[0])
                rest = data[head.end() :]
                left = (
                    (min(int(length[1]), EARLY) if head[1] == b"/early" else int(length[1])) if length else 0
                )
                while left > len(rest):
                    left -= len(rest)
                    rest = sock.recv(PIECE)
                    if not rest:
                        return
                data = rest[left:]
                name = b"[" + (host[1] if host else b"") + b"]"
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))


def _send(how: dict[str, object]) -> list[str]:
    """``first``: a host to ask before the upload; ``then``: hosts to ask after it, or within it if early.

    ``pipelined``: they are asked without waiting for the answer to the upload.
    """
    size, host = int(str(how["size"])), str(how["host"])
    path = "/early" if how["early"] else "/"
    hidden = b"".join(request(name) for name in how["then"])  # type: ignore[attr-defined]
    answers = b""
    try:
        with socket.create_connection((str(how["address"]), int(str(how["port"]))), PATIENCE_S) as sock:
            if how["first"]:
                sock.sendall(request(str(how["first"])))
                answers += sock.recv(PIECE)
            sock.sendall(request(host, path=path, body=size))
            sent = EARLY + (1 << 20) if how["early"] else size
            for at in range(0, sent, PIECE):
                sock.sendall(b"\xa5" * min(PIECE, sent - at))
            if not how["pipelined"]:
                answers += sock.recv(PIECE)
            sock.sendall(hidden)
            while more := sock.recv(PIECE):
                answers += more
    except OSError:
        pass
    return _ANSWERED.findall(answers.decode("latin-1"))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(int(sys.argv[2]))
    else:
        print(json.dumps(_send(json.load(sys.stdin))))
