"""`qalqan grant`: extra time at once, and taken back."""

from __future__ import annotations

from argparse import Namespace

from gateway.cli import output
from gateway.cli.durations import minutes
from gateway.cli.settings import daemon
from gateway.core.errors import PolicyError

BY = "console"
WHERE = "grant"


def run(args: Namespace) -> int:
    if args.undo:
        if args.duration is not None or args.service is not None:
            raise PolicyError(
                WHERE, "--undo takes back what was given last", "write: qalqan grant WHO --undo"
            )
        daemon(args).call("revoke", who=args.who, by=BY)
        print(f"The last extra time of {output.clean(args.who)} is taken back")
        return 0
    if args.duration is None:
        raise PolicyError(WHERE, "says not how much", "write: qalqan grant WHO 15m")
    values = {} if args.service is None else {"service": args.service}
    asked = minutes(args.duration, where=WHERE)
    answer = daemon(args).call("grant", who=args.who, minutes=asked, by=BY, **values)
    print(output.clean(answer["sentence"]))
    return 0
