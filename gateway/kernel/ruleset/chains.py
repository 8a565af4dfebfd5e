"""Builds the chains of the nftables table: the path of a packet from the LAN interface to the uplink.

``who`` determines a connection's slot when it begins. Every forwarded packet passes one chain, ``forward``;
unfiltered and decided flows pass few of its rules, and ``ask`` queues the rest. From there a packet passes
``forward`` again with the verdict in its mark, and ``judged`` copies it to the connection. Only constants are
OR-ed into marks: kernels before 6.18 refuse a whole transaction for anything else.

Untracked and invalid packets have no connection mark, so rules that read the mark never match them. The order
of the rules takes this into account: rules that must not match them check for a slot first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.kernel.marks import (
    ANSWER,
    ANSWERED_OTHERWISE,
    ASKED,
    ASKING,
    COPY_RANGE,
    FORGED,
    GROUPS,
    MARK_MASK,
    OPEN_QUEUES,
    QUESTION,
    SLOT_CODE_BITS,
    STATE_BITS,
    STATE_MASK,
    FlowState,
    MarkLayout,
    QueueKind,
    hexed,
    queue_number,
    slot_group,
)
from gateway.kernel.ruleset.expressions import (
    ESP,
    SERVER_HELLO,
    Chains,
    Expressions,
    braced,
    queue_chain,
    queue_target,
    without_payload,
)
from gateway.kernel.snapshot import Snapshot

ICMP, IGMP, TCP, UDP, ICMPV6 = 1, 2, 6, 17, 58  # MLD and neighbour discovery are ICMPv6
DNS, DHCP, NTP, DHCPV6, MDNS = 53, 67, 123, 547, 5353
MP_JOIN = 1  # an MPTCP option (RFC 8684, table 2)
# After UDP's header: long header and version (RFC 8999 5.1). v1 and v2; drafts and mvfst.
_LONG_HEADERS = (
    ("0x80ffffffff", ("0x8000000001", "0x806b3343cf")),
    ("0x80ffffff00", ("0x80ff000000", "0x80faceb000")),
)

NAME_AT = 160  # bits: offset of the name in a query, after UDP's and DNS's headers
LABEL_SEEN = 15  # bytes of a label: with its length byte the maximum of one nft comparison, 128 bits

_OF_VERDICTS = frozenset({"no_new_verdict", "judged", "verdict", "copy_verdict", "passing", "helped"})


def chains(snapshot: Snapshot) -> Chains:
    """Return the rules of all chains of the nftables table by chain name, except ``queue_targets``.

    The order is fixed. The rules depend on the snapshot; the hooks of the base chains never do.
    """
    words = Expressions(snapshot)
    found = {
        **_who(snapshot, words),
        **_dns(snapshot, words),
        **_door(snapshot, words),
        **_forward(snapshot, words),
        **_portless(snapshot, words),
        **_ending(snapshot, words),
        **_echoed(snapshot, words),
        **_asking(snapshot, words),
        **_undecided(snapshot, words),
        **_answerable(snapshot, words),
        **_another(snapshot, words),
        **_unfiltered(snapshot),
        **_queues(snapshot, words),
        **_verdict(snapshot, words),
        **_forged(snapshot, words),
    }
    return _without_verdicts(found) if snapshot.alone else found


def _who(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chains that find the slot of a connection's device.

    They look up the IP address if the gateway knows that a filtered device answers for it, else the MAC.

    The IP address comes first, since a sender can write any MAC and still gets the responses. Each slot has
    one chain, since a map cannot provide the value that is OR-ed into a mark.

    ``steer`` enters this for the first packet of a connection: the kernel calls nat chains for no other. For
    connections from outside, or older than our table, ``ask`` enters it for the first packet from the LAN
    without a slot.
    """
    layout, examined = snapshot.layout, snapshot.examined
    out: Chains = {
        "who": [
            "iifname . ip saddr vmap @owner4",
            "iifname . ip6 saddr vmap @owner6",
            "ether saddr vmap @dev",
            *_unassigned(snapshot.unassigned, snapshot.guest),
        ],
        **({"examined": list(_unassigned(examined.unassigned, examined.guest))} if examined.macs else {}),
        "plain": [
            f"{words.dns} ct mark set ct mark | {hexed(layout.plain_dns)} return",
            f"ct mark set ct mark | {hexed(layout.plain)}",
        ],
    }
    for slot in snapshot.slots:
        out[f"slot{slot.number}"] = [
            f"ct mark set ct mark | {hexed(layout.ct_mark(slot.number))}",
            "ct state invalid,untracked drop",  # only from `unseen` and `door`: others have a connection
        ]
    return out


