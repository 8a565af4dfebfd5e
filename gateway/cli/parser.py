"""What may be written on the command line `qalqan`: a parser that knows every command, and does nothing."""

from __future__ import annotations

import argparse
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import __version__
from gateway.cli import COMMANDS

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

HELP_WIDTH = 100  # columns


class _Parser(argparse.ArgumentParser):
    """Its help has one width: asking the terminal for its own brings in 1 MB that the daemon would keep."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, formatter_class=partial(argparse.HelpFormatter, width=HELP_WIDTH))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser. ``args.module`` names the module below `gateway` whose ``run(args)`` does the
    command.
    """
    parser: argparse.ArgumentParser = _Parser(
        prog="qalqan",
        description="A family's own filter and age gate. Exit status: 0 done, 1 refused, 2 wrong usage.",
    )
    parser.add_argument("--config", type=Path, metavar="F", help="instead of /etc/qalqan/qalqan.yaml")
    parser.add_argument("--version", action="version", version=f"qalqan {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_services(commands)
    _add_setup(commands)
    _add_looks(commands)
    _add_rules(commands)
    _add_switches(commands)
    _add_wishes(commands)
    _add_questions(commands)
    _add_lists(commands)
    _add_sealed(commands)
    _add_backups(commands)
    _add_certificate(commands)
    return parser


def _command(commands: Subparsers, name: str, module: str, text: str) -> argparse.ArgumentParser:
    one = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    # Without a default of its own, it leaves a --config in front of the command's name alone.
    one.add_argument("--config", type=Path, metavar="F", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    one.set_defaults(module=module if "." in module else f"{COMMANDS}.{module}")
    return one


def _actions(commands: Subparsers, name: str, module: str, text: str) -> Subparsers:
    one = _command(commands, name, module, text)
    return one.add_subparsers(dest="action", metavar="ACTION", required=True)


def _json(one: argparse.ArgumentParser) -> None:
    one.add_argument("--json", action="store_true", help="print one JSON object")


def _at(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--at", metavar="ISO8601", help="the moment, as 2026-12-24T18:00, in the home's time zone"
    )


def _add_services(commands: Subparsers) -> None:
    run = _command(commands, "run", "run", "run the daemon until it is told to stop")
    run.add_argument("--log", choices=("plain", "json"), default="plain", help="lines of the log")
    text = "when stopped, leave the devices of profiles that fail closed closed"
    run.add_argument("--keep-guard", action="store_true", help=text)
    web = _command(commands, "web", "web", "serve the pages, in a process of their own")
    web.add_argument("--log", choices=("plain", "json"), default="plain", help="lines of the log")
    _command(commands, "first-boot", "firstboot", "write the first qalqan.yaml from a router's defaults")


def _add_setup(commands: Subparsers) -> None:
    setup = _command(
        commands, "setup", "setup.run", "make a gateway of this machine: look, propose, ask, write"
    )
    side = setup.add_mutually_exclusive_group()
    side.add_argument("--lan", metavar="IF", action="append", help="an interface that faces the home")
    side.add_argument("--one-armed", metavar="IF", help="the only interface: the home's side and the way out")
    side.add_argument("--undo", action="store_true", help="take back what setup wrote")
    setup.add_argument("--wan", metavar="IF", help="the interface that leads to the internet")
    setup.add_argument("--country", metavar="CC", help="two letters, or none")
    setup.add_argument("--timezone", metavar="TZ", help="as Asia/Almaty")
    how_often = ("daily", "weekly", "off")
    setup.add_argument("--lists", choices=how_often, help="how often lists of sites are downloaded")
    setup.add_argument("--dhcp", metavar="RANGE", help="have dnsmasq give out FIRST-LAST, or auto")
    setup.add_argument("--yes", action="store_true", help="ask nothing: every default holds")
    setup.add_argument(
        "--dry-run", action="store_true", help="show what would be written, and change nothing"
    )
    setup.add_argument("--root", metavar="DIR", type=Path, help="files below DIR; services are left alone")


def _add_looks(commands: Subparsers) -> None:
    text = "say what is wrong with files and system, and how to mend it"
    check = _command(commands, "check", "check.run", text)
    how = check.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object")
    how.add_argument("--steps", action="store_true", help="a line of JSON for each finding, for programs")
    _json(_command(commands, "status", "status", "say how the running daemon is"))
    text = "write one file for somebody who helps, with nothing personal in it"
    support = _command(commands, "support", "support", text)
    support.add_argument("file", metavar="FILE", nargs="?", type=Path, help="standard output without it")
    audit = _command(commands, "audit", "audit", "try each way around against a child's rules")
    audit.add_argument("who", metavar="WHO", nargs="?", help="a profile's id or name, or the MAC of a device")
    audit.add_argument("--only", metavar="CHECK", nargs="+", help="these alone; --list names them")
    audit.add_argument("--list", action="store_true", help="say what is tried, and try nothing")
    how = audit.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object")
    how.add_argument("--steps", action="store_true", help="a line of JSON for each check, for programs")


def _add_rules(commands: Subparsers) -> None:
    device = _actions(commands, "device", "device", "devices, and whose they are")
    _json(_command(device, "list", "device", "list every device that is known"))
    _json(_command(device, "scan", "device", "ask the home's network who is there"))
    assign = _command(device, "assign", "device", "say whose a device is")
    assign.add_argument("mac", metavar="MAC")
    assign.add_argument("profile", metavar="PROFILE", help="a profile's id or name, home or guest")
    answer = _command(device, "answer", "device", "answer what is asked about a device; `device list` has it")
    answer.add_argument("mac", metavar="MAC")
    answer.add_argument("answer", metavar="ANSWER", help="one of those that `device list` names")
    forget = _command(device, "forget", "device", "take a device out of every profile and forget it")
    forget.add_argument("mac", metavar="MAC")

    profile = _actions(commands, "profile", "profile", "profiles, as their files have them")
    _json(_command(profile, "list", "profile", "list every profile"))
    show = _command(profile, "show", "profile", "show a profile's rules and who set them")
    _json(show)
    show.add_argument("who", metavar="WHO", help="a profile's id or name, or the MAC of a device")
    show.add_argument("--week", action="store_true", help="its times on each of the next seven days")

    guardian = _actions(commands, "guardian", "guardian", "who may change the rules on the pages")
    _command(guardian, "list", "guardian", "list the guardians, and how an unclaimed gateway is claimed")
    add = _command(guardian, "add", "guardian", "add somebody and print a one-time code to sign in with")
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--role", choices=("guardian", "helper", "support"), help="a guardian, unless it is told"
    )
    add.add_argument("--minutes", type=int, metavar="N", help="that a helper may give a day and child; 30")
    for name, text in (
        ("reset", "end a guardian's sessions and print a new code"),
        ("remove", "remove a guardian and end their sessions"),
    ):
        one = _command(guardian, name, "guardian", text)
        one.add_argument("name", metavar="NAME")
    _command(commands, "button", "button", "say that the button on the gateway was pressed")


def _add_switches(commands: Subparsers) -> None:
    who = "a profile's id or name, the MAC of a device, or all: every child"
    pause = _command(commands, "pause", "switch", "close the internet for somebody, at once")
    pause.add_argument("who", metavar="WHO", help=who)
    pause.add_argument(
        "--for", dest="duration", metavar="30m", help="without it the pause ends at the next wake time"
    )
    resume = _command(commands, "resume", "switch", "end a pause")
    resume.add_argument("who", metavar="WHO", help=who)
    grant = _command(commands, "grant", "grant", "give extra time, or take the last one back")
    grant.add_argument("who", metavar="WHO", help=who)
    grant.add_argument("duration", metavar="15m", nargs="?", help="how much")
    grant.add_argument("--service", metavar="ID", help="for this service alone")
    grant.add_argument("--undo", action="store_true", help="take back what was given last")
    off = _command(
        commands,
        "off",
        "switch",
        "stop times and categories for everyone; lists that bind everyone stay",
    )
    off.add_argument("--for", dest="duration", metavar="1h", help="it returns by itself after that; an hour")
    _command(commands, "on", "switch", "filter again")


def _add_wishes(commands: Subparsers) -> None:
    request = _actions(commands, "request", "request", "what children ask for")
    listed = _command(request, "list", "request", "list what waits for an answer")
    listed.add_argument("--all", action="store_true", help="what was answered too")
    _json(listed)
    answer = _command(request, "answer", "request", "answer a request; the child sees the reason")
    answer.add_argument("id", metavar="ID", help="its number in the list")
    answer.add_argument("answer", metavar="ANSWER", help="once, today, always or no")
    answer.add_argument("--minutes", metavar="M", help="other than what was asked for")
    answer.add_argument("--because", metavar="TEXT", help="the reason, one line")
    ticket = _command(commands, "ticket", "ticket", "make one-time codes that a child enters on its page")
    ticket.add_argument("who", metavar="WHO", nargs="?", help="a profile's id or name, or all: any child")
    ticket.add_argument("duration", metavar="30m", nargs="?", help="what each is good for")
    ticket.add_argument("--count", metavar="N", default="1", help="how many; one")
    instead = ticket.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="say what is unused, without the codes")
    instead.add_argument("--withdraw", metavar="BATCH", help="codes of this batch are good no more")
    ledger = _command(commands, "ledger", "ledger", "say where a child's time went")
    ledger.add_argument("who", metavar="WHO", help="a profile's id or name, or the MAC of its device")
    ledger.add_argument("--day", metavar="D", help="as 2026-11-24; today")
    _json(ledger)


