"""`qalqan first-boot`: the first `qalqan.yaml`, from the router's defaults. The daemon does the same by
itself where the file is not there; an image's maker looks with it at what a preset comes to.
"""

from __future__ import annotations

from argparse import Namespace

from gateway.cli.settings import config_path
from gateway.household.config_file import first_boot, router_path


def run(args: Namespace) -> int:
    path = config_path(args)
    if first_boot(path):
        print(f"{path} is made from {router_path()}")
    elif path.exists():
        print(f"{path} is there already and stays as it is")
    else:
        print("this is no router with settings of its own (UCI); write the file, or run: qalqan setup")
    return 0
