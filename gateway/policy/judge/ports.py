"""Assigns flows without a name to a service: by port, if the device recently queried its names."""

from __future__ import annotations

from gateway.policy.judge.conclude import Conclusion, conclude
from gateway.policy.judge.study import FactFinder
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.time.situation import Situation
from gateway.policy.values import Observation, Proto, Verdict

PORT_TYPES = {Proto.UDP: "udp", Proto.TCP: "tcp", Proto.TEREDO: "teredo"}  # of the catalogue's `ports`
PARTS_KEPT = 256  # combinations of services that share a port; a device has a handful


class PortedFlows:
    """Decides such flows for one profile. Created with its judge."""

    def __init__(self, fact_finder: FactFinder, profile: Profile, catalogue: Catalogue) -> None:
        self._fact_finder = fact_finder
        self._profile = profile
        self._catalogue = catalogue
        self._parts: dict[tuple[str, ...], Conclusion] = {}

    def conclusion(self, seen: Observation, situation: Situation) -> Conclusion | None:
        """Return the conclusion for the flow; None if no service is known to use it.

        Services share ports. If an allowed name gave this address to the device, the flow counts for a
        service only if one of the service's own names gave it. Teredo is detected by content, and its servers
        have their own names.
        """
        kind, recent = PORT_TYPES.get(seen.proto), situation.recent
        if kind is None:
            return None
        found = tuple(
            service for service in self._catalogue.services_at(kind, seen.dport) if recent.asked(service)
        )
        if found and seen.dst in situation.addresses and seen.proto is not Proto.TEREDO:
            found = tuple(service for service in found if recent.gave(service, seen.dst))
        if not found:
            return None
        conclusion = self._parts.get(found)
        if conclusion is None:
            if len(self._parts) >= PARTS_KEPT:
                self._parts.clear()
            conclusion = self._parts[found] = self._concluded(found)
        return conclusion

    def _concluded(self, services: tuple[str, ...]) -> Conclusion:
        """Return the conclusion of a blocked service if there is one, else the time rules of all services."""
        alone = (conclude(self._fact_finder.facts_of((service,)), self._profile) for service in services)
        refused = next(
            (conclusion for conclusion in alone if conclusion.outcome.verdict is Verdict.BLOCK), None
        )
        return refused or conclude(self._fact_finder.facts_of(services), self._profile)
