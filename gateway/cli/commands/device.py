"""`qalqan device`: devices on the home network, and their owners. The daemon writes the profiles' files."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from gateway.cli import output
from gateway.cli.settings import daemon, when
from gateway.control.client import Client
from gateway.core.errors import ControlError

SCAN_LASTS = 25.0  # seconds; the daemon ends a scan after 20
LOOK_EVERY = 0.3  # seconds
ADDRESSES = 3  # addresses of a device in a row; --json has all

_HEAD = ("MAC", "NAME", "OWNER", "NOW", "KIND", "VENDOR", "FIRST SEEN", "LAST SEEN", "ADDRESSES")


def run(args: Namespace) -> int:
    client = daemon(args)
    if args.action == "list":
        return _list(client, as_json=args.json)
    if args.action == "scan":
        return _scan(client, as_json=args.json)
    if args.action == "assign":
        answer = client.call("assign", mac=args.mac, profile=args.profile, by="console")
        print(f"{output.clean(args.mac)} is {output.clean(answer.get('profile') or args.profile)} now")
    elif args.action == "answer":
        reply = args.answer.replace("-", "_")
        answer = client.call("identify", mac=args.mac, answer=reply, by="console")
        print(f"{output.clean(args.mac)}: {output.clean(answer.get('profile') or args.answer)}")
    else:
        answer = client.call("forget", mac=args.mac, by="console")
        print(f"{output.clean(args.mac)} is forgotten")
    for line in answer.get("problems") or ():
        output.problem(line)
    return 0


def _list(client: Client, *, as_json: bool) -> int:
    answer = client.call("devices")
    if as_json:
        output.as_json(answer)
    else:
        output.rows(map(_row, answer["devices"]), _HEAD)
        for device in answer["devices"]:
            if device.get("question"):
                _print_question(device["question"])
    return 0


def _row(device: Mapping[str, Any]) -> tuple[object, ...]:
    addresses = device.get("addresses") or [device["ip"]] * bool(device.get("ip"))
    shown = sorted(addresses, key=lambda ip: (":" in ip, ip.startswith("fe80:")))[:ADDRESSES]
    more = len(addresses) - len(shown)
    vendor = "random address" if device.get("random") else device.get("vendor") or "-"
    if device.get("behind"):
        vendor += f", a repeater for {len(device['behind'])}"
    return (
        device["mac"],
        device.get("name") or "-",
        device.get("profile") or "-",
        "private" if device.get("online") is None else "online" if device["online"] else "away",
        device.get("kind") or "-",
        vendor,
        _seen(device, "first_seen"),
        _seen(device, "last_seen"),
        (" ".join(shown) + (f" +{more}" if more else "")) or "-",
    )


def _seen(device: Mapping[str, Any], key: str) -> str:
    """Return a time or a day, as exactly as the daemon reports it, or "-"."""
    text = when(device[key]) if device.get(key) else "-"
    return text.rpartition(" ")[0] if device.get("sightings") == "day" else text


def _scan(client: Client, *, as_json: bool) -> int:
    before = {device["mac"] for device in client.call("devices")["devices"]}
    client.call("scan")
    end = time.monotonic() + SCAN_LASTS
    answer = client.call("scan", look=True)
    while answer["running"] and time.monotonic() < end:
        time.sleep(LOOK_EVERY)
        answer = client.call("scan", look=True)
    if answer["running"] or answer["problem"]:
        msg = f"scan: {answer['problem'] or 'it did not finish'}; see the daemon's log"
        raise ControlError(msg)
    new = sorted(set(answer["found"]) - before)
    if as_json:
        output.as_json({"found": answer["found"], "new": new})
        return 0
    print(f"{len(answer['found'])} devices answered, {len(new)} of them new")
    for mac in new:
        print(output.clean(mac))
    return 0


def _print_question(question: Mapping[str, Any]) -> None:
    mac = output.clean(question["mac"])
    ways = "|".join(question.get("replies") or ())
    print(f"\n{output.clean(question['sentence'])}")
    if question.get("people"):
        print(f"  qalqan device assign {mac} PROFILE")
    print(f"  qalqan device answer {mac} {output.clean(ways)}")