def _add_questions(commands: Subparsers) -> None:
    profile_help = "a profile's id or name, or the path of its file"
    why = _command(commands, "why", "why", "say what a host meets, and each rule passed on the way")
    why.add_argument("host", metavar="HOST", nargs="?")
    why.add_argument("--to", metavar="ADDRESS", help="a connection there, as 192.0.2.7:443")
    why.add_argument("--speaks", metavar="PROTO", help="what the connection speaks: tls, quic, wireguard, …")
    whose = why.add_mutually_exclusive_group(required=True)
    whose.add_argument("--profile", metavar="P", help=profile_help)
    whose.add_argument("--device", metavar="MAC", help="the rules of the one whose device it is")
    _at(why)
    _json(why)
    replay = _command(commands, "replay", "replay", "judge what is asked for in a capture, without a gateway")
    replay.add_argument("capture", metavar="CAPTURE", help="a pcap or pcapng file, or - for standard input")
    replay.add_argument("--profile", metavar="P", required=True, help=profile_help)
    _at(replay)
    replay.add_argument("--json", action="store_true", help="print one JSON object a line")


def _add_lists(commands: Subparsers) -> None:
    lists = _actions(commands, "lists", "lists", "lists of names, and the category table")
    build = _command(lists, "build", "lists", "build the table from all lists that are here")
    build.add_argument("--nice", action="store_true", help="with low priority, for the daemon")
    _command(lists, "check", "lists", "say which lists refuse a site that has to open from ten years on")
    update = _command(lists, "update", "lists", "fetch the lists that are due, then build the table")
    update.add_argument("source", metavar="SOURCE", nargs="*", help="beside those that are always fetched")
    update.add_argument("--force", action="store_true", help="those too that were fetched today")
    update.add_argument("--steps", action="store_true", help="a line of JSON now and then, for programs")
    _json(_command(lists, "status", "lists", "say how old each list is, and what is in the table"))
    lookup = _command(
        lists, "lookup", "lists", "say in which categories and services a host or an address is"
    )
    lookup.add_argument("host", metavar="HOST")
    _json(lookup)


