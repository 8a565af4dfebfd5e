"""Recognises the services of connections that do not name them: by address, first bytes, or port.

An address in a range that one service alone uses identifies the service, whatever name the connection has.
An address in a shared range, and a port, need further evidence: see `ServiceFlows.recognise`.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.policy.judge.conclude import Conclusion, conclude
from gateway.policy.judge.facts import FactFinder
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.time.gates import in_order, joined
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import Observation, Proto, Reason, RecognitionSign, ServiceRecognition, Verdict

# Protocol → type of the catalogue's `ports`.
PORT_TYPES = {
    Proto.UDP: "udp",
    Proto.QUIC: "udp",
    Proto.TCP: "tcp",
    Proto.TLS: "tcp",
    Proto.HTTP: "tcp",
    Proto.TEREDO: "teredo",
}
PARTS_KEPT = 256  # combinations of services; a device has a handful

_NO_SERVICES: tuple[str, ...] = ()
_CHOSEN = (Reason.FAMILY_ALLOW, Reason.HOMEWORK)


class ServiceFlows:
    """Recognises the services of connections without their host names, and decides about these connections.

    It applies one profile.
    """

    def __init__(self, fact_finder: FactFinder, profile: Profile, catalogue: Catalogue) -> None:
        self._fact_finder = fact_finder
        self._profile = profile
        self._catalogue = catalogue
        self._parts: dict[ServiceRecognition, Conclusion] = {}

    def owner_of(self, address: bytes) -> str | None:
        """Return the service that alone uses a packed address; None if there is none, or several."""
        owners = self._catalogue.owners_of(address)
        return None if owners is None or owners.shared else owners.services[0]

    def nameless(self, seen: Observation, situation: Situation) -> Conclusion | None:
        """Return the conclusion about a flow without a trusted name by its services; None if none is known.

        Its outcome says how they were recognised.
        """
        found = self.recognise(seen, situation)
        return None if found is None else self._conclusion(found)

    def recognise(self, seen: Observation, situation: Situation) -> ServiceRecognition | None:
        """Return the services of a flow without a trusted name, and how they were recognised; or None.

        - An address that one service alone uses, or a service's first bytes (signature), is enough.
        - For an address in a shared range: a queried name of the service, or a port that only it has there.
        - For a port alone: a queried name of the service. Teredo is recognised only so.

        A name counts for half an hour after its query. If a DNS answer gave the device the address, the last
        two also need that a name of the service itself got it, except for Teredo.
        """
        if seen.proto is Proto.TEREDO:  # detected by its content, and its servers have their own names
            return _recognition(self._by_port(seen, situation), RecognitionSign.PORT)
        owners = self._catalogue.owners_of(seen.dst)
        # A running flow may be older than the catalogue.
        signed = tuple(service for service in seen.signature if service in self._catalogue.services)
        if owners is not None and not owners.shared:
            # Both: a client may send another service's first bytes to this address.
            return ServiceRecognition(tuple(dict.fromkeys(owners.services + signed)), RecognitionSign.ADDRESS)
        if signed:
            recent = tuple(service for service in signed if situation.recent.asked(service))
            return ServiceRecognition(recent or signed, RecognitionSign.FIRST_BYTES)
        if owners is not None:
            found = self._confirmed(self._in_shared_range(owners.services, seen, situation), seen, situation)
            if found:
                return ServiceRecognition(found, RecognitionSign.ADDRESS)
        return _recognition(
            self._confirmed(self._by_port(seen, situation), seen, situation), RecognitionSign.PORT
        )

    def _at_port(self, seen: Observation) -> tuple[str, ...]:
        kind = PORT_TYPES.get(seen.proto)
        return _NO_SERVICES if kind is None else self._catalogue.services_at(kind, seen.dport)

    def _by_port(self, seen: Observation, situation: Situation) -> tuple[str, ...]:
        """Return the services that use the flow's port and of which the device queried a name recently."""
        return tuple(service for service in self._at_port(seen) if situation.recent.asked(service))

    def _in_shared_range(
        self, services: tuple[str, ...], seen: Observation, situation: Situation
    ) -> tuple[str, ...]:
        """Return those of ``services``, which share the flow's address, that the flow may belong to.

        They are those of which the device queried a name recently, if possible only those that use the flow's
        port. If there is none: the service that uses the port, if it is the only one.
        """
        recent = tuple(service for service in services if situation.recent.asked(service))
        at_port = self._at_port(seen)
        ported = tuple(service for service in services if service in at_port)
        found = tuple(service for service in recent if service in ported) or recent
        return found or (ported if len(ported) == 1 else _NO_SERVICES)

    @staticmethod
    def _confirmed(services: tuple[str, ...], seen: Observation, situation: Situation) -> tuple[str, ...]:
        """Return those of ``services`` that the flow's address can belong to, by the device's DNS answers.

        Services share ports and ranges. If an allowed name gave this address to the device, the flow counts
        for a service only if one of the service's own names gave it.
        """
        if not services or seen.dst not in situation.addresses:
            return services
        return tuple(service for service in services if situation.recent.gave(service, seen.dst))

    def named(self, seen: Observation, named: Conclusion, situation: Situation) -> Conclusion | None:
        """Return the conclusion about a flow with a host name at an address that another service alone uses.

        A TLS hello can carry any name, so the service of the address is blocked, limited and counted too.
        None: the address belongs to no service, or to the name's own; the name is blocked; or the name may
        have it. A name may have it if the family chose the name, or it is of another service, and a DNS
        answer gave it the address. ``named``: the conclusion about the name.
        """
        owner = self.owner_of(seen.dst)
        if owner is None or owner in named.services or named.outcome.verdict is Verdict.BLOCK:
            return None
        if (named.services or named.outcome.reason in _CHOSEN) and _may_have(seen, named, situation):
            return None
        found = ServiceRecognition((owner,), RecognitionSign.ADDRESS)
        service = self._conclusion(found)
        if service.outcome.verdict is Verdict.BLOCK:
            return service
        gates = joined((frozenset(named.gates), frozenset(service.gates)))
        return named._replace(
            gates=in_order(gates),
            outcome=replace(named.outcome, gates=gates, recognised=found),
            services=(*named.services, owner),
        )

    def _conclusion(self, found: ServiceRecognition) -> Conclusion:
        conclusion = self._parts.get(found)
        if conclusion is None:
            if len(self._parts) >= PARTS_KEPT:
                self._parts.clear()
            conclusion = self._concluded(found.services)
            conclusion = conclusion._replace(outcome=replace(conclusion.outcome, recognised=found))
            self._parts[found] = conclusion
        return conclusion

    def _concluded(self, services: tuple[str, ...]) -> Conclusion:
        """Return the conclusion about a flow that may belong to several services: a block if one is blocked.

        Otherwise the flow has the time rules of all of them.
        """
        alone = (conclude(self._fact_finder.facts_of((service,)), self._profile) for service in services)
        refused = next(
            (conclusion for conclusion in alone if conclusion.outcome.verdict is Verdict.BLOCK), None
        )
        return refused or conclude(self._fact_finder.facts_of(services), self._profile)


def _may_have(seen: Observation, named: Conclusion, situation: Situation) -> bool:
    """Return True if a DNS answer gave the flow's address to its name.

    If answers are not stored, it is True if one of the names of the host's services got it, or the host has
    no service.
    """
    if situation.resolved is not None:
        return situation.resolved.gave(seen.host or "", seen.dst)
    recent = situation.recent
    return not named.services or any(recent.gave(service, seen.dst) for service in named.services)


def _recognition(services: tuple[str, ...], sign: RecognitionSign) -> ServiceRecognition | None:
    return ServiceRecognition(services, sign) if services else None
