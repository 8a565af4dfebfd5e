"""The command line `qalqan`: what may be asked, and how a refusal is said."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from gateway import __version__
from gateway.errors import GatewayError
from gateway.logs import FORMS

DEFAULT_CONFIG = Path("/etc/qalqan/qalqan.yaml")
REFUSED, WRONG_USAGE = 1, 2

Run = Callable[[argparse.Namespace], int]


def _later(module: str, name: str) -> Run:
    """The command is imported when it runs: `qalqan status` need not load a parser of captures."""

    def run(args: argparse.Namespace) -> int:
        found: Run = getattr(import_module(f"gateway.commands.{module}"), name)
        return found(args)

    return run


def _length(text: str) -> int:
    from gateway.commands.live import minutes

    try:
        return minutes(text)
    except ValueError:
        msg = f"{text!r} is no duration of a minute to a week; write it like 30m, 1h or 1h30m"
        raise argparse.ArgumentTypeError(msg) from None


def build_parser() -> argparse.ArgumentParser:
    """Every command and option; docs/cli.md is held against it."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config", type=Path, default=argparse.SUPPRESS, metavar="F", help=f"instead of {DEFAULT_CONFIG}"
    )
    parser = argparse.ArgumentParser(prog="qalqan", description="A family filter for the home gateway.")
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="F", help="the household's file"
    )
    parser.add_argument("--version", action="version", version=f"qalqan {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, about: str, run: Run) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=about, description=about, parents=[common])
        one.set_defaults(run=run)
        return one

    for name, about in (("run", "the daemon, in the foreground"), ("web", "the pages, in the foreground")):
        add(name, about, _later("service", name)).add_argument("--log", choices=FORMS, default="plain")
    _json(add("check", "is everything there that the gateway needs?", _later("check", "check")))
    _json(add("status", "how the running daemon is", _later("live", "status")))
    _add_devices(add)
    _add_profiles(add)
    _add_guardians(add)
    pause = add("pause", "stop the internet for a child, a device, or all children", _later("live", "pause"))
    pause.add_argument("who", metavar="WHO", help="a profile, a MAC, or all")
    pause.add_argument(
        "--for", dest="length", type=_length, metavar="30m", help="else until the next wake time"
    )
    add("resume", "end a pause", _later("live", "resume")).add_argument("who", metavar="WHO")
    off = add("off", "time and categories stop for everyone, for an hour", _later("live", "off"))
    off.add_argument("--for", dest="length", type=_length, metavar="1h")
    add("on", "everything holds again", _later("live", "on"))
    _add_questions(add)
    _add_lists(add)
    return parser


Add = Callable[[str, str, Run], argparse.ArgumentParser]


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object")


def _actions(parser: argparse.ArgumentParser) -> Callable[[str, str], argparse.ArgumentParser]:
    group = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="F", help=argparse.SUPPRESS)
    return lambda name, about: group.add_parser(name, help=about, description=about, parents=[common])


def _add_devices(add: Add) -> None:
    action = _actions(add("device", "the devices of the home", _later("live", "device")))
    action("list", "who is here, and whose it is")
    assign = action("assign", "say whose a device is")
    assign.add_argument("mac", metavar="MAC")
    assign.add_argument("profile", metavar="PROFILE", help="a profile, guest or home")
    action("forget", "forget a device").add_argument("mac", metavar="MAC")


def _add_profiles(add: Add) -> None:
    action = _actions(add("profile", "the children's rules", _later("profiles", "profile")))
    action("list", "whose rules there are")
    show = action("show", "one person's rules")
    show.add_argument("who", metavar="WHO")
    show.add_argument("--week", action="store_true", help="with the coming seven days")


def _add_guardians(add: Add) -> None:
    action = _actions(add("guardian", "who may change rules on the pages", _later("live", "guardian")))
    action("list", "their names")
    for name, about in (
        ("add", "a new guardian, with a link to sign in once"),
        ("reset", "end a guardian's sessions and give a new link"),
        ("remove", "end a guardian's rights and sessions"),
    ):
        action(name, about).add_argument("name", metavar="NAME")


def _add_questions(add: Add) -> None:
    why = add("why", "what the rules say to a site, and why", _later("offline", "why"))
    why.add_argument("host", metavar="HOST")
    whom = why.add_mutually_exclusive_group(required=True)
    whom.add_argument("--profile", metavar="P", help="a profile's id, name or file")
    whom.add_argument("--device", metavar="MAC")
    why.add_argument("--at", metavar="ISO8601", help="instead of now")
    _json(why)
    replay = add("replay", "what the rules say to a capture's names", _later("offline", "replay"))
    replay.add_argument("capture", metavar="CAPTURE", type=Path, help="pcap or pcapng")
    replay.add_argument("--profile", metavar="P", required=True, help="a profile's id, name or file")
    replay.add_argument("--at", metavar="ISO8601", help="instead of each packet's own time")
    replay.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_lists(add: Add) -> None:
    action = _actions(add("lists", "the lists of sites by category", _later("lists", "lists")))
    action("build", "build the table from what is here")
    update = action("update", "fetch what is due, then build")
    update.add_argument("names", nargs="*", metavar="LIST", help="these too, beside the default ones")
    update.add_argument("--force", action="store_true", help="also what was fetched today")
    _json(action("status", "which lists there are, how old, under which licence"))
    lookup = action("lookup", "what a host is on")
    lookup.add_argument("host", metavar="HOST")
    _json(lookup)


def main(argv: Sequence[str] | None = None) -> int:
    """0 done, 1 refused with one line that says why, 2 wrong usage."""
    parser = build_parser()
    args = parser.parse_args(argv)
    try:
        run: Run = args.run
        return run(args)
    except GatewayError as error:
        print(f"qalqan: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has had enough; nothing more is to be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
