"""The packets per second of one slot that may reach the queue, and their nft statements.

The sets are in `gateway.kernel.ruleset.table`, the rules that use them in `chains`.
"""

from __future__ import annotations

from gateway.kernel.snapshot import Rates

RATES = ("guard", "guardtcp", "guarddns", "guardanswers", "guardhttp")
"""The sets that count the packets of each slot (filtered device) that reach the queue (`packet_rates`)."""

SIZES = {"guardicmp": (4, 64)}
"""Kilobytes per second and burst of one slot. ICMP is not queued: pings of some games and traceroutes stay
below the limit, and a tunnel over ICMP is slower than a modem."""


def packet_rates(rates: Rates) -> dict[str, tuple[int, int]]:
    """Return packets per second and burst of one slot that may reach the queue, by the set that counts them.

    A flood of one device leaves the daemon available to the others, and its own uploads do not block its DNS
    and pages. Queries and responses of DNS have a limit each.

    ``guard`` is for all other packets of undecided flows: UDP, portless protocols and the server's side of
    TCP. It is the same on every machine, since the first packets of such a flow pass: a tunnel made of first
    packets alone has 4.6 Mbit/s.
    """
    return {
        "guard": (400, 800),
        "guardtcp": (rates.tcp, 800),
        "guarddns": (rates.dns, 800),
        "guardanswers": (rates.dns, 800),
        "guardhttp": (rates.http, 2 * rates.http),
    }


def drop_above(name: str, slot: str, rates: Rates) -> str:
    """Return an nft statement that drops packets above the rate of the set ``name``, counted by ``slot``.

    ``slot``: an nft expression, by which a filtered device is recognised.
    """
    if name in SIZES:
        rate, burst = SIZES[name]
        limit = f"limit rate over {rate} kbytes/second burst {burst} kbytes"
    else:
        rate, burst = packet_rates(rates)[name]
        limit = f"limit rate over {rate}/second burst {burst} packets"
    return f"update @{name} {{ {slot} {limit} }} drop"
