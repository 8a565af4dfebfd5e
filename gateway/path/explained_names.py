"""Decides which blocked names get the address of the pages, so that a browser shows why a site is blocked."""

from __future__ import annotations

from gateway.policy.alerts.signs import is_called_resolver
from gateway.policy.judge.conclude import OPENABLE
from gateway.policy.judge.explanation import category_of
from gateway.policy.judge.facts import BYPASS_CATEGORIES
from gateway.policy.judge.world import PAGE_PROXIES, World, bypass_signal
from gateway.policy.names.categories import ADS
from gateway.policy.values import Decision

# No person opens ads, and programs that try to bypass the filter should find no address.
_NEVER = BYPASS_CATEGORIES | {ADS}


def is_explained(host: str, decision: Decision, world: World) -> bool:
    """Return True if a blocked name is answered with the address of the pages, which show the reason.

    Only blocks of a site or service by the rules, of a content category, and of new, unknown or unlisted
    sites are explained: a guardian can open these. Time rules are not, since browsers cache an address for a
    minute or more. Names on the lists for everyone are not: the address would show that they are listed.
    Neither are ads, names of bypass methods, page proxies such as translate.goog, and names without a dot.

    Arguments:
        host: normalised.
        decision: the block of a filtered device.
    """
    # A browser treats a word that its user types as a site if the word resolves.
    if decision.reason not in OPENABLE or "." not in host:
        return False
    if bypass_signal(host) is not None or host in PAGE_PROXIES:
        return False
    # A phone with Private DNS repeats its query only while the name does not exist. The bypass alert detects
    # these repetitions.
    if host in world.resolvers.names or is_called_resolver(host):
        return False
    services = world.catalogue.services_of(host)
    found = world.table.categories(host) | world.catalogue.categories_of(services)
    return _NEVER.isdisjoint((category_of(decision), *found))
