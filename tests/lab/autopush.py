"""A push service for Firefox: the half that browsers connect to, and the half that senders post to.

``python -m tests.lab.autopush browsers PORT FOLDER`` speaks Mozilla's autopush protocol over WebSocket.
``python -m tests.lab.autopush senders ADDRESS FOLDER CHAIN KEY`` takes messages by HTTPS, each as a file of
FOLDER, which the first half passes on. A message to the path ``/wpush/gone`` is answered with 410.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

HOST = "good.test"


class _Browser:
    """One connection of a browser."""

    def __init__(self, sock: socket.socket, folder: Path) -> None:
        self._sock, self._folder = sock, folder
        self._ws = WSConnection(ConnectionType.SERVER)
        self._lock = threading.Lock()

    def run(self) -> None:
        text = ""
        while data := self._sock.recv(65536):
            self._ws.receive_data(data)
            for event in self._ws.events():
                if isinstance(event, Request):
                    self._send(AcceptConnection(subprotocol=next(iter(event.subprotocols), None)))
                elif isinstance(event, Ping):
                    self._send(event.response())
                elif isinstance(event, CloseConnection):
                    return
                elif isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        self._hear(json.loads(text))
                        text = ""

    def _hear(self, said: dict[str, Any]) -> None:
        print(json.dumps(said), flush=True)
        kind = said.get("messageType")
        if kind == "hello":
            own = said.get("uaid") or uuid.uuid4().hex
            self._say(messageType="hello", status=200, uaid=own, use_webpush=True, broadcasts={})
            threading.Thread(target=self._deliver, daemon=True).start()
        elif kind == "register":
            channel = said["channelID"]
            place = f"https://{HOST}/wpush/{channel}"
            self._say(messageType="register", status=200, channelID=channel, pushEndpoint=place)
        elif kind == "unregister":
            self._say(messageType="unregister", status=200, channelID=said["channelID"])
        elif not said or kind == "ping":
            self._say()

    def _deliver(self) -> None:
        """Pass on each message that senders have put into the folder."""
        while True:
            for file in sorted(self._folder.glob("*.message")):
                found = json.loads(file.read_text())
                file.unlink()
                self._say(
                    messageType="notification",
                    channelID=found["path"].rpartition("/")[2],
                    version=uuid.uuid4().hex,
                    ttl=int(found["headers"]["ttl"]),
                    data=found["body"],
                    headers={"encoding": found["headers"]["content-encoding"]},
                )
            time.sleep(0.1)

    def _say(self, **values: object) -> None:
        self._send(TextMessage(data=json.dumps(values)))

    def _send(self, event: Any) -> None:
        with self._lock:
            self._sock.sendall(self._ws.send(event))


def browsers(port: str, folder: str) -> None:
    with socket.create_server(("127.0.0.1", int(port))) as server:
        print("ready", flush=True)
        while True:
            sock, _ = server.accept()
            threading.Thread(target=_Browser(sock, Path(folder)).run, daemon=True).start()


def senders(address: str, folder: str, chain: str, key: str) -> None:
    class Senders(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = base64.urlsafe_b64encode(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found = {"path": self.path, "headers": headers, "body": body.rstrip(b"=").decode()}
            print(json.dumps(found), flush=True)
            gone = self.path == "/wpush/gone"
            if not gone:
                fresh = Path(folder, f"{time.time_ns()}.new")
                fresh.write_text(json.dumps(found))
                fresh.rename(fresh.with_suffix(".message"))
            self.send_response(410 if gone else 201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer((address, 443), Senders)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    halves: dict[str, Callable[..., None]] = {"browsers": browsers, "senders": senders}
    halves[sys.argv[1]](*sys.argv[2:])
