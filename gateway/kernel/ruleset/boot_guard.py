"""The boot guard's part of the chains: no daemon has run yet, so no packet waits for a verdict."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.kernel.ruleset.expressions import Chains, Words

ICMP, ICMPV6 = 1, 58
_OF_VERDICTS = frozenset({"anew", "judged", "verdict", "put", "passing", "helped"})


def forward_without_daemon(words: Words) -> Iterator[str]:
    """Return the end of the forward hook for a slot: help addresses pass, all else is refused."""
    yield from words.help_while_dead(verdict="goto swept")
    # Errors about packets to help, such as "fragmentation needed".
    yield f"meta l4proto {{ {ICMP}, {ICMPV6} }} ct state related goto swept"
    yield "goto cut"


def without_verdicts(chains: Chains) -> Chains:
    """Remove the chains of verdicts: a packet's mark is not a verdict here, whoever set it."""
    return {name: statements for name, statements in chains.items() if name not in _OF_VERDICTS}
