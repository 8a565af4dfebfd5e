"""The verb ``refusals``: a device sees its own, others see of a profile what its log level lets be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.control.protocol import Request
from gateway.daemon.devices.family import Member
from gateway.daemon.recent import FOR, Refusal
from gateway.daemon.verbs.decided import Decided
from gateway.policy.loglevels import NAMES_LEVEL
from gateway.policy.macs import parse_mac
from gateway.policy.profile import Profile
from gateway.policy.sentence import service_of
from gateway.policy.situation import FOREVER
from gateway.policy.values import Verdict

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class Refusals:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def __call__(self, request: Request) -> Mapping[str, object]:
        limit = request.whole("limit", least=1, most=100, default=10)
        if request.has("device"):
            return self._of_device(request.text("device"), limit)
        profile = self._daemon.rules.profile(request.text("profile"))
        if profile.rules.log_level < NAMES_LEVEL:
            return {"refusals": []}  # when it was is told with the name; how often a day is in `history`
        slots = self._daemon.family.slots_of(profile.id)
        return {"refusals": self._told(slots, limit, profile)}

    def _of_device(self, text: str, limit: int) -> Mapping[str, object]:
        mac = parse_mac(text)
        member = self._daemon.family.member_of(mac) if mac is not None else None
        if mac is None or member is None:
            return {"refusals": []}
        if self._has_company(member, mac):
            return {"refusals": [], "shared": True}
        return {"refusals": self._told(frozenset({member.slot}), limit, member.profile)}

    def _has_company(self, member: Member, mac: str) -> bool:
        """Whether another device of the same slot was here lately: whose a refusal was is not known then."""
        since = self._daemon.clock.now() - FOR
        seen = self._daemon.store.devices.all()
        lately = [other for other, device in seen.items() if other != mac and device.last_seen > since]
        return any(self._daemon.family.member_of(other) is member for other in lately)

    def _told(self, slots: frozenset[int], limit: int, profile: Profile) -> list[dict[str, object]]:
        found = self._daemon.journal.recent.of(slots, self._daemon.clock.now(), limit)
        decided = Decided(self._daemon, profile)
        return [
            self._as_values(one) | {"decided": decided.told(one.decision, one.seen.host)} for one in found
        ]

    def _name(self, one: Refusal) -> str | None:
        """Of the service that the rule names, else of the only one that the host belongs to."""
        rules, host = self._daemon.rules, one.seen.host
        service = service_of(one.decision)
        found = (service,) if service else rules.world.catalogue.services_of(host) if host else ()
        return rules.names.services.get(found[0]) if len(found) == 1 else None

    def _as_values(self, one: Refusal) -> dict[str, object]:
        journal, rules, decision = self._daemon.journal, self._daemon.rules, one.decision
        now = self._daemon.clock.now().astimezone(rules.household.config.zone)
        ends = decision.until is not None and decision.until < FOREVER
        return {
            "at": one.at,
            "host": one.seen.host,
            "name": self._name(one),
            "proto": one.seen.proto,
            "sentence": journal.told(one.seen, decision, now),
            "verdict": decision.verdict,
            "reason": decision.reason,
            "rule": decision.rule,
            "owner": decision.owner,
            "until": decision.until if ends else None,
            "askable": decision.askable and decision.verdict is Verdict.BLOCK,
        }
