"""The verbs of a bypass test, which tests a child's rules from a temporary device.

Only root may send them.
"""

from __future__ import annotations

from gateway.control.contract.filter_tests import (
    PROBE_BEGIN,
    PROBE_CLEAR,
    PROBE_END,
    PROBE_PAUSE,
    PROBE_SEEN,
    BeginProbeRequest,
    PauseProbeRequest,
    ProbeDecision,
    ProbeDecisions,
    ProbeDeviceRules,
)
from gateway.control.protocol import PROBE_INTERFACE, Call, ControlRequest
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.filter_tests.probe_device import SECONDS, ProbedDecision, ProbeDevice
from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.household.presence import Presence
from gateway.lan import interfaces as lan
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.conclude import blocks_bypass
from gateway.policy.profile.bypass_methods import BypassMethod, MethodSetting
from gateway.policy.profile.rules import GUEST, Mode
from gateway.policy.values import Reason
from gateway.store.tables.devices import DeviceTable


class ProbeDeviceVerbs:
    """Control-socket verbs for root that begin, control and end a bypass test from a temporary device."""

    def __init__(
        self,
        home: HomeContext,
        probe_device: ProbeDevice,
        devices: DeviceTable,
        family: Family,
        presence: Presence,
    ) -> None:
        self._home = home
        self._probe_device = probe_device
        self._devices = devices
        self._family = family
        self._presence = presence

    def register(self, router: Router) -> None:
        router.serve(PROBE_BEGIN, self.begin)
        router.serve(PROBE_SEEN, self.seen)
        router.serve(PROBE_PAUSE, self.pause)
        router.serve(PROBE_CLEAR, self.clear)
        router.serve(PROBE_END, self.end)

    def begin(self, call: Call[BeginProbeRequest]) -> ProbeDeviceRules:
        """Begin a bypass test: give the test device ``mac`` the rules of ``who``, and return these rules.

        ``stranger``: MAC address of a second test device, which gets the rules of an unassigned one. Raises
        ControlError if a test runs, for a test device that is known here or has no locally administered
        address, or if ``who`` is neither a child, the guests nor a filtered device outside of quarantine;
        PolicyError for an unknown profile.
        """
        call.owner_only()
        who, mac = self._who(call.args.who), self._mac(call, "mac", call.args.mac)
        stranger, interface = call.args.stranger, call.args.interface
        if stranger is not None:
            stranger = self._mac(call, "stranger", stranger)
        if interface not in (None, PROBE_INTERFACE):
            call.refuse("interface", f"can only be {PROBE_INTERFACE}, which a bypass test makes for itself")
        rules = _rules(self._probe_device.begin(who, mac, interface, call.when_gone))
        if stranger is not None:
            self._presence.ignore(stranger, unassigned=True)
        return rules

    def _who(self, who: str) -> str:
        """Return the id of a child's or the guests' profile, or the MAC address of a filtered device.

        Raises ControlError for any other person or device, an unknown device and one in quarantine, and
        PolicyError for an unknown profile.
        """
        mac = parse_mac(who)
        if mac is None:
            profile = self._home.rules.household.profile(who)
            if not profile.is_child and profile.id != GUEST:
                raise ControlError.of(Code.NO_CHILD, name=profile.name)
            return profile.id
        member = self._family.member_of(mac)
        if member is None or not self._is_known(mac):
            raise ControlError.of(Code.NOT_FILTERED)
        if member.quarantined:
            raise ControlError.of(Code.NEW_DEVICE)
        return mac

    def _mac(self, request: ControlRequest, key: str, written: str) -> str:
        mac = parse_mac(written)
        if mac is None or int(mac[:2], 16) & 3 != 2:
            request.refuse(key, "is no locally administered address such as 02:5a:91:c3:07:e4")
        if self._is_known(mac):
            request.refuse(key, "is a device's that was seen here; take another before its link is up")
        return mac

    def _is_known(self, mac: str) -> bool:
        """Return whether the configuration names the device, or it was ever seen on the network."""
        household = self._home.rules.household
        named = mac in household.named or mac in household.config.managed
        return named or mac in self._devices.all() or self._presence.inventory.sight(mac) is not None

    def seen(self, call: Call[NoValues]) -> ProbeDecisions:
        """Return the latest decisions about the test device, oldest first, and the number of dropped ones.

        Raises ControlError without a test.
        """
        call.owner_only()
        decisions, lost = self._probe_device.seen()
        return ProbeDecisions(seen=tuple(map(_decision, decisions)), lost=lost)

    def pause(self, call: Call[PauseProbeRequest]) -> NoValues:
        """Pause the internet of the test device, or end that (``paused``).

        Raises ControlError without a test.
        """
        call.owner_only()
        self._probe_device.pause(paused=call.args.paused)
        return NoValues()

    def clear(self, call: Call[NoValues]) -> NoValues:
        """Delete the connections, names and caches that one check left, before the next check begins.

        Raises ControlError without a test.
        """
        call.owner_only()
        self._probe_device.clear()
        return NoValues()

    def end(self, call: Call[NoValues]) -> NoValues:
        """End the bypass test. It is no error if it has ended already."""
        call.owner_only()
        self._probe_device.end()
        return NoValues()


def _decision(probed: ProbedDecision) -> ProbeDecision:
    seen, decision = probed
    sealed = decision.reason is Reason.REFUSED_FOR_EVERYONE
    return ProbeDecision(
        proto=seen.proto,
        host=seen.host,
        dst=lan.text(seen.dst) if seen.dst else None,
        dport=seen.dport,
        verdict=decision.verdict,
        reason=decision.reason,
        rule=None if sealed else decision.rule,
    )


def _rules(member: Member) -> ProbeDeviceRules:
    beside = None if member.beside is None else member.beside.profile
    profiles = [profile for profile in (member.profile, beside) if profile is not None and profile.filtered]
    modes = [profile.rules.mode.value for profile in profiles]
    return ProbeDeviceRules(
        profile=member.profile.id,
        name=member.profile.name,
        band=member.profile.band.value,
        strict=any(profile.rules.strict.value for profile in profiles),
        mode=Mode.ALLOW_LIST if Mode.ALLOW_LIST in modes else Mode.BLOCK_LIST,
        ways={
            way: MethodSetting.BLOCK
            if any(blocks_bypass(profile.rules, way) for profile in profiles)
            else MethodSetting.ALLOW
            for way in BypassMethod
        },
        seconds=SECONDS,
    )
