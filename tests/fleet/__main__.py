"""`make fleet ARGS="serve | gateways URL SECRET | load COUNT"`: OpenWISP, gateways, or the load."""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
import time
from pathlib import Path

from tests.fleet.gateway_agent import Gateway
from tests.fleet.load import measure
from tests.fleet.server import Server, running

INTERVAL = 5  # seconds between two polls; a router's agent waits 120
PROFILE = "name: Daughter\nband: 10-12\n"


def serve(server: Server) -> None:
    print(f"OpenWISP: {server.url}/admin/  user: admin  password: {server.password}\nIn another terminal:")
    print(f"  export URL={server.url} TOKEN={server.token} SECRET={server.secret}", flush=True)
    for process in server.processes.values():
        process.wait()


def run_gateways(folder: Path, server: str, secret: str, count: int) -> None:
    """Register gateways with a child's rules, and print what each does at a change."""
    gateways = [Gateway(folder / str(number), server, secret, number) for number in range(1, count + 1)]
    for gateway in gateways:
        (gateway.root / "etc/qalqan/qalqan.yaml").write_text("country: kz\n")
        (gateway.root / "etc/qalqan/profiles/daughter.yaml").write_text(PROFILE)
        gateway.register()
        print(f"{gateway.name}: registered as {gateway.identity}; its files: {gateway.root}", flush=True)
    while True:
        for gateway in gateways:
            if status := gateway.cycle():
                found = gateway.settings()
                shown = ", ".join(f"{key} {found[key] or '-'}" for key in ("brand", "colour", "port", "feed"))
                print(f"{gateway.name}: {status}; {shown}")
                print((gateway.root / "tmp/log").read_text(), end="", flush=True)
        time.sleep(INTERVAL)


async def show_load(server: Server, count: int) -> None:
    async for line in measure(server, count):
        print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fleet")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("serve", help="OpenWISP with its pages, until Ctrl-C")
    gateways = actions.add_parser("gateways", help="simulated gateways, until Ctrl-C")
    gateways.add_argument("url")
    gateways.add_argument("secret")
    gateways.add_argument("--count", type=int, default=3)
    load = actions.add_parser("load", help="measure a server under simulated gateways")
    load.add_argument("count", nargs="?", type=int, default=1_000)
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell without job control ignores the first
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="qalqan-fleet-") as name:
        folder = Path(name)
        try:
            if options.action == "gateways":
                run_gateways(folder, options.url, options.secret, options.count)
                return 0
            with running(folder, pages=options.action == "serve") as server:
                if options.action == "serve":
                    serve(server)
                else:
                    asyncio.run(show_load(server, options.count))
        except KeyboardInterrupt:
            print("Stopped")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
