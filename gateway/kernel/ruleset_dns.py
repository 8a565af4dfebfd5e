"""The chains for DNS: questions on the way in, answers on the way out, TCP and a dead daemon by redirection.

A question is met in prerouting, where port 53 is still the one the device asked for; an answer in
postrouting, where the connection still knows it. So a redirect to another resolver changes nothing.
"""

from __future__ import annotations

from gateway.kernel.marks import Kind
from gateway.kernel.ruleset_words import FALLBACK_CLOSED, Chains, Words, hexed
from gateway.kernel.snapshot import Snapshot


def dns_chains(snapshot: Snapshot, words: Words) -> Chains:
    """``question`` is entered from ``pre``; ``answers`` and the two that sweep up are base chains."""
    return {
        "question": _question(snapshot, words),
        "answers": [
            "type filter hook postrouting priority -155; policy accept;",
            "meta l4proto != udp accept",
            f"{words.to_lan} ct direction reply ct original proto-dst 53 {words.has_slot} goto answer",
        ],
        "answer": _answer(snapshot, words),
        "questioned": [
            "type filter hook prerouting priority -140; policy accept;",
            f"meta l4proto udp {words.packet_used} udp dport 53 {words.from_lan} goto swept",
        ],
        "answered": [
            "type filter hook postrouting priority -140; policy accept;",
            f"meta l4proto udp {words.packet_used} {words.to_lan} ct original proto-dst 53 goto swept",
        ],
        "swept": _swept(snapshot, words),
        **_dead_question(snapshot),
        **_redirects(snapshot, words),
    }


def _question(snapshot: Snapshot, words: Words) -> list[str]:
    out = [words.clear_packet]
    if snapshot.dns_for_everyone:
        queue = words.enqueue(snapshot.queue_base + Kind.OPEN_UDP, closed=False, everyone=True)
        out.append(f"{words.no_slot} {words.alive} {queue}")
    out.append(f"{words.no_slot} accept")
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


def _swept(snapshot: Snapshot, words: Words) -> list[str]:
    """Take the slot code off packets that came through a queue, or past one that nobody reads."""
    if snapshot.native:
        return [words.clear_packet]
    unqueued = f"{words.packet_state} == {hexed(FALLBACK_CLOSED << snapshot.layout.packet_shift)}"
    return [f"{unqueued} drop", words.clear_packet]


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
            dns.append(f"{words.alive} {words.no_slot} {to_daemon}")
    if not dns:
        return {"steer": steer}
    return {"steer": [*steer, "meta l4proto { 6, 17 } th dport 53 goto dns"], "dns": dns}
