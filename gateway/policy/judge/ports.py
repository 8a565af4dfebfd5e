"""Flows that name no host, and yet are a service's: by their port, on a device that asked for it just now."""

from __future__ import annotations

from gateway.policy.judge.conclude import Part, conclude
from gateway.policy.judge.study import Student
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.time.situation import Situation
from gateway.policy.values import Observation, Proto, Verdict

KINDS = {Proto.UDP: "udp", Proto.TCP: "tcp", Proto.TEREDO: "teredo"}  # of the catalogue's `ports`
PARTS_KEPT = 256  # combinations of services that share a port; a device meets a handful


class PortedFlows:
    """What is decided about such flows of one profile. Compiled with its judge."""

    def __init__(self, student: Student, profile: Profile, catalogue: Catalogue) -> None:
        self._student = student
        self._profile = profile
        self._catalogue = catalogue
        self._parts: dict[tuple[str, ...], Part] = {}

    def part(self, seen: Observation, situation: Situation) -> Part | None:
        """None: it is not known to be any service's.

        Ports are shared, so an address that an allowed name gave to the device is another's, but where it was
        a name of the service that gave it. Teredo is told by itself, and its servers have names of their own.
        """
        kind, recent = KINDS.get(seen.proto), situation.recent
        if kind is None:
            return None
        found = tuple(one for one in self._catalogue.services_at(kind, seen.dport) if recent.asked(one))
        if found and seen.dst in situation.addresses and seen.proto is not Proto.TEREDO:
            found = tuple(one for one in found if recent.gave(one, seen.dst))
        if not found:
            return None
        part = self._parts.get(found)
        if part is None:
            if len(self._parts) >= PARTS_KEPT:
                self._parts.clear()
            part = self._parts[found] = self._concluded(found)
        return part

    def _concluded(self, services: tuple[str, ...]) -> Part:
        """Of several the refused one; where none is refused, the time rules of them all."""
        alone = (conclude(self._student.facts_of((one,)), self._profile) for one in services)
        refused = next((one for one in alone if one.outcome.verdict is Verdict.BLOCK), None)
        return refused or conclude(self._student.facts_of(services), self._profile)
