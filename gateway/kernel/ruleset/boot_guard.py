"""The boot guard's part of the chains: no daemon is there, and none was, so nothing waits for a verdict."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.kernel.ruleset.expressions import Chains, Words

ICMP, ICMPV6 = 1, 58
_OF_VERDICTS = frozenset({"anew", "judged", "verdict", "put", "passing", "helped"})


def nobody_asked(words: Words) -> Iterator[str]:
    """What the forward hook ends with for a slot: help by its addresses, and not one packet besides."""
    yield from words.help_while_dead(verdict="goto swept")
    # Of what goes to help, such as that a packet is too large for the way.
    yield f"meta l4proto {{ {ICMP}, {ICMPV6} }} ct state related goto swept"
    yield "goto cut"


def without_verdicts(chains: Chains) -> Chains:
    """A packet's mark is no verdict here, whoever put it there."""
    return {name: statements for name, statements in chains.items() if name not in _OF_VERDICTS}
