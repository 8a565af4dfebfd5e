"""Stands in for the API of DuckDNS: sets the TXT record of one name, for one token, as lego asks it.

`python -m tests.lab.duckdns FOLDER NAME TOKEN SET_TXT`: serves HTTPS at 127.0.0.1:443 with `chain.pem` and
`key.pem` of the folder. Writes a line for each request to `duckdns.log` there, without the token.
"""

from __future__ import annotations

import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


def serve_https(folder: Path, handler: type[BaseHTTPRequestHandler]) -> None:
    """Serve at 127.0.0.1:443 until the process ends, with `chain.pem` and `key.pem` of the folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 443), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


def serve(folder: Path, name: str, token: str, set_txt: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer OK or KO, as https://www.duckdns.org/spec.jsp says."""
            address = urlsplit(self.path)
            values = {key: found[0] for key, found in parse_qs(address.query, keep_blank_values=True).items()}
            # The subname alone, as acme.sh sends it, or the whole name.
            domains = (name, name.partition(".")[0])
            mine = values.get("domains") in domains and values.get("token") == token
            good = address.path == "/update" and mine and "txt" in values
            clear = values.get("clear") == "true"
            with (folder / "duckdns.log").open("a") as log:
                log.write(f"{'OK' if good else 'KO'} {'clear' if clear else 'set'}\n")
            if good and not clear:
                subprocess.run([set_txt, f"_acme-challenge.{name}.", values["txt"]], check=True)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"OK" if good else b"KO")

        def log_message(self, form: str, *args: object) -> None:
            pass

    serve_https(folder, Handler)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), *sys.argv[2:])
