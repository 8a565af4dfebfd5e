"""The pages of a home over HTTPS, in the gateway, by a front of a few lines in the place of its own.

``python -m tests.lab.securepages CONFIG CERTIFICATE KEY PORT NAME``. So a browser on a device has a page at a
name that it trusts. The pages are the real ones.
"""

from __future__ import annotations

import ssl
import sys
from dataclasses import replace
from pathlib import Path

from werkzeug.serving import make_server

from gateway.commands.settings import read_config
from gateway.commands.web import settings
from webui import create_app


def main(config: str, certificate: str, key: str, port: str, name: str) -> None:
    found = settings(read_config(Path(config)))
    own = replace(found, names=found.names | {name})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = make_server("0.0.0.0", int(port), create_app(own), threaded=True, ssl_context=context)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
