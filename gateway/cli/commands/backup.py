"""`qalqan backup` and `qalqan restore`: one file with rules, grants and accounts, which a password opens."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.cli import output
from gateway.cli.settings import daemon, when
from gateway.control.backups import fetch, send
from gateway.control.client import Client
from gateway.core.errors import ControlError
from gateway.core.files import read_bounded, write_atomically
from gateway.web.backup_seal import MOST_FILE, PASSWORD_MOST, SealError, seal, unseal

YES = ("y", "yes")


def run(args: Namespace) -> int:
    client = daemon(args)
    if args.command == "backup":
        return _backup(args, client)
    if args.undo:
        client.call("restore", action="undo")
        print("The last backup that was put in place is taken back.")
        return 0
    if args.file is None:
        msg = "restore: name the file of a backup, or --undo"
        raise ControlError(msg)
    return _restore(args, client)


def _backup(args: Namespace, client: Client) -> int:
    password = _password(args.password_file, twice=True)
    text, left_out = fetch(client)
    write_atomically(args.file, seal(text.encode("ascii"), password))
    for name in left_out:
        output.problem(f"{name} is not in it: its name or what stands in it is no plain text")
    print(f"{output.clean(args.file)}: rules, grants, accounts and names; only its password opens it")
    return 0


def _restore(args: Namespace, client: Client) -> int:
    data = read_bounded(args.file, MOST_FILE)
    text = unseal(data, _password(args.password_file)).decode("utf-8", "replace")
    token = send(client, text)
    told = client.call("restore", action="look", token=token)
    for line in _lines(told):
        print(output.clean(line))
    if told["same"]:
        client.call("restore", action="drop")
        return 0
    if not args.yes and input("Put it in place? [y/N] ").strip().lower() not in YES:
        client.call("restore", action="drop")
        print("Nothing was changed.")
        return 1
    problems = client.call("restore", action="apply", token=token)["problems"]
    for line in problems:
        output.problem(line)
    print("It is in place. To take it back: qalqan restore --undo")
    return 0


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    names = ", ".join(one["name"] for one in told["children"]) or "none"
    yield f"Made {when(told['made'])} by {told['by']} on {told['gateway']}, Qalqan {told['version']}"
    yield f"Children: {names}"
    if told["same"]:
        yield "It is as everything is now: there is nothing to change."
        return
    for key, words in (
        ("fresh", "Comes"), ("changed", "Changes"), ("gone", "Goes"), ("added", "Gets an account"),
        ("problems", "Cannot be used"),
    ):  # fmt: skip
        for one in told[key]:
            yield f"{words}: {one}"
    for key, words in (
        ("devices", "devices change"),
        ("pins", "PINs change"),
        ("self_set", "times that children set for themselves change"),
        ("grants", "pauses and extra times come"),
        ("steps", "steps into the next band are put off, as they were"),
    ):
        if told[key]:
            yield f"{told[key]} {words}"
    if told["settings"]:
        yield "The home's settings or lists change."


def _password(file: Path | None, *, twice: bool = False) -> str:
    """Out of the first line of a file, or typed. Never an argument: others would see it."""
    if file is not None:
        first = read_bounded(file, 4 * PASSWORD_MOST).partition(b"\n")[0]
        return first.decode("utf-8", "replace").rstrip("\r")
    if not sys.stdin.isatty() and not os.path.exists("/dev/tty"):
        msg = "nobody can type a password here; name a file with --password-file"
        raise SealError(msg)
    typed = getpass.getpass("Password of the backup: ")
    if twice and getpass.getpass("Once more: ") != typed:
        msg = "the two passwords are not the same; nothing was written"
        raise SealError(msg)
    return typed
