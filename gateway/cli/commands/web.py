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

    from gateway.policy.config.brand import Brand as OfConfig
    from gateway.policy.config.config import Config
    from webui.settings import Settings

STATE = "web"  # folder in the state directory, the web process's own


def run(args: Namespace) -> int:
    """Becomes the process that serves them."""
    from gateway.cli.settings import config_path, read_config
    from gateway.core.optional_packages import require

    require("webui", "the pages")
    text = json.dumps(told(read_config(config_path(args))))
    os.execv(sys.executable, (sys.executable, "-m", "gateway.cli.web_process", text, args.log))


def told(config: Config) -> dict[str, Any]:
    """What the web process is told of the household, as JSON has it."""
    from gateway.cli.settings import control_socket

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
        "brand": _brand(config.brand),
        "propose": {"lists": config.propose.lists, "bands": config.propose.bands},
        "age_trust": None if config.age_trust is None else [config.age_trust.file, config.age_trust.key],
    }


def _brand(brand: OfConfig) -> dict[str, Any]:
    """A logo that cannot be shown is left out, with one line in the log; `qalqan check` has it too."""
    from gateway.core.errors import PolicyError
    from gateway.web.branding import read_logo, style_of

    logo = None
    if brand.logo:
        try:
            logo = read_logo(brand.logo)
        except PolicyError as error:
            print(f"qalqan: {error}; it is left out", file=sys.stderr)
    return {
        "name": brand.name,
        "style": style_of(brand, logo=logo is not None),
        "logo": None if logo is None else asdict(logo),
        "support": brand.support,
        "link": brand.support_link,
    }


def settings_of(values: Mapping[str, Any]) -> Settings:
    from webui.brand import Brand, Logo
    from webui.settings import Https, Proposal, Settings

    state, https = values["state"], values.get("https")
    paths = {"control": Path(values["control"]), "state": Path(state) if state else None}
    trust = values.get("age_trust")
    look, propose = values.get("brand", {}), values.get("propose", {})
    logo = look.get("logo")
    read = {
        "lan": tuple(values["lan"]),
        "https": None if https is None else Https(**https),
        "age_trust": None if trust is None else tuple(trust),
        "brand": Brand(**{**look, "logo": None if logo is None else Logo(**logo)}),
        "propose": Proposal(**{key: tuple(one) for key, one in propose.items()}),
    }
    return Settings(**{**values, **paths, **read})
