"""`run` and `web`: the two processes of a gateway."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway import logs
from gateway.commands.live import SOCKET


def run(args: argparse.Namespace) -> int:
    logs.configure(args.log)
    from gateway.daemon.memory import one_openssl

    one_openssl()
    from gateway.daemon.main import run as run_daemon

    return run_daemon(args.config)


def web(args: argparse.Namespace) -> int:
    logs.configure(args.log)
    from gateway import household
    from gateway.policy.config import parse_config
    from webui.serve import run as serve
    from webui.settings import Settings

    config = parse_config(household.read_bounded(args.config), str(args.config), lambda _: False)
    listen = config.web.address
    if listen is not None:
        listen = f"[{listen}]:{config.web.port}" if ":" in listen else f"{listen}:{config.web.port}"
    state = Path(config.state) / "web"
    state.mkdir(parents=True, exist_ok=True)
    return serve(
        Settings(
            control=Path(config.runtime) / SOCKET,
            state=state,
            lan=config.lan,
            port=config.web.port,
            listen=listen,
            allow_wan=config.web.allow_wan,
            country=config.country,
        )
    )
