"""`qalqan grant`: gives extra time, or revokes the last grant."""

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
                WHERE, "--undo takes no duration and no service", "write: qalqan grant WHO --undo"
            )
        daemon(args).call("revoke", who=args.who, by=BY)
        print(f"The last extra time of {output.clean(args.who)} is revoked")
        return 0
    if args.duration is None:
        raise PolicyError(WHERE, "has no duration", "write: qalqan grant WHO 15m")
    values = {} if args.service is None else {"service": args.service}
    asked = minutes(args.duration, where=WHERE)
    answer = daemon(args).call("grant", who=args.who, minutes=asked, by=BY, **values)
    print(output.clean(answer["sentence"]))
    return 0
