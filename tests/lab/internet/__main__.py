"""Start every server of the pretended internet, inside its namespace; says ``ready`` once all listen."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import ssl
from pathlib import Path

from tests.lab.certs import Authority
from tests.lab.internet import dns, documents, http, odds, walks
from tests.lab.internet.dns import StreamHandler
from tests.lab.internet.journal import Journal

_BACKLOG = 1024


async def serve(folder: Path, *, journal: Journal, quic: bool) -> None:
    authority = Authority(folder)
    zone = dns.Zone(journal, quic=quic, oddities=dns.Oddities(folder / "zone.json"))
    walk = walks.Walk(folder / walks.FILE)
    sites = documents.Documents(folder / documents.FOLDER)
    web, secure = (http.handler(scheme, zone, journal, walk, sites) for scheme in ("http", "https"))
    https_context = authority.server_context(["http/1.1"])
    resolver = dns.stream_server(zone)

    dns.serve_udp(zone)
    odds.serve_udp_echo()
    odds.serve_wireguard(journal)
    if quic:
        from tests.lab.internet import quic as h3

        h3.serve(folder, journal)

    async def listen(handler: StreamHandler, port: int, context: ssl.SSLContext | None = None) -> None:
        for address in ("0.0.0.0", "::"):
            await asyncio.start_server(handler, address, port, ssl=context, backlog=_BACKLOG)

    for port in (80, 8080):
        await listen(web, port)
    for port in (443, 8443):
        await listen(secure, port, https_context)
    await listen(resolver, 53)
    await listen(resolver, 853, authority.server_context(["dot"]))
    await listen(odds.echo, odds.ECHO_PORT)
    await listen(odds.banner, odds.BANNER_PORT)
    print("ready", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--no-journal", action="store_true", help="do not write what arrives (for benchmarks)"
    )
    parser.add_argument("--no-quic", action="store_true")
    chosen = parser.parse_args()
    quic = not chosen.no_quic and importlib.util.find_spec("aioquic") is not None
    journal = Journal(None if chosen.no_journal else chosen.folder / "internet.jsonl")
    asyncio.run(serve(chosen.folder, journal=journal, quic=quic))


if __name__ == "__main__":
    main()
