"""`qalqan web`: the pages."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from gateway import logs
from gateway.commands.settings import config_path, control_socket, read_config
from gateway.policy.config import Config
from webui.settings import Settings

STATE = "web"  # folder in the state directory, the web process's own


def run(args: Namespace) -> int:
    from webui.serve import run as serve

    logs.configure(args.log)
    return serve(settings(read_config(config_path(args))))


def settings(config: Config) -> Settings:
    """What the web process is told of the household."""
    web = config.web
    listen = None
    if web.address is not None:
        listen = f"[{web.address}]:{web.port}" if ":" in web.address else f"{web.address}:{web.port}"
    return Settings(
        control=control_socket(config),
        state=Path(config.state) / STATE,
        lan=config.lan,
        port=web.port,
        listen=listen,
        allow_wan=web.allow_wan,
        country=config.country,
        language=config.language,
    )