def _unassigned(slots: Iterable[tuple[str, int | None]], guest: int | None) -> Iterator[str]:
    """Yield the rules that find the slot (the number in the mark) of a device without an owner.

    ``slots``: interfaces with their slot; all others have the slot ``guest``. None: not
    filtered.
    """
    by_interface = [f'"{name}" : goto {_owner_chain(slot)}' for name, slot in slots]
    if by_interface:
        yield f"iifname vmap {braced(sorted(by_interface))}"
    yield f"goto {_owner_chain(guest)}"


def _owner_chain(slot: int | None) -> str:
    return "plain" if slot is None else f"slot{slot}"


def _forward(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chains that every forwarded packet passes, from the base chain ``forward`` on.

    The first rules cost every packet of the network: one comparison for unfiltered flows; four and the lookup
    for flows that pass.
    """
    return {
        "forward": [
            "type filter hook forward priority -155; policy accept;",
            f"{words.unfiltered} {'goto unfiltered' if snapshot.offload else 'accept'}",
            *(() if snapshot.alone else _known(words)),
            "goto ask",
        ],
        # Not from the queue, or with a verdict that the connection already has.
        "no_new_verdict": [words.clear_packet, *_decided(words), "goto ask"],
        "ask": [
            f"{words.no_slot} {words.from_lan} jump who",
            f"{words.no_slot} accept",
            "ct state invalid,untracked goto unseen",
            f"{words.question} goto again",
            f"{words.plain} accept",
            f"{words.answer} goto answer",
            f"{words.refused} goto refused",
            *([] if snapshot.arm else [f"{words.from_lan} {words.to_lan} goto apply_verdict"]),
            *_beyond_door(words),
            *(_forward_without_daemon(words) if snapshot.alone else _asked(snapshot, words)),
        ],
        "unseen": [
            f"{words.by_lan} goto who" if snapshot.arm else f"{words.by_lan} {words.not_to_lan} goto who"
        ],
    }


def _asked(snapshot: Snapshot, words: Expressions) -> Iterator[str]:
    # A reset that expires before it reaches the server makes conntrack forget a connection that the server
    # still has, together with its decision.
    yield f"{words.from_lan} ct state new tcp flags & (syn | rst) == 0 reject with tcp reset"
    yield f"{words.is_help} goto helped"
    reads_answers = snapshot.asked and snapshot.reads_answers
    if reads_answers:
        yield f"{words.asks} {words.of_body} goto early"
    yield f"{words.asks} {words.to_lan} goto metered"
    yield from _others(snapshot, words)
    if snapshot.asked:
        yield from _server_ends(words)
        if reads_answers:
            yield f"{words.uploads} {words.of_body} jump acked"
            yield f"{words.answerable} goto answerable"
            yield f"{words.answered_otherwise} goto reread"
    yield from without_payload("goto metered")
    if snapshot.asked:
        yield from _guarded(words)


def _others(snapshot: Snapshot, words: Expressions) -> Iterator[str]:
    """Yield the rules for protocols other than TCP and UDP, and for another path of an MPTCP connection.

    The latter is always refused.
    """
    opening = f"{words.from_lan} tcp flags & (syn | ack) == syn"
    yield f"meta l4proto {braced(map(str, (ICMP, ICMPV6)))} goto {'echoed' if snapshot.asked else 'metered'}"
    if snapshot.protocols:
        yield f"meta l4proto {braced(map(str, sorted(snapshot.protocols)))} goto metered"
    # Another path of an MPTCP connection, over which its bytes could be spread (RFC 8684 3.2): refused.
    yield f"{opening} tcp option mptcp subtype {MP_JOIN} reject with tcp reset"
    yield f"meta l4proto != {{ {TCP}, {UDP} }} goto {'portless' if snapshot.asked else 'cut'}"


def _known(words: Expressions) -> list[str]:
    """Return the rules for packets with a verdict from the queue, and for flows that pass already.

    The verdict comes first: a flow may have begun to pass while a packet was queued.
    """
    return [f"{words.packet_used} {words.has_slot} goto judged", *_decided(words)]


def _decided(words: Expressions) -> list[str]:
    passes = words.state_is(FlowState.PASSES)
    return [f"{passes} meta l4proto != udp {words.ours} vmap @pass", f"{passes} goto passing"]


def _guarded(words: Expressions) -> list[str]:
    asking = [f"{known} goto asking" for known in (words.asks, words.uploads)]
    clients = f"{words.from_lan} meta l4proto {TCP} goto clients"
    return [*asking, clients, words.within_rate("guard"), "goto undecided"]


def _undecided(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chains that queue packets of undecided flows; none without slots whose packets are queued.

    What devices send in TCP, such as hellos, has a rate limit of its own.
    """
    if not snapshot.asked:
        return {}
    return {
        "clients": [words.within_rate("guardtcp"), "goto undecided"],
        "undecided": [words.clear_packet, words.dispatch()],
    }


def _server_ends(words: Expressions) -> list[str]:
    """Return the rule that sends a server's reset to chain ``ending``, which queues it.

    It leaves out a reset that answers a SYN, with sequence number zero (RFC 9293 3.10.7.1): nothing waits on
    its connection.
    """
    return [f"{words.to_lan} tcp flags & rst == rst @th,32,32 != 0 goto ending"]


def _ending(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chain that queues a server's reset, so that it follows the queued data of its response.

    If the reset came first, the client would drop the data.
    """
    return {"ending": [words.within_rate("guard"), "goto undecided"]} if snapshot.asked else {}


def _portless(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chain for IP protocols other than TCP, UDP and ICMP: mostly tunnels.

    Their packets are queued like those of an undecided flow. Conntrack has no entry for a refused one, since
    its first packet was dropped; the refusal is therefore stored by addresses for a while. Without a daemon,
    a profile that fails open keeps only ESP, for Wi-Fi calling.
    """
    if not snapshot.asked:
        return {}
    return {
        "portless": [
            *(f"{ends} @{name} goto cut" for ends, name in words.shut),
            *([f"{words.dead} {words.open} meta l4proto != {ESP} goto cut"] if words.open else []),
            words.within_rate("guard"),
            words.clear_packet,
            words.dispatch(),
            "goto cut",
        ]
    }


def _echoed(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chain that limits the rate of filtered devices' ICMP. ICMP has no name to judge."""
    return {"echoed": [words.within_rate("guardicmp"), "goto metered"]} if snapshot.asked else {}


def _asking(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chains that queue the LAN side of plain HTTP, with its own state bits in the mark.

    The kernel can distinguish a new connection on the same ports from the old one; the daemon cannot.

    Segments that begin in a long body are forwarded (wire/flows/http.py). The daemon then gets the server's
    data that comes before the end of that body, and before the first answer also some acknowledgements.
    """
    if not snapshot.asked:
        return {}
    asking = [words.within_rate("guardhttp"), *words.flagged(ASKING)]
    if not snapshot.reads_answers:
        return {"asking": asking}
    queued = [words.within_rate("guard"), *words.flagged(ASKING)]
    return {
        "asking": [f"{words.in_body} goto metered", *asking],
        "early": [*without_payload("goto metered"), *queued],
        "acked": list(without_payload("goto read")),
        "read": queued,
    }


def _answerable(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chains for a connection with an allowed hello: the server's first data decides.

    A ServerHello (RFC 8446 4.1.3) lets the connection pass, unless its random is that of a HelloRetryRequest:
    then the client may name another host. After any other data all packets are queued. It has to be the first
    data: a HelloRetryRequest repeats the session id that the client chose, and in a short segment it may look
    like a ServerHello. A client's data is queued until then, as data of a connection that was read before.
    """
    if not (snapshot.asked and snapshot.reads_answers):
        return {}
    layout = snapshot.layout
    without_state = MARK_MASK ^ STATE_MASK << layout.ct_shift
    passes = f"ct mark set ct mark & {hexed(without_state)} | {hexed(layout.ct_mark(0, FlowState.PASSES))}"
    other = hexed(layout.ct_mark(0, ANSWERED_OTHERWISE))
    otherwise = f"ct mark set ct mark & {hexed(MARK_MASK ^ layout.ct)} | {other}"
    return {
        "answerable": [
            *without_payload("accept"),
            f"{words.to_lan} meta l4proto {TCP} {SERVER_HELLO} {passes} goto metered",
            f"{words.to_lan} {otherwise}",
            "goto reread",
        ],
        "reread": [*without_payload("accept"), words.within_rate("guard"), *words.flagged(ASKING)],
    }


def _another(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chains that queue the hello of another QUIC connection on a UDP flow that passes.

    It may be to another name.

    This matches all long headers of the versions that the daemon can read, since an Initial may follow
    another packet in one datagram (RFC 9000 12.2), and those of other versions, which are refused. After the
    response to its hello a connection has two or three of them. Nearly all other packets have a short header.
    """
    if not snapshot.asked:
        return {"passing": ["goto metered"], "helped": ["accept"]}
    leaving = words.from_lan if snapshot.arm else f"{words.from_lan} {words.not_to_lan}"
    long = f"meta l4proto udp @th,64,8 & 0x80 != 0 {leaving} jump another"
    return {
        "passing": [long, "goto metered"],
        "helped": [long, "accept"],
        "another": [f"@th,64,40 & {mask} {braced(known)} goto hello" for mask, known in _LONG_HEADERS],
        "hello": [words.within_rate("guard"), *words.flagged(ASKING)],
    }


def _unfiltered(snapshot: Snapshot) -> Chains:
    """Return the chain that offloads flows of unfiltered devices to the flow table; none without offload.

    Other flows are not offloaded: an offloaded flow cannot be cut and is not counted.
    """
    if snapshot.offload is None:
        return {}
    return {
        "unfiltered": [
            "ct original proto-dst 53 accept",
            f"meta l4proto {{ {TCP}, {UDP} }} ct state established flow add @ft",
        ]
    }


def _queues(snapshot: Snapshot, words: Expressions) -> Chains:
    out: Chains = {}
    asking = hexed(ASKING << snapshot.layout.packet_shift)
    for group, closed in sorted({(slot_group(slot.number), slot.closed) for slot in snapshot.asked}):
        first = group << SLOT_CODE_BITS
        waits = (
            closed or snapshot.held
        )  # held: no program reads the queues, and an open one would pass everything
        kinds = (
            (QueueKind.CLOSED_SPLIT, QueueKind.CLOSED_TCP, QueueKind.CLOSED_UDP)
            if waits
            else (QueueKind.OPEN_SPLIT, QueueKind.OPEN_TCP, QueueKind.OPEN_UDP)
        )
        split, tcp, udp = (
            words.enqueue(queue_number(snapshot.queue_base, first, kind), closed=waits) for kind in kinds
        )
        out[queue_chain(first, closed)] = [
            *(
                words.help_while_dead(verdict="goto accept_unmarked")
                if closed
                else [f"{words.dead} goto apply_verdict"]
            ),
            "jump code",
            f"meta l4proto tcp {words.packet_state} == {asking} {split}",
            f"meta l4proto tcp meta length > {COPY_RANGE} {split}",
            f"meta l4proto tcp {tcp}",
            udp,
        ]
    if out:
        out["code"] = list(_slot_code(snapshot.layout))
    return out


def queue_targets(snapshot: Snapshot) -> Chains:
    """Return one chain per queue, used or not, to which fallback.py adds the NFQUEUE target.

    Until then the chain of a queue that fails closed (blocks without a daemon) drops, and that of
    an open one is empty. No chains if nft has ``queue``.
    """
    if snapshot.native:
        return {}
    groups = (group << SLOT_CODE_BITS for group in range(GROUPS))
    queues = (
        (queue_number(snapshot.queue_base, first, kind), kind) for first in groups for kind in QueueKind
    )
    return {queue_target(number): [] if kind in OPEN_QUEUES else ["drop"] for number, kind in queues}


def _slot_code(layout: MarkLayout) -> Iterator[str]:
    for bit in range(SLOT_CODE_BITS):
        there, here = 1 << layout.slot_shift + bit, 1 << layout.packet_shift + STATE_BITS + bit
        yield f"ct mark & {hexed(there)} != 0 meta mark set meta mark | {hexed(here)}"


def _forged(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chain that leaves packets that the daemon writes itself untracked, by their mark.

    A response to a dropped query belongs to no entry of conntrack.
    """
    layout = snapshot.layout
    ours = f"meta mark & {hexed(layout.packet)} == {hexed(FORGED << layout.packet_shift)}"
    hook = "type filter hook output priority -300; policy accept;"
    return {"forged": [hook, f"{ours} {words.clear_packet} notrack"]}


def begins_with(label: str) -> str:
    """Return an nft expression that matches a DNS query over UDP for a name whose first label is ``label``.

    Unfiltered devices must reach the pages as well, and few of their other queries go to the queue. Only 15
    bytes of the label are compared, and the daemon checks the whole name.
    """
    seen = bytes([len(label)]) + label.encode("ascii")[:LABEL_SEEN]
    return f"@th,{NAME_AT},{8 * len(seen)} 0x{seen.hex()}"


def _dns(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chains for DNS: queries on the way in, responses on the way out, redirects of TCP.

    They also handle DNS while no daemon runs. ``ask`` also enters ``again`` and ``answer``.

    The first query of a connection is handled in ``dns``, before its addresses are translated: a forged
    response must come from the address that the device queried. The kernel calls nat chains for no other
    packet, so this costs other traffic nothing. Later queries, from the same port to the same resolver, are
    handled where they are forwarded or delivered; a response where it is forwarded or sent by the gateway.
    They are recognized by the connection's original tuple, so a redirect to another resolver makes no
    difference.
    """
    return {
        **_steer(snapshot, words),
        "question": _question(snapshot, words),
        **_plain_question(snapshot, words),
        **_dead_question(snapshot),
        "answer": _answer(snapshot, words),
        "answers": [
            "type filter hook output priority -155; policy accept;",
            f"{words.plain} accept",
            f"{words.answer} {words.packet_held} goto accept_unmarked",
            f"{words.answer} {words.has_slot} goto answer",
        ],
        "questions": [
            "type filter hook input priority -155; policy accept;",
            f"{words.unfiltered} accept",
            f"{words.question} goto arrived",
            *_at_door(snapshot, words),
        ],
        "arrived": [
            f"{words.packet_held} goto accept_unmarked",
            f"{words.no_slot} jump who",
            "goto again",
        ],
        # An unconfirmed entry: the connection's first packet, which `dns` has handled. Only if another
        # program's chain translated its address before that, it is queued here.
        "again": [f"{words.asked} ct status & confirmed == 0 accept", "goto question"],
    }


def _steer(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the nat chains that find the slot (filtered device) of a new connection.

    They also redirect to the gateway what is for the pages, DNS over TCP, and, while no daemon
    runs, all DNS of devices that are then blocked. They precede the firewall's own redirects
    (-100): the first translation of a connection wins.
    """
    steer = [
        "type nat hook prerouting priority -105; policy accept;",
        f"{words.not_from_lan} accept",
        f"{words.no_slot} jump who",
    ]
    for page in snapshot.pages:
        family = "ip6" if ":" in page else "ip"
        steer.append(f"{family} daddr {page} tcp dport 80 redirect to :{snapshot.page_port}")
        led = "80"
        if snapshot.page_tls_port is not None:
            steer.append(f"{family} daddr {page} tcp dport 443 redirect to :{snapshot.page_tls_port}")
            led = "{ 80, 443 }"
        # The address has no other port. Browsers try HTTPS first, and would wait for a timeout.
        steer.append(f"{family} daddr {page} tcp dport != {led} reject with tcp reset")
        # QUIC too; a query is judged, whatever resolver it is for.
        steer.append(f"{family} daddr {page} udp dport != 53 reject with icmpx admin-prohibited")
    steer.append("meta l4proto { 6, 17 } th dport 53 goto dns")
    dns = [
        *_redirects(snapshot, words),
        "meta l4proto tcp accept",
        f"{words.packet_held} goto asked",
        "goto question",
    ]
    # After this, routing and other programs see only their own bits of the packet's mark.
    asked = [words.clear_packet, f"ct mark set ct mark | {hexed(snapshot.layout.ct_mark(0, ASKED))}"]
    return {"steer": steer, "dns": dns, "asked": asked}


def _redirects(snapshot: Snapshot, words: Expressions) -> list[str]:
    out: list[str] = []
    if _help_resolver(snapshot):
        out.append(
            f"{words.dead} {words.closed} meta l4proto {{ 6, 17 }} redirect to :{snapshot.help_dns_port}"
        )
    if snapshot.dns_port is not None:
        to_daemon = f"meta l4proto tcp redirect to :{snapshot.dns_port}"
        if words.closed:
            out.append(f"{words.closed} {to_daemon}")
        if words.open:
            out.append(f"{words.alive} {words.open} {to_daemon}")
        if snapshot.dns_for_everyone:
            out.append(f"{words.alive} {words.plain} {to_daemon}")
    return out


def _question(snapshot: Snapshot, words: Expressions) -> list[str]:
    out: list[str] = []
    if snapshot.dns_for_everyone:
        out.append(f"{words.plain} {words.alive} goto plainquestion")
    elif snapshot.pages:
        asked = f"{words.plain} {words.alive}"
        out += [f"{asked} {begins_with(label)} goto plainquestion" for label in snapshot.page_labels]
    out.append(f"{words.plain} accept")
    if _help_resolver(snapshot):
        out.append(f"{words.dead} {words.closed} goto deadquestion")
    if snapshot.asked:
        out += [words.within_rate("guarddns"), *words.flagged(QUESTION)]
    return out


def _plain_question(snapshot: Snapshot, words: Expressions) -> Chains:
    if snapshot.alone or not (snapshot.dns_for_everyone or snapshot.pages):
        return {}
    flag = f"meta mark set meta mark | {hexed(QUESTION << snapshot.layout.packet_shift)}"
    queue = words.enqueue(snapshot.queue_base + QueueKind.OPEN_UDP, closed=False)
    return {"plainquestion": [words.clear_packet, flag, queue]}


def _answer(snapshot: Snapshot, words: Expressions) -> list[str]:
    out: list[str] = []
    if _help_resolver(snapshot):
        of_help = f"ct reply proto-src {snapshot.help_dns_port}"
        out.append(f"{words.dead} {words.closed} {of_help} accept")
        out.append(f"{words.dead} {words.closed} drop")
    if snapshot.asked:
        out += [words.within_rate("guardanswers"), *words.flagged(ANSWER)]
    return out


def _help_resolver(snapshot: Snapshot) -> bool:
    return snapshot.help_dns_port is not None and bool(snapshot.closed)


def _dead_question(snapshot: Snapshot) -> Chains:
    """Return the chain for DNS queries of devices that fail closed (are blocked) while no daemon runs.

    A new query was redirected in ``dns``; one of an older connection follows that connection's
    path. Empty without such devices or without a resolver of help lines.
    """
    if not _help_resolver(snapshot):
        return {}
    return {"deadquestion": [f"ct reply proto-src {snapshot.help_dns_port} accept", "drop"]}


def _at_door(snapshot: Snapshot, words: Expressions) -> list[str]:
    """Return the input rules that guard the gateway's own ports.

    They lead packets from the LAN to chain ``door``, if a slot is kept out, and drop packets from
    outside to listeners that only the table's redirects lead to. They come after DNS queries and
    unfiltered flows.
    """
    out: list[str] = []
    if words.kept_out:
        out.append(f"{words.by_lan} goto door")
    ports = sorted({port for port in (snapshot.dns_port, snapshot.help_dns_port) if port is not None})
    if ports:
        # Listeners that only the table's redirects lead to. Replies to the gateway's own ports are exempt.
        inside = braced(f'"{name}"' for name in (*snapshot.lan, "lo"))
        there = f"meta l4proto {{ {TCP}, {UDP} }} th dport {braced(map(str, ports))}"
        out.append(f"iifname != {inside} ct direction original {there} drop")
    return out


def _beyond_door(words: Expressions) -> list[str]:
    """Return the forward rules that limit which container ports of the gateway children's devices reach.

    Of the ports that the gateway publishes for a container, devices of children and guests reach
    only DNS, time, and ports that the family opens. The rules follow one that exempts packets
    between the LAN's networks. Empty without such devices.
    """
    if not words.kept_out:
        return []
    return [f"{words.kept_out} {words.from_lan} ct direction original ct status dnat jump beyond"]


def _door(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chains that limit which ports of the gateway itself devices of children and guests reach.

    Each packet is checked individually, so a rule change ends running sessions. The rules do not depend on a
    running daemon: the pages and the names of help are always reachable.
    """
    if not words.kept_out:
        return {}
    named = [f"udp dport {braced(map(str, (DHCP, NTP, DHCPV6, MDNS)))} accept"]
    named += [
        f"tcp dport {port} accept"
        for port in (snapshot.page_port, snapshot.page_tls_port)
        if port is not None
    ]
    opened = set(snapshot.door_ports or ())
    if opened:
        ports = braced(map(str, sorted(opened)))
        named.append(f"meta l4proto {{ {TCP}, {UDP} }} th dport {ports} accept")
    led = braced(map(str, sorted({DNS, NTP, *opened})))
    return {
        "door": [
            "ct direction reply accept",  # replies to the gateway
            # Before untracked packets are refused: neighbour discovery is never tracked.
            f"meta l4proto {braced(map(str, (ICMP, IGMP, ICMPV6)))} accept",
            "ct state invalid,untracked goto who",
            f"{words.no_slot} jump who",
            f"{words.kept_out} goto kept",
        ],
        "beyond": [
            # DNS and time that another program redirects, and ports that the family opens.
            f"meta l4proto {{ {TCP}, {UDP} }} ct original proto-dst {led} return",
            "goto cut",
        ],
        # Redirected or not, a query is recognized by its original port.
        "kept": [
            f"meta l4proto {{ {TCP}, {UDP} }} ct original proto-dst {DNS} accept",
            *named,
            # The kernel does not choose the right link for a reset to a link-local address; it would be lost.
            "ip6 saddr fe80::/10 reject with icmpx admin-prohibited",
            "goto cut",
        ],
    }


def _verdict(snapshot: Snapshot, words: Expressions) -> Chains:
    """Return the chains for packets that come back from the queue with a verdict in their mark.

    They copy it to the connection, and pass or refuse packets. Several packets of one flow may be queued, and
    each brings its verdict back while other processors read the mark. No intermediate value may therefore be
    visible, and a failed lookup is repeated once. Only ``forward`` enters ``judged``; any chain may enter the
    others.
    """
    layout = snapshot.layout
    asking = f"{words.packet_state} == {hexed(ASKING << layout.packet_shift)}"
    return {
        "judged": [
            f"{words.packet_held} goto apply_verdict",
            f"{words.packet_state} == 0 goto no_new_verdict",  # no verdict: other programs mark packets too
            *_differs(layout),
            "goto no_new_verdict",
        ],
        "verdict": [
            # Only netlink changes the class of a connection that remains queued, and an upload's mark.
            f"{asking} {words.asks} goto apply_verdict",
            f"{asking} {words.uploads} {words.from_lan} goto accept_unmarked",
            # The connection may have been decided while its hello was queued.
            f"{words.packet_answerable} {words.decided_before} goto apply_verdict",
            "jump copy_verdict",
            "goto apply_verdict",
        ],
        "apply_verdict": [
            words.clear_packet,
            f"{words.state_is(FlowState.UNDECIDED)} accept",
            f"{words.is_help} accept",
            f"{words.refused} goto refused",
            "goto metered",
        ],
        "accept_unmarked": [words.clear_packet, "accept"],
        "copy_verdict": list(_copy_verdict(layout, words)),
        "metered": [
            f"{words.ours} vmap @pass",
            # The lookup may fail because another processor is giving the connection another class.
            f"{words.state_is(FlowState.UNDECIDED)} accept",
            f"{words.answerable} accept",
            f"{words.ours} vmap @pass",
            *(words.help_while_dead(words.closed) if words.closed else []),
            "goto cut",
        ],
        "refused": [
            *(
                f"meta l4proto != {{ {TCP}, {UDP} }} {words.from_lan} add @{name} {{ {ends} }}"
                for ends, name in words.shut
            ),
            # Of the server's packets only those without payload pass: the client answers with a reset.
            f"{words.from_lan} goto cut",
            "meta l4proto != tcp drop",
            *without_payload("accept"),
            "drop",
        ],
        "cut": [
            # The reset goes to the LAN side: the next packet of a download is the server's, and a client
            # hangs for seconds if only the server gets a reset.
            f"meta l4proto tcp {words.from_lan} tcp flags & rst == 0 reject with tcp reset",
            "meta l4proto tcp accept",
            f"{words.from_lan} reject with icmpx admin-prohibited",
            "drop",
        ],
    }


def _differs(layout: MarkLayout) -> Iterator[str]:
    """Yield rules that go to chain ``verdict`` if the packet's verdict differs from the connection's.

    Packets of one flow are queued together, and writing an equal value would show other processors an
    intermediate one.
    """
    for bit in range(8):
        here = f"meta mark & {hexed(1 << layout.packet_shift + bit)}"
        there = f"ct mark & {hexed(1 << layout.ct_shift + bit)}"
        yield f"{here} != 0 {there} == 0 goto verdict"
        yield f"{here} == 0 {there} != 0 goto verdict"


def _copy_verdict(layout: MarkLayout, words: Expressions) -> Iterator[str]:
    """Yield statements that copy the verdict from the packet's mark to the connection's.

    A refusal is written in one step, since it may replace PASSES; it has no class, unlike ANSWERABLE with the
    same state. Otherwise the class is written first and the state last, also in one step: other processors
    never see a partial verdict. UDP never has ASKS: a class with these bits is PASSES (marks.verdict_again).
    """
    cleared = f"ct mark set ct mark & {hexed(MARK_MASK ^ layout.ct)}"
    refused = FlowState.REFUSED << layout.packet_shift, FlowState.REFUSED << layout.ct_shift
    yield f"{words.packet_byte} == {hexed(refused[0])} {cleared} | {hexed(refused[1])} return"
    yield cleared
    for bit in range(STATE_BITS, 8):
        here, there = 1 << layout.packet_shift + bit, 1 << layout.ct_shift + bit
        yield f"meta mark & {hexed(here)} != 0 ct mark set ct mark | {hexed(there)}"
    passes = f"ct mark set ct mark | {hexed(FlowState.PASSES << layout.ct_shift)}"
    asks = f"{words.packet_state} == {hexed(STATE_MASK << layout.packet_shift)}"
    yield f"{words.packet_state} == {hexed(FlowState.PASSES << layout.packet_shift)} {passes} return"
    yield f"{words.packet_state} == {hexed(refused[0])} ct mark set ct mark | {hexed(refused[1])} return"
    yield f"{asks} {words.packet_class} != 0 meta l4proto udp {passes} return"
    yield f"{asks} ct mark set ct mark | {hexed(STATE_MASK << layout.ct_shift)}"


def _forward_without_daemon(words: Expressions) -> Iterator[str]:
    """Yield the last forward rules for filtered devices in the boot guard's table, without a daemon.

    Connections to help lines pass, all others are refused.
    """
    yield from words.help_while_dead(verdict="goto accept_unmarked")
    # Errors about packets to help, such as "fragmentation needed".
    yield f"meta l4proto {{ {ICMP}, {ICMPV6} }} ct state related goto accept_unmarked"
    yield "goto cut"


def _without_verdicts(chains: Chains) -> Chains:
    """Return ``chains`` without those that handle verdicts in marks, for the boot guard's table.

    There is no verdict without a daemon.
    """
    return {name: statements for name, statements in chains.items() if name not in _OF_VERDICTS}
