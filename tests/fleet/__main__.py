"""`make fleet ARGS="serve | gateways URL SECRET | load COUNT"`: OpenWISP, gateways, or the load."""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.fleet import image
from tests.fleet.gateway_agent import Gateway
from tests.fleet.load import measure
from tests.fleet.server import Server, running
from tests.fleet.ssh import ssh_server

SSH_PORT = 2222
INTERVAL = 5  # seconds between two polls; a router's agent waits 120
PROFILE = "name: Daughter\nband: 10-12\n"


def serve(server: Server) -> None:
    print(f"OpenWISP: {server.url}/admin/  user: admin  password: {server.password}\nIn another terminal:")
    print(f"  export URL={server.url} TOKEN={server.token} SECRET={server.secret}")
    print(f"To clear its cache: redis-cli -p {server.cache_port} -n 0 flushdb", flush=True)
    for process in server.processes.values():
        process.wait()


def run_gateways(folder: Path, server: str, secret: str, count: int, key: str) -> None:
    """Register gateways with a child's rules, and print what each does at a change.

    ``key``: a public key that their SSH servers take; none run without one.
    """
    gateways = [Gateway(folder / str(number), server, secret, number) for number in range(1, count + 1)]
    with ExitStack() as stack:
        for gateway in gateways:
            gateway.write("etc/qalqan/qalqan.yaml", "country: kz\n")
            gateway.write("etc/qalqan/profiles/daughter.yaml", PROFILE)
            gateway.register()
            if key:
                stack.enter_context(ssh_server(gateway, key, SSH_PORT))
            print(f"{gateway.name}: registered as {gateway.identity}; its files: {gateway.root}", flush=True)
        while True:
            for gateway in gateways:
                if status := gateway.cycle():
                    print(f"{gateway.name}: {status}; {_settings(gateway)}")
                    print((gateway.root / "tmp/log").read_text(), end="", flush=True)
            time.sleep(INTERVAL)


def _settings(gateway: Gateway) -> str:
    found = gateway.settings()
    shown = ", ".join(f"{key} {found[key] or '-'}" for key in ("brand", "colour", "port", "feed"))
    return f"{shown}, system {gateway.system}"


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
    text = f"run an SSH server on each, on port {SSH_PORT}, that takes this public key"
    gateways.add_argument("--key", type=Path, help=text)
    firmware = actions.add_parser("image", help="write an image for these gateways")
    firmware.add_argument("file", type=Path)
    firmware.add_argument("system", help="what they report as their system, such as 'OpenWrt 24.10.1'")
    load = actions.add_parser("load", help="measure a server under simulated gateways")
    load.add_argument("count", nargs="?", type=int, default=1_000)
    load.add_argument("--postgis", action="store_true", help="with PostgreSQL in place of SpatiaLite")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell without job control ignores the first
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="qalqan-fleet-") as name:
        folder = Path(name)
        try:
            if options.action == "gateways":
                key = options.key.read_text() if options.key else ""
                run_gateways(folder, options.url, options.secret, options.count, key)
            elif options.action == "image":
                options.file.write_bytes(image.packed(image.files(options.system)))
            elif options.action == "serve":
                with running(folder, pages=True) as server:
                    serve(server)
            else:
                with running(folder, postgis=options.postgis) as server:
                    asyncio.run(show_load(server, options.count))
        except KeyboardInterrupt:
            print("Stopped")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
