"""`qalqan ticket`: one-time codes to print, for so many minutes each."""

from __future__ import annotations

from argparse import Namespace

from gateway.commands import output
from gateway.commands.durations import minutes
from gateway.commands.settings import daemon, when
from gateway.errors import PolicyError

BY = "console"


def run(args: Namespace) -> int:
    if not args.count.isdecimal():
        where = "--count"
        raise PolicyError(where, "is no number", "write it like --count 10")
    asked = minutes(args.duration, where="ticket")
    answer = daemon(args).call("ticket", who=args.who, minutes=asked, count=int(args.count), by=BY)
    for code in answer["codes"]:
        print(output.clean(code))
    told = f"{answer['minutes']} minutes each, good once until {when(answer['until'])}"
    print(f"{told}; they are not shown again")
    return 0
