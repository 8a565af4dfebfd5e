"""The chains for DNS: questions on the way in, answers on the way out, TCP and a dead daemon by redirection.

A question is met in prerouting, where port 53 is still the one the device asked for; an answer where it is
forwarded or leaves the gateway, by what the connection knows of its question. So a redirect to another
resolver changes nothing. Postrouting would meet all answers at one place, and cost every packet of the house.
"""

from __future__ import annotations

from gateway.kernel.marks import ANSWER, Kind
from gateway.kernel.ruleset_words import Chains, Words, hexed
from gateway.kernel.snapshot import Snapshot

# A question whose name begins with the label "qalqan", at bit 160 behind UDP's and DNS's headers: the pages
# are found from unfiltered devices too, of whose other questions none comes to the queue.
PAGES_LABEL = "@th,160,56 0x0671616c71616e"


def dns_chains(snapshot: Snapshot, words: Words) -> Chains:
    """``question`` is entered from ``pre``, ``answer`` from ``ask`` too, ``swept`` from ``after`` too."""
    return {
        "question": _question(snapshot, words),
        "answer": _answer(snapshot, words),
        "answers": [
            "type filter hook output priority -155; policy accept;",
            f"{words.plain} accept",
            f"{words.answer} {words.has_slot} goto answer",
        ],
        "answered": [
            "type filter hook output priority -140; policy accept;",
            f"{words.answer} {words.packet_used} goto swept",
        ],
        "asked": [
            "type filter hook input priority -140; policy accept;",
            f"{words.question} {words.packet_used} goto swept",
        ],
        "swept": [words.clear_packet],
        **_dead_question(snapshot),
        **_redirects(snapshot, words),
    }


def _question(snapshot: Snapshot, words: Words) -> list[str]:
    out = [words.clear_packet]
    queue = words.enqueue(snapshot.queue_base + Kind.OPEN_UDP, closed=False)
    if snapshot.dns_for_everyone:
        out.append(f"{words.plain} {words.alive} {queue}")
    elif snapshot.pages:
        out.append(f"{words.plain} {words.alive} {PAGES_LABEL} {queue}")
    out.append(f"{words.plain} accept")
    if _help_resolver(snapshot):
        out.append(f"{words.dead} {words.closed} goto deadquestion")
    if snapshot.slots:
        out += [words.guard("guarddns"), words.dispatch()]
    return out


def _answer(snapshot: Snapshot, words: Words) -> list[str]:
    out = [words.clear_packet]
    if _help_resolver(snapshot):
        of_help = f"ct reply proto-src {snapshot.help_dns_port}"
        out.append(f"{words.dead} {words.closed} {of_help} accept")
        out.append(f"{words.dead} {words.closed} drop")
    if snapshot.slots:
        flag = hexed(ANSWER << snapshot.layout.packet_shift)
        out += [f"meta mark set meta mark | {flag}", words.dispatch()]
    return out


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
