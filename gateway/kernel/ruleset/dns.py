"""The chains for DNS: queries on the way in, responses on the way out, redirects for TCP and a dead daemon.

The first query of a connection is handled in ``dns``, before its addresses are translated: a forged response
must come from the address that the device queried. The kernel calls nat chains for no other packet, so this
costs other traffic nothing. Later queries, from the same port to the same resolver, are handled where they
are forwarded or delivered; a response where it is forwarded or sent by the gateway. They are recognized by
the connection's original tuple, so a redirect to another resolver makes no difference.
"""

from __future__ import annotations

from gateway.kernel.marks import ANSWER, ASKED, QUESTION, QueueKind
from gateway.kernel.ruleset.expressions import Chains, Words, hexed
from gateway.kernel.ruleset.gateway_input import at_door
from gateway.kernel.snapshot import Snapshot

NAME_AT = 160  # bits: offset of the name in a query, after UDP's and DNS's headers
LABEL_SEEN = 15  # bytes of a label: with its length byte the maximum of one nft comparison, 128 bits


def begins_with(label: str) -> str:
    """Match a query whose name starts with this label. Unfiltered devices must reach the pages as well, and
    none of their other queries go to the queue. The daemon checks the whole name.
    """
    seen = bytes([len(label)]) + label.encode("ascii")[:LABEL_SEEN]
    return f"@th,{NAME_AT},{8 * len(seen)} 0x{seen.hex()}"


def dns_chains(snapshot: Snapshot, words: Words) -> Chains:
    """Return the DNS chains. ``ask`` also enters ``again`` and ``answer``."""
    return {
        **_steer(snapshot, words),
        "question": _question(snapshot, words),
        **_plain_question(snapshot, words),
        **_dead_question(snapshot),
        "answer": _answer(snapshot, words),
        "answers": [
            "type filter hook output priority -155; policy accept;",
            f"{words.plain} accept",
            f"{words.answer} {words.packet_held} goto swept",
            f"{words.answer} {words.has_slot} goto answer",
        ],
        "questions": [
            "type filter hook input priority -155; policy accept;",
            f"{words.unfiltered} accept",
            f"{words.question} goto arrived",
            *at_door(snapshot, words),
        ],
        "arrived": [
            f"{words.packet_held} goto swept",
            f"{words.no_slot} jump who",
            "goto again",
        ],
        # An unconfirmed entry: the connection's first packet, which `dns` has handled. Only if another
        # program's chain translated its address before that, it is queued here.
        "again": [f"{words.asked} ct status & confirmed == 0 accept", "goto question"],
    }


def _steer(snapshot: Snapshot, words: Words) -> Chains:
    """Redirect before the firewall's own redirects (-100): the first translation of a connection wins."""
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


def _redirects(snapshot: Snapshot, words: Words) -> list[str]:
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


def _question(snapshot: Snapshot, words: Words) -> list[str]:
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
        out += [words.guard("guarddns"), *words.flagged(QUESTION)]
    return out


def _plain_question(snapshot: Snapshot, words: Words) -> Chains:
    if snapshot.alone or not (snapshot.dns_for_everyone or snapshot.pages):
        return {}
    flag = f"meta mark set meta mark | {hexed(QUESTION << snapshot.layout.packet_shift)}"
    queue = words.enqueue(snapshot.queue_base + QueueKind.OPEN_UDP, closed=False)
    return {"plainquestion": [words.clear_packet, flag, queue]}


def _answer(snapshot: Snapshot, words: Words) -> list[str]:
    out: list[str] = []
    if _help_resolver(snapshot):
        of_help = f"ct reply proto-src {snapshot.help_dns_port}"
        out.append(f"{words.dead} {words.closed} {of_help} accept")
        out.append(f"{words.dead} {words.closed} drop")
    if snapshot.asked:
        out += [words.guard("guardanswers"), *words.flagged(ANSWER)]
    return out


def _help_resolver(snapshot: Snapshot) -> bool:
    return snapshot.help_dns_port is not None and bool(snapshot.closed)


def _dead_question(snapshot: Snapshot) -> Chains:
    """A new query was redirected in ``dns``; one of an older connection follows that connection's path."""
    if not _help_resolver(snapshot):
        return {}
    return {"deadquestion": [f"ct reply proto-src {snapshot.help_dns_port} accept", "drop"]}
