"""The verbs of an audit: a throw-away device with somebody's rules. Of root alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import AUDIT_INTERFACE, Request, Verb
from gateway.daemon.audit import SECONDS
from gateway.daemon.devices.member import Member
from gateway.policy.conclude import refuses
from gateway.policy.macs import parse_mac
from gateway.policy.rules import Mode
from gateway.policy.ways import Switch, Way

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class AuditVerbs:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> Mapping[str, Verb]:
        return {
            "audit_begin": self.begin,
            "audit_seen": self.seen,
            "audit_pause": self.pause,
            "audit_clear": self.clear,
            "audit_end": self.end,
        }

    def begin(self, request: Request) -> Mapping[str, object]:
        request.owner_only()
        who, mac = self._who(request), self._mac(request, "mac")
        stranger = self._mac(request, "stranger") if request.has("stranger") else None
        interface = request.text_or_none("interface")
        if interface not in (None, AUDIT_INTERFACE):
            request.refuse("interface", f"can only be {AUDIT_INTERFACE}, which an audit makes for itself")
        told = _told(self._daemon.audit.begin(who, mac, interface, request.when_gone))
        if stranger is not None:
            self._daemon.presence.ignore(stranger)
        return told

    def _who(self, request: Request) -> str:
        """The id of a child's profile, or the MAC of a device that is filtered."""
        who, family = request.text("who"), self._daemon.family
        mac = parse_mac(who)
        if mac is None:
            profile = self._daemon.rules.profile(who)
            if profile.built_in or not profile.is_child:
                problem = f"names {profile.name}, who is no child"
                request.refuse("who", problem, Code.NO_CHILD, name=profile.name)
            return profile.id
        member = family.member_of(mac)
        if not self._is_known(mac):
            request.refuse("who", f"names {mac}, which was never seen here", Code.NOT_FILTERED)
        if member is None:
            request.refuse("who", f"names {mac}, a device that is not filtered", Code.NOT_FILTERED)
        if member.quarantined:
            request.refuse("who", f"names {mac}, to which all is closed; say whose it is", Code.NEW_DEVICE)
        return mac

    def _mac(self, request: Request, key: str) -> str:
        mac = parse_mac(request.text(key))
        if mac is None or int(mac[:2], 16) & 3 != 2:
            request.refuse(key, "is no locally administered address such as 02:5a:91:c3:07:e4")
        if self._is_known(mac):
            request.refuse(key, "is a device's that was seen here; take another before its link is up")
        return mac

    def _is_known(self, mac: str) -> bool:
        daemon = self._daemon
        household = daemon.rules.household
        written = mac in household.named or mac in household.config.managed
        return (
            written or mac in daemon.store.devices.all() or daemon.presence.inventory.sight(mac) is not None
        )

    def seen(self, request: Request) -> Mapping[str, object]:
        request.owner_only()
        found, lost = self._daemon.audit.seen()
        return {"seen": [one.told() for one in found], "lost": lost}

    def pause(self, request: Request) -> Mapping[str, object]:
        request.owner_only()
        paused = request.values.get("paused")
        if not isinstance(paused, bool):
            request.refuse("paused", "must be true or false")
        self._daemon.audit.pause(paused=paused)
        return {}

    def clear(self, request: Request) -> Mapping[str, object]:
        request.owner_only()
        self._daemon.audit.clear()
        return {}

    def end(self, request: Request) -> Mapping[str, object]:
        """Also where it has ended by itself."""
        request.owner_only()
        self._daemon.audit.end()
        return {}


def _told(member: Member) -> Mapping[str, object]:
    """Where somebody is asked about the device, the stricter of both profiles holds."""
    beside = None if member.beside is None else member.beside.profile
    profiles = [one for one in (member.profile, beside) if one is not None and one.filtered]
    modes = [one.rules.mode.value for one in profiles]
    return {
        "profile": member.profile.id,
        "name": member.profile.name,
        "band": member.profile.band.value,
        "strict": any(one.rules.strict.value for one in profiles),
        "mode": Mode.ALLOW_LIST if Mode.ALLOW_LIST in modes else Mode.BLOCK_LIST,
        "ways": {
            way: Switch.BLOCK if any(refuses(one.rules, way) for one in profiles) else Switch.ALLOW
            for way in Way
        },
        "seconds": SECONDS,
    }
