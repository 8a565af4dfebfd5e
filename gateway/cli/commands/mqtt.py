"""`qalqan mqtt`: starts the process that connects the gateway to a home automation system over MQTT."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from dataclasses import asdict

from gateway.cli.settings import config_in_use, config_path, control_socket
from gateway.core.optional_packages import MQTT, require


def run(args: Namespace) -> int:
    """Replace this process by the one that connects to home automation over MQTT.

    That process does not load the configuration's parser. With ``--settings``, print its settings as JSON and
    return 0: it runs this when the configuration file has changed.
    """
    path = config_path(args)
    config = config_in_use(path)
    mqtt = None if config.mqtt is None else asdict(config.mqtt)
    text = json.dumps({"control": str(control_socket(config)), "mqtt": mqtt, "problems": config.problems})
    if not args.settings:
        for module in (MQTT, "paho"):
            require(module, "connections to home automation")
        os.execv(sys.executable, (sys.executable, "-m", "gateway.mqtt.process", text, args.log, str(path)))
    print(text)
    return 0
