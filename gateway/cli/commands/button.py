"""`qalqan button`: reports a press of the button on the gateway. The platform's button script runs it."""

from __future__ import annotations

from argparse import Namespace

from gateway.cli.settings import daemon


def run(args: Namespace) -> int:
    seconds = daemon(args).call("guardian", action="button")["seconds"]
    print(f"for {seconds} seconds, a new password can be set with the code on the label")
    return 0