def _add_sealed(commands: Subparsers) -> None:
    sealed = _actions(commands, "sealed", "sealed", "an issuer's sets of names that are refused for everyone")
    key = _command(sealed, "key", "sealed", "make an issuer's signing key, and print its public half")
    key.add_argument("file", metavar="FILE", type=Path)
    make = _command(sealed, "make", "sealed", "make a set of the names on standard input, one a line")
    make.add_argument("--issuer-key", required=True, metavar="FILE", type=Path, help="it signs the set")
    make.add_argument("--issuer", required=True, metavar="NAME", help="who decides what is in it")
    make.add_argument("--scope", required=True, metavar="TEXT", help="for whom it is, or of what kind")
    make.add_argument("--days", type=int, choices=range(1, 8), default=7, help="that it holds; 7")
    make.add_argument("--set", required=True, metavar="FILE", type=Path, help="where the set goes")
    make.add_argument(
        "--set-key", required=True, metavar="FILE", type=Path, help="where its key goes, for another way"
    )
    update = _command(sealed, "update", "sealed", "fetch this home's sets, and put in force what is new")
    update.add_argument("--nice", action="store_true", help="for the daemon, which reads the sets by itself")
    _json(_command(sealed, "status", "sealed", "say whose sets are in force, and until when"))
    appeals = _command(sealed, "appeals", "sealed_forms", "for a provider: which appeals wait for too long")
    record = _command(sealed, "record", "sealed_forms", "for a provider: whether a hotline's record is whole")
    for one in (appeals, record):
        one.add_argument("--today", metavar="DATE", type=date.fromisoformat, help="in place of this day")
    report = _command(sealed, "report", "sealed_forms", "for a provider: print the transparency report")
    for one in (appeals, record, report):
        one.add_argument("file", metavar="FILE", type=Path)
    report.add_argument("--appeals", required=True, metavar="FILE", type=Path, help="the log of appeals")


def _add_backups(commands: Subparsers) -> None:
    password = "its first line is the password; without it, it is asked for"
    backup = _command(
        commands, "backup", "backup", "write rules, grants and accounts into one encrypted file"
    )
    backup.add_argument("file", metavar="FILE", type=Path)
    backup.add_argument("--password-file", metavar="P", type=Path, help=password)
    restore = _command(
        commands, "restore", "backup", "put what is in such a file in place, after a look at it"
    )
    restore.add_argument("file", metavar="FILE", type=Path, nargs="?")
    restore.add_argument("--password-file", metavar="P", type=Path, help=password)
    restore.add_argument("--yes", action="store_true", help="do not ask before it is put in place")
    restore.add_argument("--undo", action="store_true", help="take the last one back")


def _add_certificate(commands: Subparsers) -> None:
    text = "the certificate of the pages' trusted name"
    certificate = _actions(commands, "certificate", "certificate", text)
    check = _command(certificate, "check", "certificate", "say what is wrong with it, a line for each thing")
    install = _command(certificate, "install", "certificate", "put a new one in place, after a look at it")
    for one, how in ((check, "?"), (install, None)):
        one.add_argument(
            "chain", metavar="CHAIN", type=Path, nargs=how, help="a PEM file, the name's own first"
        )
        one.add_argument("key", metavar="KEY", type=Path, nargs=how, help="a PEM file")
    name = _command(certificate, "name", "certificate", "make a name for this gateway that nobody can guess")
    name.add_argument("zone", metavar="ZONE", help="under this one, as gw.isp.example")
