"""`qalqan pause`, `resume`, `off` and `on`: switches that apply immediately, in addition to profiles."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from gateway.cli import output
from gateway.cli.durations import minutes
from gateway.cli.settings import daemon, when
from gateway.control.contract.time import OFF, ON, PAUSE, RESUME, SwitchEnd
from gateway.control.verbs import Verb

BY = "console"
VERBS: dict[str, Verb[Any, Any]] = {verb.name: verb for verb in (PAUSE, RESUME, OFF, ON)}


def run(args: Namespace) -> int:
    values: dict[str, Any] = {"by": BY}
    if getattr(args, "duration", None) is not None:
        values["minutes"] = minutes(args.duration)
    if args.command in ("pause", "resume"):
        values["who"] = args.who
    if args.command == "pause" and "minutes" not in values:
        values["till_wake"] = True
    answer = daemon(args).ask(VERBS[args.command], **values)
    until = when(answer.until) if isinstance(answer, SwitchEnd) else ""
    messages = {
        "pause": f"{args.who} is paused" if args.command == "pause" else "",
        "resume": f"{args.who} is not paused any more" if args.command == "resume" else "",
        "off": "Times and categories are off for everyone",
        "on": "Filtering is on",
    }
    print(output.clean(messages[args.command]) + (f" until {until}" if until else ""))
    return 0
