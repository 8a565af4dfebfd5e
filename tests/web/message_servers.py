"""Real servers of this machine that take messages: a web server, and a mail server (RFC 5321)."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

Server = TypeVar("Server", bound=socketserver.BaseServer)


class WebServer(ThreadingHTTPServer):
    """Keeps each JSON body. A path such as ``/503`` is answered with that status."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Post)
        self.got: list[dict[str, Any]] = []
        self.asked = 0


class _Post(BaseHTTPRequestHandler):
    server: WebServer

    def do_POST(self) -> None:
        self.server.asked += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = int(self.path[1:]) if self.path[1:].isdigit() else 200
        if status == 200:
            self.server.got.append(json.loads(body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


class MailServer(socketserver.ThreadingTCPServer):
    """Keeps each message. It accepts no password."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.got: list[str] = []


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 mail")
        while line := self.rfile.readline().decode().strip():
            command = line.split()[0].upper()
            if command == "EHLO":
                self._say("250-mail", "250 AUTH PLAIN")
            elif command == "AUTH":
                self._say("535 5.7.8 no such password")
            elif command == "DATA":
                self._say("354 go on")
                self.server.got.append(self._text())
                self._say("250 taken")
            else:
                self._say("221 bye" if command == "QUIT" else "250 well")

    def _text(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode()) != ".\r\n":
            lines.append(line)
        return "".join(lines)

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def running(server: Server) -> Iterator[Server]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
