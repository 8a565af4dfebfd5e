"""The verb ``refusals``: the latest blocked names and connections of a device or of a profile."""

from __future__ import annotations

from collections.abc import Callable

from gateway.control.contract.activity import RECENT_BLOCKS, RecentBlock, RecentBlocks, RecentBlocksRequest
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.features.activity.attempts import attempt_target
from gateway.features.activity.decided import DecisionSource
from gateway.features.activity.recent_refusals import FOR, RecentRefusal, RecentRefusals
from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.explanation import category_of, recognised_name, sentence, sign_of
from gateway.policy.names.hosts import PublicSuffixCheck
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import CATEGORY, NAMES_LEVEL, SERVICE
from gateway.policy.requests.askable import is_askable, is_category_askable, request_entry
from gateway.policy.rule_text import read_rule
from gateway.policy.time.time_rules import FOREVER
from gateway.store.tables.devices import DeviceTable


class RefusalVerb:
    """Returns the latest blocked names and connections, each with its reason and who set the rule.

    ``decided``: returns what is known about who set a profile's rules.
    """

    def __init__(
        self,
        home: HomeContext,
        family: Family,
        devices: DeviceTable,
        recent: RecentRefusals,
        decided: Callable[[Profile], DecisionSource],
        is_public_suffix: PublicSuffixCheck,
    ) -> None:
        self._home = home
        self._family = family
        self._devices = devices
        self._recent = recent
        self._decided = decided
        self._is_public_suffix = is_public_suffix

    def register(self, router: Router) -> None:
        router.serve(RECENT_BLOCKS, self.refusals)

    def refusals(self, call: Call[RecentBlocksRequest]) -> RecentBlocks:
        """Return the latest refusals of a device, or of a profile if its log level discloses names.

        There are none for other profiles, for an unfiltered device or an invalid MAC address, and for a
        device that shares its slot (number) with another one that was online within the last ten minutes
        (``shared`` is True). Raises PolicyError for an unknown profile, ControlError without ``device`` and
        ``profile``, and ListError if the index of the downloaded lists cannot be read.
        """
        args = call.args
        if args.device is not None:
            return self._of_device(args.device, args.limit)
        if args.profile is None:
            call.refuse("profile", "is missing")
        profile = self._home.rules.household.profile(args.profile)
        if profile.rules.log_level < NAMES_LEVEL:
            # Names and times are private; `history` has the number a day.
            return RecentBlocks((), shared=False)
        slots = self._family.slots_of(profile.id)
        return RecentBlocks(self._describe(slots, args.limit, profile), shared=False)

    def _of_device(self, text: str, limit: int) -> RecentBlocks:
        mac = parse_mac(text)
        member = self._family.member_of(mac) if mac is not None else None
        if mac is None or member is None:
            return RecentBlocks((), shared=False)
        if self._shares_slot(member, mac):
            return RecentBlocks((), shared=True)
        slots = self._family.slots_of_device(mac)
        return RecentBlocks(self._describe(slots, limit, member.profile), shared=False)

    def _shares_slot(self, member: Member, mac: str) -> bool:
        """Return whether another device was online lately that shares the slot (number) of ``mac``.

        Devices with one profile may share it. Then it is unknown which of the two was refused.
        """
        since = self._home.now() - FOR
        seen = self._devices.all()
        others = [other for other, device in seen.items() if other != mac and device.last_seen > since]
        return any(self._family.member_of(other) is member for other in others)

    def _describe(self, slots: frozenset[int], limit: int, profile: Profile) -> tuple[RecentBlock, ...]:
        source = self._decided(profile)
        recent = self._recent.of(slots, self._home.now(), limit)
        return tuple(self._block(refusal, source, profile) for refusal in recent)

    def _name(self, refusal: RecentRefusal) -> str | None:
        """Return the name of the refused service: the one in the rule, else the only service of the host.

        For a connection without a host, return the services that it was recognised as. None if unknown.
        """
        rules, host = self._home.rules, refusal.seen.host
        service = read_rule(refusal.decision.rule).id_of(SERVICE)
        found = (service,) if service else rules.world.catalogue.services_of(host) if host else ()
        name = rules.names.services.get(found[0]) if len(found) == 1 else None
        return name or recognised_name(refusal.decision, rules.names) or None

    def _entry(self, refusal: RecentRefusal) -> str:
        """Return what a child's request about the refusal would name: the host's site or service.

        For a connection without a host, it is the service that it was recognised as; empty for several or
        none.
        """
        decision, host = refusal.decision, refusal.seen.host
        if host is not None:
            return request_entry(host, self._home.rules.world.catalogue, self._is_public_suffix)
        if decision.recognised is None:
            return ""
        services = decision.recognised.services
        service = read_rule(decision.rule).id_of(SERVICE) or (services[0] if len(services) == 1 else "")
        return f"{SERVICE}{service}" if service else ""

    def _is_open(self, refusal: RecentRefusal) -> bool:
        """Return whether the present rules allow what was refused, such as after a guardian's answer."""
        subject = self._family.subjects.get(refusal.slot)
        return subject is not None and subject.decide(refusal.seen, self._home.now()).allowed

    def _block(self, refusal: RecentRefusal, source: DecisionSource, profile: Profile) -> RecentBlock:
        decision, host = refusal.decision, refusal.seen.host
        sign, catalogue = sign_of(decision), self._home.rules.world.catalogue
        ends = decision.until is not None and decision.until < FOREVER
        category, world = category_of(decision), self._home.rules.world
        return RecentBlock(
            at=refusal.at,
            host=host or "",
            name=self._name(refusal) or "",
            proto=refusal.seen.proto,
            sentence=sentence(decision, host, self._home.local_now(), self._home.rules.names),
            verdict=decision.verdict,
            reason=decision.reason,
            rule=decision.rule,
            owner=decision.owner,
            until=decision.until if ends else None,
            askable=is_askable(decision),
            decided=source.describe(decision, host),
            entry=self._entry(refusal),
            open=self._is_open(refusal),
            sign=sign or "",
            target=attempt_target(
                host or "", decision.reason, decision.rule, catalogue, self._is_public_suffix
            ),
            ask_category=f"{CATEGORY}{category}" if is_category_askable(category, profile, world) else "",
        )
