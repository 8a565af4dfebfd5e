"""`qalqan device`: devices on the home network, and their owners. The daemon writes the profiles' files."""

from __future__ import annotations

import time
from argparse import Namespace
from datetime import datetime

from gateway.cli import output
from gateway.cli.settings import daemon, when
from gateway.control.client import Client
from gateway.control.contract.devices import (
    ASSIGN,
    DEVICES,
    FORGET,
    IDENTIFY,
    SCAN,
    DeviceDetails,
    OpenQuestion,
)
from gateway.control.schema import to_json
from gateway.core.errors import ControlError
from gateway.policy.profile.rules import PresenceDetail

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
        assigned = client.ask(ASSIGN, mac=args.mac, profile=args.profile, by="console")
        problems = assigned.problems
        print(f"{output.clean(args.mac)} is {output.clean(assigned.profile or args.profile)} now")
    elif args.action == "answer":
        reply = args.answer.replace("-", "_")
        identified = client.ask(IDENTIFY, mac=args.mac, answer=reply, by="console")
        problems = identified.problems
        print(f"{output.clean(args.mac)}: {output.clean(identified.profile or args.answer)}")
    else:
        problems = client.ask(FORGET, mac=args.mac, by="console").problems
        print(f"{output.clean(args.mac)} is forgotten")
    for line in problems:
        output.problem(line)
    return 0


def _list(client: Client, *, as_json: bool) -> int:
    answer = client.ask(DEVICES)
    if as_json:
        output.as_json(to_json(answer))
    else:
        output.rows(map(_row, answer.devices), _HEAD)
        for device in answer.devices:
            if device.question is not None:
                _print_question(device.question)
    return 0


def _row(device: DeviceDetails) -> tuple[object, ...]:
    addresses = device.addresses or ((device.ip,) if device.ip else ())
    shown = sorted(addresses, key=lambda ip: (":" in ip, ip.startswith("fe80:")))[:ADDRESSES]
    more = len(addresses) - len(shown)
    vendor = "random address" if device.random else device.vendor or "-"
    if device.behind:
        vendor += f", a repeater for {len(device.behind)}"
    return (
        device.mac,
        device.name or "-",
        device.profile or "-",
        "private" if device.online is None else "online" if device.online else "away",
        device.kind or "-",
        vendor,
        _seen(device.first_seen, device.sightings),
        _seen(device.last_seen, device.sightings),
        (" ".join(shown) + (f" +{more}" if more else "")) or "-",
    )


def _seen(time: datetime | None, sightings: PresenceDetail) -> str:
    """Return the text of when a device was seen: weekday and time, or a date and time if it is not near.

    With ``sightings`` DAY, the clock time is left out. For None, return ``-``.
    """
    if time is None:
        return "-"
    text = when(time)
    return text.rpartition(" ")[0] if sightings == PresenceDetail.DAY else text


def _scan(client: Client, *, as_json: bool) -> int:
    before = {device.mac for device in client.ask(DEVICES).devices}
    client.ask(SCAN)
    end = time.monotonic() + SCAN_LASTS
    answer = client.ask(SCAN, look=True)
    while answer.running and time.monotonic() < end:
        time.sleep(LOOK_EVERY)
        answer = client.ask(SCAN, look=True)
    if answer.running or answer.problem:
        msg = f"scan: {answer.problem or 'it did not finish'}; see the daemon's log"
        raise ControlError(msg)
    new = sorted(set(answer.found) - before)
    if as_json:
        output.as_json({"found": answer.found, "new": new})
        return 0
    print(f"{len(answer.found)} devices answered, {len(new)} of them new")
    for mac in new:
        print(output.clean(mac))
    return 0


def _print_question(question: OpenQuestion) -> None:
    mac, ways = output.clean(question.mac), "|".join(question.replies)
    print(f"\n{output.clean(question.sentence)}")
    if question.people:
        print(f"  qalqan device assign {mac} PROFILE")
    print(f"  qalqan device answer {mac} {output.clean(ways)}")
