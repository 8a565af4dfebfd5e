"""`qalqan web`: starts the process that serves the pages."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from argparse import Namespace

    from gateway.policy.config.brand import Brand as OfConfig
    from gateway.policy.config.config import Config
    from gateway.web.recovery import Recovery
    from webui.settings import Settings

STATE = "web"  # folder of the web process in the state directory
PROCESS = "gateway.cli.web_process"


def run(args: Namespace) -> int:
    """Replace this process by the one that serves the pages. Never returns.

    If the settings are unusable or the start fails, replace it by the one that serves the recovery page.
    Raises MissingPackageError if the package of the pages is not installed.
    """
    from gateway.web.recovery import PROGRAM, Recovery, this_command, watched

    recovery = Recovery(this_command(), watched(str(args.config or "")))
    recovery.on_exception()
    try:
        return _run(args, recovery)
    except OSError as error:  # otherwise `gateway.cli.main` would print it and exit
        print(f"qalqan: {error.filename or 'the pages'}: {error.strerror or error}", file=sys.stderr)
        recovery.serve(PROGRAM)


def _run(args: Namespace, recovery: Recovery) -> NoReturn:
    from gateway.cli.settings import config_in_use, config_path
    from gateway.core.errors import PolicyError
    from gateway.core.optional_packages import is_installed, require
    from gateway.web.recovery import CONFIG, remember

    require("webui", "the pages")
    if not is_installed(PROCESS):
        raise ModuleNotFoundError(PROCESS)  # uncaught: serves the recovery page; after exec it could not
    try:
        settings = settings_dict(config_in_use(config_path(args)))
    except PolicyError as error:
        print(f"qalqan: {' '.join(str(error).split())}", file=sys.stderr)
        recovery.serve(CONFIG, error.where)
    text = json.dumps(settings)
    remember(settings["state"], text)
    again = json.dumps({"command": recovery.again, "watch": recovery.watch})
    os.execv(sys.executable, (sys.executable, "-m", PROCESS, text, args.log, again))


def settings_dict(config: Config) -> dict[str, Any]:
    """Return the settings of the process that serves the pages, as JSON values."""
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
    """Return a provider's brand for the pages as JSON values: name, CSS, logo and support contact.

    An unusable logo is left out with a warning; `qalqan check` reports it too.
    """
    from gateway.core.errors import PolicyError
    from gateway.web.branding import read_logo, style_of

    logo = None
    if brand.logo:
        try:
            logo = read_logo(brand.logo)
        except PolicyError as error:
            print(f"qalqan: {error}; it is left out", file=sys.stderr)
    look = style_of(brand, logo=logo is not None)
    return {
        "name": brand.name,
        "style": look.style,
        "dark_style": look.dark,
        "logo": None if logo is None else asdict(logo),
        "support": brand.support,
        "link": brand.support_link,
    }


def settings_of(values: Mapping[str, Any]) -> Settings:
    from webui.brand import PageBrand, PageLogo
    from webui.settings import FirstRunProposal, FrontSettings, Settings

    state, https = values["state"], values.get("https")
    paths = {"control": Path(values["control"]), "state": Path(state) if state else None}
    trust = values.get("age_trust")
    look, propose = values.get("brand", {}), values.get("propose", {})
    logo = look.get("logo")
    read = {
        "lan": tuple(values["lan"]),
        "https": None if https is None else FrontSettings(**https),
        "age_trust": None if trust is None else tuple(trust),
        "brand": PageBrand(**{**look, "logo": None if logo is None else PageLogo(**logo)}),
        "propose": FirstRunProposal(**{key: tuple(value) for key, value in propose.items()}),
    }
    return Settings(**{**values, **paths, **read})
