"""Servers that play ntfy, in namespaces: ``python -m tests.webui.ntfy_world ADDRESS:PORT…`` writes each
message as a line of JSON. What a topic is called says how its server is: ``/dead``, ``/drip``, ``/busy`` or
``/moved?to=…``.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Ntfy(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = {key: self.headers[key] for key in ("Host", "Title", "Click", "Content-Type")}
        print(json.dumps({"path": self.path, "body": body, **told}), flush=True)
        topic, _, to = self.path.partition("?to=")
        if topic == "/dead":
            time.sleep(60)
        elif topic == "/drip":
            with suppress(OSError):  # the other end goes away meanwhile
                for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 600:
                    self.wfile.write(bytes((letter,)))
                    self.wfile.flush()
                    time.sleep(0.1)
            self.close_connection = True
        elif topic == "/moved":
            self.send_response(307)
            self.send_header("Location", to)
            self.end_headers()
        else:
            self.send_response(503 if topic == "/busy" else 200)
            self.send_header("Content-Length", "1000000000")  # nobody waits for it
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


def main(*places: str) -> None:
    for place in places:
        host, _, port = place.rpartition(":")
        server = ThreadingHTTPServer((host, int(port)), _Ntfy)
        Thread(target=server.serve_forever).start()
    print("ready", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
