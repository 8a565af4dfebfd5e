"""`qalqan first-boot`: writes the first `qalqan.yaml` from the router's defaults.

The daemon does the same if the file does not exist. Makers of images use the command to check a preset.
"""

from __future__ import annotations

from argparse import Namespace

from gateway.cli.settings import config_path
from gateway.household.config_file import first_boot, router_path


def run(args: Namespace) -> int:
    path = config_path(args)
    if first_boot(path):
        print(f"{path} was created from {router_path()}")
    elif path.exists():
        print(f"{path} exists already and is unchanged")
    else:
        print("this machine has no router settings (UCI); write the file, or run: qalqan setup")
    return 0
