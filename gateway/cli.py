"""The command line `qalqan`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from gateway.errors import GatewayError


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="qalqan")
    parser.add_argument("command", choices=["run", "web"])
    parser.add_argument("--config", type=Path, default=Path("/etc/qalqan/qalqan.yaml"))
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        if args.command == "run":
            from gateway.daemon.main import run

            return run(args.config)
        from gateway.household import load, load_product
        from webui.serve import run as serve
        from webui.settings import Settings

        config = load(args.config, load_product()).config
        return serve(
            Settings(control=Path(config.runtime) / "control.sock", lan=config.lan, port=config.web.port)
        )
    except GatewayError as error:
        print(f"qalqan: {error}", file=sys.stderr)
        return 1
