"""`qalqan support`: writes a support file without personal data. Works without a daemon."""

from __future__ import annotations

import json
import os
import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from gateway.check.run import findings_of
from gateway.cli.settings import config_in_use, config_path, control_socket
from gateway.control.client import Client, Unreachable
from gateway.control.contract.health import SUPPORT, SUPPORT_REPORT, FindingEntry
from gateway.control.schema import to_json
from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.features.status.support_file import about_gateway

PATIENCE = 20.0  # seconds for the checks that the daemon runs on request; OpenWISP ends a command after 30
EVERY = 0.5  # seconds between two questions whether the checks have ended


def run(args: Namespace) -> int:
    path = config_path(args)
    data = _approved(path) if args.approved else _support_data(path)
    text = json.dumps(data, indent=1, ensure_ascii=False)
    if args.file is None:
        print(text)
        return 0
    with open(args.file, "w", encoding="utf-8") as out:
        out.write(f"{text}\n")
    print(f"{args.file}: it has no names, devices, sites or rules; read it before you send it")
    return 0


def _approved(path: Path) -> object:
    """Return the support report as JSON values, for a program that sends it to support.

    Raises ControlError without a parent's approval, without a daemon, or if the checks still run after
    PATIENCE seconds; PolicyError without a usable configuration.
    """
    client, end = Client(control_socket(config_in_use(path))), time.monotonic() + PATIENCE
    while True:
        try:
            return to_json(client.ask(SUPPORT_REPORT))
        except ControlError as error:
            if error.code != Code.BUSY or time.monotonic() >= end:
                raise
        time.sleep(EVERY)


def _support_data(path: Path) -> object:
    """Return the daemon's support data as JSON values; only the part that needs no daemon if it fails."""
    try:
        return _of_daemon(Client(control_socket(config_in_use(path))))
    except Unreachable:
        daemon = "does not run"
    except (ControlError, PolicyError):
        daemon = "cannot be asked" if os.geteuid() == 0 else "cannot be asked without root"
    findings = (
        FindingEntry(
            level=finding.level.value,
            about=finding.about,
            text=finding.text,
            code=finding.code,
            values=finding.values,
        )
        for finding in findings_of(path)
    )
    return to_json({**about_gateway(datetime.now(UTC), findings), "daemon": daemon})


def _of_daemon(client: Client) -> object:
    end = time.monotonic() + PATIENCE
    while (file := client.ask(SUPPORT)).check.running and time.monotonic() < end:
        time.sleep(EVERY)
    return to_json(file)
