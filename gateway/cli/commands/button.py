"""`qalqan button`: the button on the gateway was pressed. The platform's button script calls it."""

from __future__ import annotations

from argparse import Namespace

from gateway.cli.settings import daemon


def run(args: Namespace) -> int:
    seconds = daemon(args).call("guardian", action="button")["seconds"]
    print(f"for {seconds} seconds the code on the label is good for a new password")
    return 0
