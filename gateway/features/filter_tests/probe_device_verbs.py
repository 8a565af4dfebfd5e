"""The verbs of an audit, which tests the rules of a child from a temporary device. For root only."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control.protocol import AUDIT_INTERFACE, Request
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.filter_tests.probe_device import SECONDS, ProbeDevice
from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.household.presence import Presence
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.conclude import blocks_bypass
from gateway.policy.profile.bypass_methods import Switch, Way
from gateway.policy.profile.rules import Mode
from gateway.store.tables.devices import Devices


class ProbeDeviceVerbs:
    """Begins, controls and ends a bypass test from a temporary device."""

    def __init__(
        self,
        home: HomeContext,
        probe_device: ProbeDevice,
        devices: Devices,
        family: Family,
        presence: Presence,
    ) -> None:
        self._home = home
        self._probe_device = probe_device
        self._devices = devices
        self._family = family
        self._presence = presence

    def register(self, router: Router) -> None:
        router.add("audit_begin", self.begin)
        router.add("audit_seen", self.seen)
        router.add("audit_pause", self.pause)
        router.add("audit_clear", self.clear)
        router.add("audit_end", self.end)

    def begin(self, request: Request) -> Mapping[str, object]:
        """Give the device ``mac`` the rules of ``who`` until the audit ends."""
        request.owner_only()
        who, mac = self._who(request), self._mac(request, "mac")
        stranger = self._mac(request, "stranger") if request.has("stranger") else None
        interface = request.text_or_none("interface")
        if interface not in (None, AUDIT_INTERFACE):
            request.refuse("interface", f"can only be {AUDIT_INTERFACE}, which an audit makes for itself")
        described = _describe(self._probe_device.begin(who, mac, interface, request.when_gone))
        if stranger is not None:
            self._presence.ignore(stranger)
        return described

    def _who(self, request: Request) -> str:
        """Return the id of a child's profile, or the MAC address of a filtered device."""
        who = request.text("who")
        mac = parse_mac(who)
        if mac is None:
            profile = self._home.rules.profile(who)
            if profile.built_in or not profile.is_child:
                problem = f"names {profile.name}, who is no child"
                request.refuse("who", problem, Code.NO_CHILD, name=profile.name)
            return profile.id
        member = self._family.member_of(mac)
        if not self._is_known(mac):
            request.refuse("who", f"names {mac}, which was never seen here", Code.NOT_FILTERED)
        if member is None:
            request.refuse("who", f"names {mac}, a device that is not filtered", Code.NOT_FILTERED)
        if member.quarantined:
            request.refuse(
                "who", f"names {mac}, a quarantined device; assign it to an owner first", Code.NEW_DEVICE
            )
        return mac

    def _mac(self, request: Request, key: str) -> str:
        mac = parse_mac(request.text(key))
        if mac is None or int(mac[:2], 16) & 3 != 2:
            request.refuse(key, "is no locally administered address such as 02:5a:91:c3:07:e4")
        if self._is_known(mac):
            request.refuse(key, "is a device's that was seen here; take another before its link is up")
        return mac

    def _is_known(self, mac: str) -> bool:
        """Whether a rule file names the device, or it was ever seen here."""
        household = self._home.rules.household
        named = mac in household.named or mac in household.config.managed
        return named or mac in self._devices.all() or self._presence.inventory.sight(mac) is not None

    def seen(self, request: Request) -> Mapping[str, object]:
        """Return the decisions about the device; ``lost`` is the number of older ones."""
        request.owner_only()
        decisions, lost = self._probe_device.seen()
        return {"seen": [decision.to_dict() for decision in decisions], "lost": lost}

    def pause(self, request: Request) -> Mapping[str, object]:
        """Pause the internet of the device, or resume it."""
        request.owner_only()
        paused = request.values.get("paused")
        if not isinstance(paused, bool):
            request.refuse("paused", "must be true or false")
        self._probe_device.pause(paused=paused)
        return {}

    def clear(self, request: Request) -> Mapping[str, object]:
        """Forget the state that one check left, before the next check."""
        request.owner_only()
        self._probe_device.clear()
        return {}

    def end(self, request: Request) -> Mapping[str, object]:
        """End the audit. It is no error if it has ended already."""
        request.owner_only()
        self._probe_device.end()
        return {}


def _describe(member: Member) -> Mapping[str, object]:
    """Return the rules of the device; the stricter of both where its owner is uncertain."""
    beside = None if member.beside is None else member.beside.profile
    profiles = [profile for profile in (member.profile, beside) if profile is not None and profile.filtered]
    modes = [profile.rules.mode.value for profile in profiles]
    return {
        "profile": member.profile.id,
        "name": member.profile.name,
        "band": member.profile.band.value,
        "strict": any(profile.rules.strict.value for profile in profiles),
        "mode": Mode.ALLOW_LIST if Mode.ALLOW_LIST in modes else Mode.BLOCK_LIST,
        "ways": {
            way: Switch.BLOCK
            if any(blocks_bypass(profile.rules, way) for profile in profiles)
            else Switch.ALLOW
            for way in Way
        },
        "seconds": SECONDS,
    }
