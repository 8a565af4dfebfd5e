"""`qalqan grant` and `ticket`: extra time, given directly or with one-time codes."""

from __future__ import annotations

from argparse import Namespace

from gateway.cli import output
from gateway.cli.durations import minutes, whole
from gateway.cli.settings import daemon, when
from gateway.control.contract.time import CODE_BATCHES, CODES, GRANT, REVOKE, WITHDRAW, CodeBatch
from gateway.core.errors import PolicyError

BY = "console"
OF_GRANT = "grant"
OF_TICKET = "ticket"


def run(args: Namespace) -> int:
    return _give(args) if args.command == OF_GRANT else _run_ticket(args)


def _give(args: Namespace) -> int:
    """Give extra time, or with ``--undo`` revoke the last grant. Return 0.

    Raises PolicyError for wrong options.
    """
    if args.undo:
        if args.duration is not None or args.service is not None:
            raise PolicyError(
                OF_GRANT, "--undo takes no duration and no service", "write: qalqan grant WHO --undo"
            )
        daemon(args).ask(REVOKE, who=args.who, by=BY)
        print(f"The last extra time of {output.clean(args.who)} is revoked")
        return 0
    if args.duration is None:
        raise PolicyError(OF_GRANT, "has no duration", "write: qalqan grant WHO 15m")
    values = {} if args.service is None else {"service": args.service}
    asked = minutes(args.duration, where=OF_GRANT)
    answer = daemon(args).ask(GRANT, who=args.who, minutes=asked, by=BY, **values)
    print(output.clean(answer.sentence))
    return 0


def _run_ticket(args: Namespace) -> int:
    """Make one-time codes for extra time, list the batches of unused codes, or withdraw a batch. Return 0.

    The list does not show the codes. Raises PolicyError for wrong options.
    """
    asked = args.list or args.withdraw is not None
    if asked and args.who is not None:
        raise PolicyError(OF_TICKET, "--list and --withdraw take no child", "write: qalqan ticket --list")
    if args.list:
        return _list(args)
    return _make(args) if args.withdraw is None else _withdraw(args)


def _make(args: Namespace) -> int:
    if args.who is None or args.duration is None:
        raise PolicyError(OF_TICKET, "needs a child and a duration", "write: qalqan ticket WHO 30m")
    count = whole(args.count, "--count", "write it like --count 10")
    asked = minutes(args.duration, where=OF_TICKET)
    answer = daemon(args).ask(CODES, who=args.who, minutes=asked, count=count, by=BY)
    for code in answer.codes:
        print(output.clean(code))
    validity = f"{answer.minutes} minutes each, valid once until {when(answer.until)}"
    print(f"{validity}; they are not shown again")
    return 0


def _list(args: Namespace) -> int:
    found = daemon(args).ask(CODE_BATCHES).batches
    if found:
        output.rows(map(_row, found), ("BATCH", "CODES", "MINUTES", "WHO", "MADE", "BY", "UNTIL"))
    else:
        print("There are no unused codes.")
    return 0


def _row(batch: CodeBatch) -> tuple[object, ...]:
    child, made, until = batch.name or "any child", when(batch.made), when(batch.until)
    return batch.id, batch.count, batch.minutes, child, made, batch.by, until


def _withdraw(args: Namespace) -> int:
    count = daemon(args).ask(WITHDRAW, batch=args.withdraw, by=BY).count
    print(f"Withdrawn codes: {count}")
    return 0
