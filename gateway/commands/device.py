"""`qalqan device`: whose a device is. The daemon writes the profiles' files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from gateway.commands import output
from gateway.commands.settings import daemon


def run(args: Namespace) -> int:
    client = daemon(args)
    if args.action == "list":
        answer = client.call("devices")
        if args.json:
            output.as_json(answer)
            return 0
        output.rows(
            (
                (
                    one["mac"],
                    one.get("profile") or "-",
                    "online" if one.get("online") else "away",
                    one.get("ip") or "-",
                    one.get("name") or "-",
                )
                for one in answer["devices"]
            ),
            ("MAC", "PROFILE", "NOW", "ADDRESS", "NAME"),
        )
        for one in answer["devices"]:
            if one.get("question"):
                _print_question(one["question"])
        return 0
    if args.action == "assign":
        answer = client.call("assign", mac=args.mac, profile=args.profile, by="console")
        print(f"{output.clean(args.mac)} is {output.clean(answer.get('profile') or args.profile)} now")
    elif args.action == "answer":
        said = args.answer.replace("-", "_")
        answer = client.call("identify", mac=args.mac, answer=said, by="console")
        print(f"{output.clean(args.mac)}: {output.clean(answer.get('profile') or args.answer)}")
    else:
        answer = client.call("forget", mac=args.mac, by="console")
        print(f"{output.clean(args.mac)} is forgotten")
    for line in answer.get("problems") or ():
        output.problem(line)
    return 0


def _print_question(question: Mapping[str, Any]) -> None:
    mac = output.clean(question["mac"])
    ways = "|".join(question.get("replies") or ())
    print(f"\n{output.clean(question['sentence'])}")
    if question.get("people"):
        print(f"  qalqan device assign {mac} PROFILE")
    print(f"  qalqan device answer {mac} {output.clean(ways)}")
