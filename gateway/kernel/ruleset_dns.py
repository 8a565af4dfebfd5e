"""The chains for DNS: questions on the way in, answers on the way out, TCP and a dead daemon by redirection.

A question is met in prerouting, where port 53 is still the one the device asked for; an answer in
postrouting, where the connection still knows it. So a redirect to another resolver changes nothing.
"""

from __future__ import annotations

from gateway.kernel.marks import Kind
from gateway.kernel.ruleset_words import FALLBACK_CLOSED, Chains, Words, hexed
from gateway.kernel.snapshot import Snapshot

# A question whose name begins with the label "qalqan", at bit 160 behind UDP's and DNS's headers: the pages
# are found from unfiltered devices too, of whose other questions none comes to the queue.
PAGES_LABEL = "@th,160,56 0x0671616c71616e"


def dns_chains(snapshot: Snapshot, words: Words) -> Chains:
    """``question`` is entered from ``pre``; ``answers`` and ``arrived`` are base chains.

    The slot code comes off a question where it arrives or is forwarded. An answer keeps it on its way out.
    """
    return {
        "question": _question(snapshot, words),
        "answers": [
            "type filter hook postrouting priority -155; policy accept;",
            "meta l4proto != udp accept",
            f"{words.plain} accept",
            f"ct original proto-dst 53 ct direction reply {words.to_lan} {words.has_slot} goto answer",
        ],
        "answer": _answer(snapshot, words),
        "arrived": [
            "type filter hook input priority -140; policy accept;",
            f"udp dport 53 {words.packet_used} {words.from_lan} goto swept",
        ],
        "swept": [*unqueued(snapshot, words), words.clear_packet],
        **_dead_question(snapshot),
        **_redirects(snapshot, words),
    }


def _question(snapshot: Snapshot, words: Words) -> list[str]:
    out = [words.clear_packet]
    if snapshot.dns_for_everyone:
        queue = words.enqueue(snapshot.queue_base + Kind.OPEN_UDP, closed=False, everyone=True)
        out.append(f"{words.plain} {words.alive} {queue}")
    elif snapshot.pages:
        queue = words.enqueue(snapshot.queue_base + Kind.OPEN_UDP, closed=False, everyone=True)
        out.append(f"{words.plain} {words.alive} {PAGES_LABEL} {queue}")
    out.append(f"{words.plain} accept")
    if _help_resolver(snapshot):
        out.append(f"{words.dead} {words.closed} goto deadquestion")
    if snapshot.slots:
        out += [words.rate_guard, words.dispatch()]
    return out


def _answer(snapshot: Snapshot, words: Words) -> list[str]:
    out = [words.clear_packet]
    if _help_resolver(snapshot):
        of_help = f"ct reply proto-src {snapshot.help_dns_port}"
        out.append(f"{words.dead} {words.closed} {of_help} accept")
        out.append(f"{words.dead} {words.closed} drop")
    if snapshot.slots:
        out.append(words.dispatch())
    return out


def unqueued(snapshot: Snapshot, words: Words) -> list[str]:
    """In the fallback: a closed slot's question that iptables has not queued, for its rule is gone."""
    if snapshot.native:
        return []
    closed = f"{words.packet_state} == {hexed(FALLBACK_CLOSED << snapshot.layout.packet_shift)}"
    return [f"meta l4proto udp ct original proto-dst 53 {closed} drop"]


def _help_resolver(snapshot: Snapshot) -> bool:
    return snapshot.help_dns_port is not None and bool(snapshot.closed)


def _dead_question(snapshot: Snapshot) -> Chains:
    """A new question is redirected in ``dns``; one of an older connection goes where that one went."""
    if not _help_resolver(snapshot):
        return {}
    return {
        "deadquestion": ["ct state new accept", f"ct reply proto-src {snapshot.help_dns_port} accept", "drop"]
    }


def _redirects(snapshot: Snapshot, words: Words) -> Chains:
    """Before the firewall's own redirects (-100): the first that binds a connection's address wins."""
    steer = ["type nat hook prerouting priority -105; policy accept;", f"{words.not_from_lan} accept"]
    for page in snapshot.pages:
        family = "ip6" if ":" in page else "ip"
        steer.append(f"{family} daddr {page} tcp dport 80 redirect to :{snapshot.page_port}")
    dns: list[str] = []
    if _help_resolver(snapshot):
        dns.append(
            f"{words.dead} {words.closed} meta l4proto {{ 6, 17 }} redirect to :{snapshot.help_dns_port}"
        )
    if snapshot.dns_port is not None:
        to_daemon = f"meta l4proto tcp redirect to :{snapshot.dns_port}"
        if words.closed:
            dns.append(f"{words.closed} {to_daemon}")
        if words.open:
            dns.append(f"{words.alive} {words.open} {to_daemon}")
        if snapshot.dns_for_everyone:
            dns.append(f"{words.alive} {words.plain} {to_daemon}")
    if not dns:
        return {"steer": steer}
    return {"steer": [*steer, "meta l4proto { 6, 17 } th dport 53 goto dns"], "dns": dns}
