"""`qalqan web`: the pages."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import Namespace

    from gateway.policy.config import Config
    from webui.settings import Settings

STATE = "web"  # folder in the state directory, the web process's own


def run(args: Namespace) -> int:
    """Becomes the process that serves them."""
    from gateway.absent import require
    from gateway.commands.settings import config_path, read_config

    require("webui", "the pages")
    text = json.dumps(told(read_config(config_path(args))))
    os.execv(sys.executable, (sys.executable, "-m", "gateway.commands.web_process", text, args.log))


def told(config: Config) -> dict[str, Any]:
    """What the web process is told of the household, as JSON has it."""
    from gateway.commands.settings import control_socket

    web = config.web
    listen = None
    if web.address is not None:
        listen = f"[{web.address}]:{web.port}" if ":" in web.address else f"{web.address}:{web.port}"
    return {
        "control": str(control_socket(config)),
        "state": str(Path(config.state) / STATE),
        "lan": list(config.lan),
        "port": web.port,
        "listen": listen,
        "allow_wan": web.allow_wan,
        "https": None if web.https is None else asdict(web.https),
        "country": config.country,
        "language": config.language,
        "age_trust": None if config.age_trust is None else [config.age_trust.file, config.age_trust.key],
    }


def settings_of(values: Mapping[str, Any]) -> Settings:
    from webui.settings import Https, Settings

    state, https = values["state"], values.get("https")
    paths = {"control": Path(values["control"]), "state": Path(state) if state else None}
    trust = values.get("age_trust")
    read = {
        "lan": tuple(values["lan"]),
        "https": None if https is None else Https(**https),
        "age_trust": None if trust is None else tuple(trust),
    }
    return Settings(**{**values, **paths, **read})
