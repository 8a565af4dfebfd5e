"""The parser of the command line `qalqan`. It has every command and imports none of their modules."""

from __future__ import annotations

import argparse
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import __version__
from gateway.cli import COMMANDS
from gateway.policy.config.dns_providers import PROVIDERS

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

HELP_WIDTH = 100  # columns


class _Parser(argparse.ArgumentParser):
    """An argument parser with help of a fixed width: finding the terminal's width would load 1 MB."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, formatter_class=partial(argparse.HelpFormatter, width=HELP_WIDTH))


def build_parser() -> argparse.ArgumentParser:
    """Return the argument parser of ``qalqan``.

    ``args.module`` of its result is the module of the command, below the package ``gateway``, with
    ``run(args)``.
    """
    parser: argparse.ArgumentParser = _Parser(
        prog="qalqan",
        description="A family filter for home routers. Exit status: 0 done, 1 refused, 2 wrong usage.",
    )
    parser.add_argument("--config", type=Path, metavar="F", help="instead of /etc/qalqan/qalqan.yaml")
    parser.add_argument("--version", action="version", version=f"qalqan {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_services(commands)
    _add_setup(commands)
    _add_status(commands)
    _add_rules(commands)
    _add_switches(commands)
    _add_requests(commands)
    _add_explanations(commands)
    _add_lists(commands)
    _add_feed(commands)
    _add_sealed(commands)
    _add_backups(commands)
    _add_certificate(commands)
    return parser


def _command(commands: Subparsers, name: str, module: str, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    # SUPPRESS: a default would overwrite a --config before the command name.
    command.add_argument(
        "--config", type=Path, metavar="F", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    command.set_defaults(module=module if "." in module else f"{COMMANDS}.{module}")
    return command


def _actions(commands: Subparsers, name: str, module: str, text: str) -> Subparsers:
    command = _command(commands, name, module, text)
    return command.add_subparsers(dest="action", metavar="ACTION", required=True)


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _at(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at", metavar="ISO8601", help="the time, such as 2026-12-24T18:00, in the home's time zone"
    )


def _add_services(commands: Subparsers) -> None:
    run = _command(commands, "run", "run", "run the daemon in the foreground")
    run.add_argument("--log", choices=("plain", "json", "procd"), default="plain", help="format of the log")
    text = "after the stop, keep the nftables table until the next daemon replaces it"
    run.add_argument("--keep-guard", action="store_true", help=text)
    text = "start as root and become this user, with the rights to filter only"
    run.add_argument("--user", metavar="NAME", help=text)
    text = "another service runs the resolver of help lines with this file"
    run.add_argument("--help-service", metavar="FILE", type=Path, help=text)
    web = _command(commands, "web", "web", "serve the pages in a separate process")
    web.add_argument("--log", choices=("plain", "json", "procd"), default="plain", help="format of the log")
    mqtt = _command(commands, "mqtt", "mqtt", "connect to home automation over MQTT in a separate process")
    mqtt.add_argument("--log", choices=("plain", "json", "procd"), default="plain", help="format of the log")
    mqtt.add_argument("--settings", action="store_true", help=argparse.SUPPRESS)
    usp = _command(commands, "usp", "usp", "serve the router's USP agent in a separate process")
    usp.add_argument("--log", choices=("plain", "json", "procd"), default="plain", help="format of the log")
    what = usp.add_mutually_exclusive_group()
    what.add_argument("--document", choices=("xml", "bbfdm"), help="print the data model, and exit")
    text = "print the answer to a call of rpcd, and exit"
    what.add_argument("--call", choices=("state", "switch", "support_file"), help=text)
    text = "the domain or OUI in names of the data model; default: isp.example"
    usp.add_argument("--vendor", metavar="V", default="isp.example", help=text)
    _command(commands, "first-boot", "firstboot", "write the first qalqan.yaml from the router's defaults")


def _add_setup(commands: Subparsers) -> None:
    setup = _command(
        commands, "setup", "setup.run", "set up this machine as a gateway: inspect, propose, ask, write"
    )
    side = setup.add_mutually_exclusive_group()
    side.add_argument("--lan", metavar="IF", action="append", help="an interface to the home network")
    side.add_argument("--one-armed", metavar="IF", help="the only interface: home network and uplink")
    side.add_argument("--undo", action="store_true", help="undo what setup wrote")
    setup.add_argument("--wan", metavar="IF", help="the interface to the internet")
    setup.add_argument("--country", metavar="CC", help="two letters, or none")
    setup.add_argument("--timezone", metavar="TZ", help="such as Asia/Almaty")
    how_often = ("daily", "weekly", "off")
    setup.add_argument("--lists", choices=how_often, help="how often lists of sites are downloaded")
    setup.add_argument("--dhcp", metavar="RANGE", help="let dnsmasq assign FIRST-LAST, auto or none")
    setup.add_argument("--yes", action="store_true", help="ask nothing and use the defaults")
    setup.add_argument("--dry-run", action="store_true", help="show what would be written, without changes")
    setup.add_argument("--root", metavar="DIR", type=Path, help="write below DIR, without touching services")


def _add_status(commands: Subparsers) -> None:
    text = "check files and system, and show how to fix problems"
    check = _command(commands, "check", "check.run", text)
    how = check.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object")
    how.add_argument("--steps", action="store_true", help="print one JSON line for each finding")
    text = "check only what a provider's server sends (.tar.gz)"
    how.add_argument("--archive", metavar="FILE", type=Path, help=text)
    _json(_command(commands, "status", "status", "show the state of the running daemon"))
    text = "test within two minutes what works on a freshly installed gateway"
    acceptance = _command(commands, "acceptance", "acceptance", text)
    _json(acceptance)
    # What remains of two minutes is for ending a running filter test.
    text = "end with an error after so many seconds; default: 110"
    acceptance.add_argument("--within", metavar="SECONDS", type=int, default=110, help=text)
    text = "write a support file without personal data"
    support = _command(commands, "support", "support", text)
    support.add_argument("file", metavar="FILE", nargs="?", type=Path, help="default: standard output")
    support.add_argument(
        "--approved", action="store_true", help="with the support code, and only while a parent allows it"
    )
    audit = _command(commands, "audit", "audit", "test each bypass method against a child's rules")
    audit.add_argument(
        "who", metavar="WHO", nargs="?", help="a profile's id or name, guest, or the MAC of a device"
    )
    audit.add_argument("--only", metavar="CHECK", nargs="+", help="only these; --list shows all")
    audit.add_argument("--list", action="store_true", help="list the checks without running them")
    how = audit.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object")
    how.add_argument("--steps", action="store_true", help="print one JSON line for each check")


def _add_rules(commands: Subparsers) -> None:
    device = _actions(commands, "device", "device", "devices and their owners")
    _json(_command(device, "list", "device", "list all known devices"))
    _json(_command(device, "scan", "device", "scan the home network"))
    assign = _command(device, "assign", "device", "assign a device to a profile")
    assign.add_argument("mac", metavar="MAC")
    assign.add_argument(
        "profile", metavar="PROFILE", help="a profile's id or name, home, guest, visitor or adult"
    )
    answer = _command(device, "answer", "device", "answer a question about a device; see `device list`")
    answer.add_argument("mac", metavar="MAC")
    answer.add_argument("answer", metavar="ANSWER", help="one of those that `device list` shows")
    forget = _command(device, "forget", "device", "remove a device from all profiles and forget it")
    forget.add_argument("mac", metavar="MAC")

    profile = _actions(commands, "profile", "profile", "profiles in the files")
    _json(_command(profile, "list", "profile", "list all profiles"))
    show = _command(profile, "show", "profile", "show a profile's rules and their owners")
    _json(show)
    show.add_argument("who", metavar="WHO", help="a profile's id or name, or the MAC of a device")
    show.add_argument("--week", action="store_true", help="show its times of the next seven days")

    guardian = _actions(commands, "guardian", "guardian", "accounts of the pages, of every role")
    _command(guardian, "list", "guardian", "list the accounts, and how to claim an unclaimed gateway")
    add = _command(guardian, "add", "guardian", "add an account and print a one-time sign-in code")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=("guardian", "helper", "support"), help="default: guardian")
    add.add_argument(
        "--minutes", type=int, metavar="N", help="minutes that a helper may give per day and child; 30"
    )
    for name, text in (
        ("reset", "end the sessions of an account and print a new code"),
        ("remove", "remove an account and end its sessions"),
    ):
        command = _command(guardian, name, "guardian", text)
        command.add_argument("name", metavar="NAME")
    _command(commands, "button", "guardian", "report a press of the button on the gateway")


def _add_switches(commands: Subparsers) -> None:
    who = "a profile's id or name, the MAC of a device, or all: every child"
    pause = _command(commands, "pause", "switch", "pause the internet immediately")
    pause.add_argument("who", metavar="WHO", help=who)
    pause.add_argument("--for", dest="duration", metavar="30m", help="default: until the next wake time")
    resume = _command(commands, "resume", "switch", "end a pause")
    resume.add_argument("who", metavar="WHO", help=who)
    grant = _command(commands, "grant", "grant", "give extra time, or revoke the last grant")
    grant.add_argument("who", metavar="WHO", help=who)
    grant.add_argument("duration", metavar="15m", nargs="?", help="how much")
    grant.add_argument("--service", metavar="ID", help="only for this service")
    grant.add_argument("--undo", action="store_true", help="revoke the last grant")
    off = _command(
        commands,
        "off",
        "switch",
        "turn off times and categories for everyone; lists for everyone stay",
    )
    off.add_argument(
        "--for", dest="duration", metavar="1h", help="filtering returns after this time; default: an hour"
    )
    _command(commands, "on", "switch", "turn filtering on again")


def _add_requests(commands: Subparsers) -> None:
    request = _actions(commands, "request", "request", "requests of children")
    listed = _command(request, "list", "request", "list open requests")
    listed.add_argument("--all", action="store_true", help="include answered requests")
    _json(listed)
    answer = _command(request, "answer", "request", "answer a request; the child sees the reason")
    answer.add_argument("id", metavar="ID", help="its number in the list")
    answer.add_argument("answer", metavar="ANSWER", help="once, today, always or no")
    answer.add_argument("--minutes", metavar="M", help="other minutes than requested")
    answer.add_argument("--because", metavar="TEXT", help="the reason, one line")
    ticket = _command(commands, "ticket", "grant", "make one-time codes that children enter on their page")
    ticket.add_argument("who", metavar="WHO", nargs="?", help="a profile's id or name, or all: any child")
    ticket.add_argument("duration", metavar="30m", nargs="?", help="minutes of each code")
    ticket.add_argument("--count", metavar="N", default="1", help="number of codes; default: 1")
    instead = ticket.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="list unused batches, without codes")
    instead.add_argument("--withdraw", metavar="BATCH", help="withdraw the unused codes of a batch")
    ledger = _command(commands, "ledger", "ledger", "show the counted minutes of a child")
    ledger.add_argument("who", metavar="WHO", help="a profile's id or name, or the MAC of its device")
    ledger.add_argument("--day", metavar="D", help="such as 2026-11-24; default: today")
    _json(ledger)


def _add_explanations(commands: Subparsers) -> None:
    profile_help = "a profile's id or name, or the path of its file"
    why = _command(commands, "why", "why", "explain the decision for a host, with every rule checked")
    why.add_argument("host", metavar="HOST", nargs="?")
    why.add_argument("--to", metavar="ADDRESS", help="a connection to this address, such as 192.0.2.7:443")
    why.add_argument("--speaks", metavar="PROTO", help="protocol of the connection: tls, quic, wireguard, …")
    whose = why.add_mutually_exclusive_group(required=True)
    whose.add_argument("--profile", metavar="P", help=profile_help)
    whose.add_argument("--device", metavar="MAC", help="the rules of the device's owner")
    _at(why)
    _json(why)
    replay = _command(commands, "replay", "replay", "apply rules to a capture, without a gateway")
    replay.add_argument("capture", metavar="CAPTURE", help="a pcap or pcapng file, or - for standard input")
    replay.add_argument("--profile", metavar="P", required=True, help=profile_help)
    _at(replay)
    replay.add_argument("--json", action="store_true", help="print one JSON object per line")


def _add_lists(commands: Subparsers) -> None:
    lists = _actions(commands, "lists", "lists", "lists of sites, and the category table")
    build = _command(lists, "build", "lists", "build the table from all stored lists")
    build.add_argument("--nice", action="store_true", help="run with low priority, for the daemon")
    _command(lists, "check", "lists", "show lists that block a site that must open from age ten on")
    update = _command(lists, "update", "lists", "fetch the lists that are due, then build the table")
    update.add_argument("source", metavar="SOURCE", nargs="*", help="turn this list on, and fetch it too")
    update.add_argument(
        "--force", action="store_true", help="also lists that were fetched less than two hours ago"
    )
    update.add_argument("--steps", action="store_true", help="print progress as JSON lines")
    _json(_command(lists, "status", "lists", "show the age of each list, and the table"))
    _json(_command(lists, "reports", "lists", "show the list entries that parents reported as wrong"))
    lookup = _command(lists, "lookup", "lists", "show the categories and services of a host or an address")
    lookup.add_argument("host", metavar="HOST")
    _json(lookup)


def _add_feed(commands: Subparsers) -> None:
    feed = _actions(commands, "feed", "feed", "the signed data feed: services, own lists, help lines")
    _json(_command(feed, "status", "feed", "show the data in use and the last check"))
    _command(feed, "update", "feed", "check the feed, and use new data")
    init = _command(feed, "init", "feed", "for a publisher: make keys and an empty feed")
    init.add_argument("--keys", required=True, metavar="FOLDER", type=Path, help="folder for the new keys")
    for role, keys in (("root", 2), ("targets", 1)):
        init.add_argument(f"--{role}-keys", type=int, default=keys, metavar="N", help=f"default: {keys}")
        needed = f"keys that must sign; default: {keys}"
        init.add_argument(f"--{role}-threshold", type=int, default=keys, metavar="N", help=needed)
    build = _command(feed, "build", "feed", "for a publisher: bundle data that then waits for signatures")
    build.add_argument("--data", metavar="FOLDER", type=Path, help="folder like profiles; default: packaged")
    build.add_argument("--version", dest="number", type=int, metavar="N", help="YYYYMMDDnn; default: today's")
    build.add_argument(
        "--tables", metavar="FOLDER", type=Path, help="add category tables, from the lists in FOLDER/lists"
    )
    build.add_argument("--fetch", action="store_true", help="download these lists before")
    provider = _command(feed, "provider", "feed", "for a publisher: let a provider sign files of its own")
    provider.add_argument("name", metavar="NAME", help="such as alma-net; the folder of its files")
    provider.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="FILE",
        type=Path,
        help="its public key; none: remove it",
    )
    add = _command(feed, "add", "feed", "for a provider: add files, which then wait for its signature")
    add.add_argument("name", metavar="NAME", help="the provider's name")
    add.add_argument("files", nargs="+", metavar="FILE", type=Path)
    for command in (build, add):
        command.add_argument(
            "--rollout", type=int, metavar="PERCENT", help="only for so many of 100 gateways at first"
        )
    rollout = _command(feed, "rollout", "feed", "for a publisher or provider: widen, stop or end a roll-out")
    rollout.add_argument("--provider", metavar="NAME", help="of its files; default: of the data")
    rollout.add_argument(
        "--file", action="append", default=[], metavar="NAME", help="of this file only; default: of all"
    )
    step = rollout.add_mutually_exclusive_group(required=True)
    step.add_argument("--percent", type=int, metavar="PERCENT", help="for so many of 100 gateways; 0: stop")
    step.add_argument("--withdraw", action="store_true", help="gateways return to what they had before")
    step.add_argument("--finish", action="store_true", help="for all gateways, permanently")
    rotate = _command(feed, "rotate", "feed", "for a publisher: change keys, or extend the root's validity")
    rotate.add_argument("--role", choices=("root", "targets", "snapshot", "timestamp"), default="root")
    rotate.add_argument("--add", action="append", default=[], metavar="FILE", type=Path, help="a public key")
    rotate.add_argument("--remove", action="append", default=[], metavar="ID", help="beginning of a key id")
    rotate.add_argument("--threshold", type=int, metavar="N", help="keys that must sign")
    sign = _command(feed, "sign", "feed", "for a publisher: sign what waits, with offline keys")
    publish = _command(feed, "publish", "feed", "for a publisher: publish what is signed; renew signatures")
    info = _command(feed, "info", "feed", "for a publisher: show versions, validity and keys of a feed")
    for command in (sign, publish):
        command.add_argument("--key", action="append", required=True, metavar="FILE", type=Path)
    for command in (init, build, provider, add, rollout, rotate, sign, publish, info):
        command.add_argument("folder", metavar="FEED", type=Path, help="the feed's folder")
    key = _command(feed, "key", "feed", "for a publisher: make a signing key")
    key.add_argument("file", metavar="FILE", type=Path)


def _add_sealed(commands: Subparsers) -> None:
    sealed = _actions(
        commands, "sealed", "sealed", "sealed lists: names of an issuer that are blocked for everyone"
    )
    key = _command(sealed, "key", "sealed", "create a signing key for an issuer, and print its public half")
    key.add_argument("file", metavar="FILE", type=Path)
    make = _command(sealed, "make", "sealed", "make a list from names on standard input, one per line")
    make.add_argument("--issuer-key", required=True, metavar="FILE", type=Path, help="signs the list")
    make.add_argument("--issuer", required=True, metavar="NAME", help="the issuer's name")
    make.add_argument("--scope", required=True, metavar="TEXT", help="scope of the list")
    make.add_argument("--days", type=int, choices=range(1, 8), default=7, help="validity in days; default: 7")
    make.add_argument("--set", required=True, metavar="FILE", type=Path, help="output file of the list")
    make.add_argument(
        "--set-key", required=True, metavar="FILE", type=Path, help="output file of its key, sent separately"
    )
    update = _command(sealed, "update", "sealed", "fetch this household's lists, and apply new ones")
    update.add_argument("--nice", action="store_true", help="for the daemon, which loads the lists itself")
    _json(_command(sealed, "status", "sealed", "show the lists in effect and their expiry"))
    appeals = _command(sealed, "appeals", "sealed", "for a provider: list overdue appeals")
    record = _command(sealed, "record", "sealed", "for a provider: check the record of a hotline")
    for command in (appeals, record):
        command.add_argument("--today", metavar="DATE", type=date.fromisoformat, help="instead of today")
    report = _command(sealed, "report", "sealed", "for a provider: print the transparency report")
    for command in (appeals, record, report):
        command.add_argument("file", metavar="FILE", type=Path)
    report.add_argument("--appeals", required=True, metavar="FILE", type=Path, help="the log of appeals")


def _add_backups(commands: Subparsers) -> None:
    password = "a file with the password in its first line; default: ask"
    backup = _command(
        commands, "backup", "backup", "write rules, grants and accounts into one encrypted file"
    )
    backup.add_argument("file", metavar="FILE", type=Path, nargs="?")
    backup.add_argument("--password-file", metavar="P", type=Path, help=password)
    backup.add_argument(
        "--automatic", action="store_true", help="FILE is a folder on a mounted drive: make backups there"
    )
    backup.add_argument("--every", choices=("daily", "weekly"), default="daily")
    backup.add_argument("--keep", metavar="N", type=int, default=7, help="how many automatic backups stay")
    backup.add_argument("--scheduled", action="store_true", help="make an automatic backup if it is due")
    backup.add_argument("--now", action="store_true", help="with --scheduled: in any case")
    restore = _command(commands, "restore", "backup", "restore a backup after a preview")
    restore.add_argument("file", metavar="FILE", type=Path, nargs="?")
    restore.add_argument("--password-file", metavar="P", type=Path, help=password)
    restore.add_argument("--yes", action="store_true", help="do not ask before restoring")
    restore.add_argument("--undo", action="store_true", help="undo the last restore")


def _add_certificate(commands: Subparsers) -> None:
    text = "the certificate of the pages' trusted name"
    certificate = _actions(commands, "certificate", "certificate", text)
    check = _command(certificate, "check", "certificate", "print one line for each problem")
    install = _command(certificate, "install", "certificate", "check and install a new one")
    for command, how in ((check, "?"), (install, None)):
        command.add_argument(
            "chain",
            metavar="CHAIN",
            type=Path,
            nargs=how,
            help="a PEM file, the certificate of the name first",
        )
        command.add_argument("key", metavar="KEY", type=Path, nargs=how, help="a PEM file")
    get = _command(certificate, "get", "certificate", "get one from a free authority by a DNS provider")
    get.add_argument("name", metavar="NAME", help="the gateway's name at the provider")
    get.add_argument("--provider", required=True, choices=tuple(PROVIDERS), help="where the name is")
    get.add_argument("--email", required=True, metavar="E", help="your address, for the authority")
    get.add_argument("--token-file", type=Path, metavar="T", help="the provider's token; default: ask")
    get.add_argument("--server", default="", metavar="URL", help="another authority than Let's Encrypt")
    renew = _command(certificate, "renew", "certificate", "renew the one that `get` got, if it is due")
    renew.add_argument("--steps", action="store_true", help=argparse.SUPPRESS)
    name = _command(certificate, "name", "certificate", "make a name for this gateway that cannot be guessed")
    name.add_argument("zone", metavar="ZONE", help="the parent domain, such as gw.isp.example")
