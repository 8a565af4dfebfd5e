"""`qalqan guardian`: who may change the rules on the pages, and the one-time codes to sign in with."""

from __future__ import annotations

from argparse import Namespace

from gateway.commands import output
from gateway.commands.settings import daemon
from webui.settings import OWN_NAME


def run(args: Namespace) -> int:
    client = daemon(args)
    if args.action == "list":
        names = client.call("guardian", action="list")["guardians"]
        for name in names:
            print(output.clean(name))
        if not names:
            print("There is no guardian yet; add one: qalqan guardian add NAME")
        return 0
    answer = client.call("guardian", action=args.action, name=args.name)
    if args.action == "remove":
        print(f"{output.clean(args.name)} is no guardian any more")
        return 0
    token = answer["token"]
    print(f"{output.clean(answer['guardian'])} signs in with {token}, once and within 15 minutes:")
    print(f"http://{OWN_NAME}/signin?code={token}")
    return 0
