"""`qalqan status`: the state of the running daemon."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping

from gateway.cli import output
from gateway.cli.settings import daemon, describe_tier, when
from gateway.control.contract.status import STATUS, DaemonVersion, HomeStatus
from gateway.control.schema import to_json
from gateway.control.verbs import UnexpectedAnswer

MEGABYTE = 1 << 20


def run(args: Namespace) -> int:
    client = daemon(args)
    try:
        status = client.ask(STATUS)
    except UnexpectedAnswer as error:
        version = client.ask(STATUS.returning(DaemonVersion))
        if args.json:
            output.as_json(to_json(version))
            output.problem(str(error))
        else:
            output.rows([("version", version.version or "?")])
            print(f"problem: {error}")
        return 0
    if args.json:
        output.as_json(to_json(status))
        return 0
    output.rows(_figures(status))
    output.rows(_children(status))
    for line in (*status.problems, *_list_warnings(status)):
        print(f"problem: {output.clean(line)}")
    return 0


def _list_warnings(status: HomeStatus) -> Iterator[str]:
    lists = status.lists
    if lists.feed is not None and lists.feed.problem:
        yield lists.feed.problem
    if not lists.warning:
        return
    if lists.warning == "old":
        text = f"lists: the newest was fetched {when(lists.newest)}"
    else:
        text = "lists: none was fetched yet, so most sites of blocked categories are open"
    if lists.running:
        done = "" if lists.percent is None else f" ({lists.percent} %)"
        yield f"{text}; an update is running{done}"
    elif lists.interval == "off":
        yield f"{text}; automatic updates are off; run: qalqan lists update"
    elif lists.next is not None:
        yield f"{text}; the next update is {when(lists.next)}; to try now, run: qalqan lists update"
    else:
        yield f"{text}; run: qalqan lists update"


def _figures(status: HomeStatus) -> Iterator[tuple[str, str]]:
    filtering = status.mode
    if status.off_until:
        filtering += f" until {when(status.off_until)}"
    if status.stopped_by_provider:
        filtering += ", stopped by the internet provider"
    if status.unclaimed:
        filtering += (
            "; the gateway is unclaimed: it only blocks malware and lists for everyone, and stores no device"
        )
    hours, minutes = divmod(status.uptime // 60, 60)
    yield "version", f"{status.version}, up {hours} h {minutes} min"
    yield "filtering", filtering
    down = status.internet == "down" and status.internet_since is not None
    yield "internet", f"{status.internet} since {when(status.internet_since)}" if down else status.internet
    if status.requests:
        yield "requests", f"{status.requests} to answer; see: qalqan request list"
    queues = status.queue.values()
    packets, waiting, dropped = (
        sum(getattr(queue, key) for queue in queues) for key in ("packets", "waiting", "dropped")
    )
    yield "queue", f"{status.backend}: {packets} packets, {waiting} waiting, {dropped} dropped"
    yield "flow table", "none" if status.offload == "none" else f"in {status.offload}"
    yield "connections", _packets_each(status.flows) or "none yet"
    judged, device = status.rates.judged, status.rates.tcp
    yield "rates", f"this machine judges {judged:,} packets a second, at most {device:,} of one device"
    verdicts = Counter[str]()
    for key, number in status.verdicts.items():
        verdicts[key.partition(":")[0]] += number
    shown = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    yield "verdicts", shown or "none yet"
    table, memory = status.table, status.memory
    yield "lists", f"{table.names} names, {table.bytes / MEGABYTE:.1f} MB, built {when(table.built)}"
    yield "list tier", f"{status.lists.tier}, {describe_tier(chosen=status.lists.tier_chosen)}"
    feed = status.lists.feed
    if feed is not None:
        checked = "never checked" if feed.checked is None else f"checked {when(feed.checked)}"
        yield "data", f"version {feed.version}, {'packaged' if feed.packaged else 'from the feed'}, {checked}"
    resident, private = memory.resident / MEGABYTE, memory.private / MEGABYTE
    yield "memory", f"{resident:.0f} MB, {private:.0f} MB of them private"


def _packets_each(flows: Mapping[str, int]) -> str:
    """Return text: the number of judged connections of each protocol, and the average packets of each one."""
    counts = (
        (name, flows.get(f"{key}_flows", 0), flows.get(f"{key}_packets", 0))
        for key, name in (("tls", "TLS"), ("http", "plain HTTP"), ("quic", "QUIC"))
    )
    return ", ".join(
        f"{number} {name} ({packets / number:.1f} packets each)" for name, number, packets in counts if number
    )


def _children(status: HomeStatus) -> Iterator[tuple[str, str, str]]:
    for child in status.profiles:
        count = len(child.devices)
        visible = [device for device in child.devices if device.online is not None]
        online = sum(bool(device.online) for device in visible)
        here = f"{online} of {count} devices here" if visible else f"{count} devices"
        yield (
            child.name or child.id,
            here if visible or not count else f"{here}, online status is private",
            child.sentence or child.state,
        )
