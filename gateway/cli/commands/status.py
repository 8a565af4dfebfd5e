"""`qalqan status`: the state of the running daemon."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.cli import output
from gateway.cli.settings import daemon, when

MEGABYTE = 1 << 20


def run(args: Namespace) -> int:
    answer = daemon(args).call("status")
    if args.json:
        output.as_json(answer)
    else:
        output.rows(_figures(answer))
        output.rows(_children(answer))
        for line in (*(answer.get("problems") or ()), *_list_warnings(answer)):
            print(f"problem: {output.clean(line)}")
    return 0


def _list_warnings(answer: Mapping[str, Any]) -> Iterator[str]:
    lists = answer.get("lists")
    warning = lists.get("warning") if isinstance(lists, Mapping) else None
    if not isinstance(lists, Mapping) or not warning:
        return
    if warning == "old":
        text = f"lists: the newest was fetched {when(lists.get('newest'))}"
    else:
        text = "lists: none was fetched yet, so most sites of blocked categories are open"
    if lists.get("running"):
        yield f"{text}; an update is running"
    elif lists.get("interval") == "off":
        yield f"{text}; automatic updates are off; run: qalqan lists update"
    elif lists.get("next"):
        yield f"{text}; the next update is {when(lists['next'])}; to try now, run: qalqan lists update"
    else:
        yield f"{text}; run: qalqan lists update"


def _figures(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    filtering = answer.get("mode", "on")
    if answer.get("off_until"):
        filtering += f" until {when(answer['off_until'])}"
    if answer.get("unclaimed"):
        filtering += (
            "; the gateway is unclaimed: it only blocks malware and lists for everyone, and stores no device"
        )
    hours, minutes = divmod(int(answer.get("uptime", 0)) // 60, 60)
    yield "version", f"{answer.get('version', '?')}, up {hours} h {minutes} min"
    yield "filtering", filtering
    internet = answer.get("internet", "unknown")
    since = when(answer.get("internet_since")) if internet == "down" else ""
    yield "internet", f"{internet} since {since}" if since else internet
    if answer.get("requests"):
        yield "requests", f"{answer['requests']} to answer; see: qalqan request list"
    queues = answer.get("queue")
    if isinstance(queues, Mapping):
        waiting, dropped = (
            sum(queue.get(key, 0) for queue in queues.values()) for key in ("waiting", "dropped")
        )
        packets = sum(queue.get("packets", 0) for queue in queues.values())
        where = answer.get("backend", "queue")
        yield "queue", f"{where}: {packets} packets, {waiting} waiting, {dropped} dropped"
    verdicts = answer.get("verdicts")
    if isinstance(verdicts, Mapping):
        counted: dict[str, int] = {}
        for key, number in verdicts.items():
            verdict = key.partition(":")[0]
            counted[verdict] = counted.get(verdict, 0) + number
        shown = ", ".join(f"{number} {verdict}" for verdict, number in sorted(counted.items()))
        yield "verdicts", shown or "none yet"
    table = answer.get("table")
    if isinstance(table, Mapping):
        size = table.get("bytes", 0) / MEGABYTE
        yield "lists", f"{table.get('names', 0)} names, {size:.1f} MB, built {when(table.get('built'))}"
    memory = answer.get("memory")
    if isinstance(memory, Mapping):
        resident, private = (memory.get(key, 0) / MEGABYTE for key in ("resident", "private"))
        yield "memory", f"{resident:.0f} MB, {private:.0f} MB of them private"


def _children(answer: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for child in answer.get("profiles") or ():
        devices = child.get("devices") or ()
        visible = [device for device in devices if device.get("online") is not None]
        online = sum(bool(device["online"]) for device in visible)
        here = f"{online} of {len(devices)} devices here" if visible else f"{len(devices)} devices"
        name = child.get("name") or child.get("id", "?")
        yield (
            name,
            here if visible or not devices else f"{here}, online status is private",
            child.get("sentence") or child.get("state", ""),
        )
