"""`qalqan usp`: the service of the router's USP agent (TR-369), and the data model for providers.

docs/providers/usp.md describes both.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gateway.cli.settings import config_in_use, config_path, control_socket
from gateway.control.client import Client
from gateway.core.errors import ControlError, PolicyError
from gateway.core.optional_packages import require
from gateway.policy.config.usp import UspLink, vendor_prefix

if TYPE_CHECKING:
    from argparse import Namespace

    from gateway.policy.config.config import Config
    from gateway.usp.daemon_filter import DaemonFilter
    from gateway.usp.settings import UspSettings

INPUT_LIMIT = 4096  # characters of the arguments of a call; rpcd passes one JSON object


def run(args: Namespace) -> int:
    """Replace this process by the USP service.

    With ``--document``, print the data model instead, with ``--call`` the answer to one call, and
    return 0. Raises PolicyError if the service is started and the configuration has no ``usp``.
    """
    require("gateway.usp", "connections to a USP agent")
    if args.document is not None:
        return _document(args.document, args.vendor)
    path = config_path(args)
    config = config_in_use(path)
    if args.call is None:
        _serve(path, config, args.log)
    from gateway.usp.daemon_filter import DaemonFilter

    settings = _settings(config)
    return _call(args.call, DaemonFilter(Client(Path(settings.control)), settings, time.monotonic))


def _serve(path: Path, config: Config, form: str) -> NoReturn:
    if config.usp is None:
        where, fix = str(path), "add usp: {vendor: isp.example}, with a domain or OUI that belongs to you"
        raise PolicyError(where, "usp is missing", fix)
    text = json.dumps(asdict(_settings(config)))
    os.execv(sys.executable, (sys.executable, "-m", "gateway.usp.process", text, form))


def _settings(config: Config) -> UspSettings:
    from gateway.usp.settings import UspSettings

    link = UspLink("") if config.usp is None else config.usp
    return UspSettings(
        control=str(control_socket(config)),
        agent=link.socket,
        vendor=link.vendor,
        brand_name=config.brand.name,
        brand_support=config.brand.support,
        feed_url="" if config.feed is None else config.feed.url,
    )


def _document(kind: str, vendor: str) -> int:
    from gateway.usp.documents import bbfdm_plugin, datamodel_xml

    if vendor_prefix(vendor) is None:
        msg = f"{vendor}: is neither a domain such as isp.example nor an OUI such as 00256D"
        raise ControlError(msg)
    print(bbfdm_plugin() if kind == "bbfdm" else datamodel_xml(vendor), end="")
    return 0


def _call(name: str, family_filter: DaemonFilter) -> int:
    """Print the JSON answer to a call of OpenWrt's rpcd (``state``, ``switch`` or ``support_file``).

    Return 0. Raises Denied if ``switch`` or ``support_file`` fails: the daemon refuses, does not respond, or
    needs too long. Raises ControlError for invalid arguments.
    """
    answer: object
    if name == "state":
        answer = family_filter.values()
    elif name == "support_file":
        answer = {"File": family_filter.support_file()}
    else:
        family_filter.switch(_wanted())
        answer = {}
    print(json.dumps(answer))
    return 0


def _wanted() -> bool:
    """Return the value of ``on`` in the JSON arguments that rpcd writes to standard input.

    Raises ControlError.
    """
    from gateway.usp.model import FLAGS

    text = sys.stdin.read(INPUT_LIMIT)
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    on = FLAGS.get(str(values.get("on")).lower()) if isinstance(values, dict) else None
    if on is None:
        msg = 'switch: "on" must be true or false'
        raise ControlError(msg)
    return on
