"""What may be asked of the daemon over the control socket; README.md of gateway/control has the words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.control.guardians import Guardians
from gateway.control.protocol import Request, Verb
from gateway.daemon.answers import Answers
from gateway.daemon.devices.family import Member
from gateway.daemon.devices.places import Places
from gateway.daemon.eyes import Eyes
from gateway.daemon.figures import figures
from gateway.daemon.files.editing import Editing
from gateway.daemon.files.editing_home import HomeEditing
from gateway.daemon.inuse import InUse
from gateway.daemon.verbs import clock as clockverbs
from gateway.daemon.verbs.accounts import announced, from_where
from gateway.daemon.verbs.agreement import AgreementVerbs
from gateway.daemon.verbs.alerts import AlertVerbs
from gateway.daemon.verbs.asked import bounded
from gateway.daemon.verbs.audit import AuditVerbs
from gateway.daemon.verbs.auditlog import AuditLogVerbs
from gateway.daemon.verbs.backup import BackupVerbs
from gateway.daemon.verbs.changes import ChangeVerbs
from gateway.daemon.verbs.country import CountryVerbs
from gateway.daemon.verbs.describe import describe_profile, describe_state
from gateway.daemon.verbs.devices import DeviceVerbs
from gateway.daemon.verbs.edit import EditVerbs
from gateway.daemon.verbs.family import FamilyVerbs
from gateway.daemon.verbs.growing import GrowingVerbs
from gateway.daemon.verbs.health import HealthVerbs
from gateway.daemon.verbs.history import HistoryVerbs
from gateway.daemon.verbs.identity import IdentityVerbs
from gateway.daemon.verbs.ledgers import describe_closing, describe_left, describe_used, told_gates
from gateway.daemon.verbs.lists import ListVerbs
from gateway.daemon.verbs.marks import MarkVerbs
from gateway.daemon.verbs.pins import PinDesk
from gateway.daemon.verbs.preview import PreviewVerbs
from gateway.daemon.verbs.proof import ProofVerbs
from gateway.daemon.verbs.refusals import Refusals
from gateway.daemon.verbs.registers import RegisterVerbs
from gateway.daemon.verbs.requests import RequestVerbs
from gateway.daemon.verbs.selfset import SelfSetVerbs
from gateway.daemon.verbs.sharing import SharingVerbs
from gateway.daemon.verbs.sights import Sights
from gateway.daemon.verbs.switch import SwitchVerbs
from gateway.daemon.verbs.teach import TeachVerbs
from gateway.daemon.verbs.tickets import TicketVerbs
from gateway.daemon.verbs.time import TimeVerbs
from gateway.daemon.verbs.trial import TrialVerbs
from gateway.daemon.verbs.waycards import WayCardVerbs
from gateway.daemon.verbs.whom import Whom
from gateway.daemon.verbs.why import WhyVerb
from gateway.daemon.warnings import closing
from gateway.policy.gates import is_limit
from gateway.policy.loglevels import KINDS_LEVEL, NAMES_LEVEL
from gateway.policy.macs import parse_mac
from gateway.policy.profile import GUEST, HOME, Profile

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class Verbs:
    """One method a verb: the values of the answer, or a GatewayError whose text is the answer."""

    def __init__(self, daemon: Daemon, guardians: Guardians, answers: Answers) -> None:
        self._daemon = daemon
        self._guardians = guardians
        self._whom, self._eyes = Whom(daemon), Eyes(daemon)
        self._editing = Editing(daemon.rules, self._edited)
        self._home = HomeEditing(daemon.rules, self._editing)
        self._edits = EditVerbs(daemon, self._whom, self._editing)
        self._switches = SwitchVerbs(daemon, self._whom)
        self._time = TimeVerbs(daemon, self._whom, answers)
        self._requests = RequestVerbs(daemon, self._whom, answers, self._time, self._editing)
        self._tickets = TicketVerbs(daemon, self._whom, answers)
        self._places = Places(daemon, self._whom, self._place, self._editing)
        self._cards = WayCardVerbs(daemon, self._whom)
        self._lists = ListVerbs(daemon, self._whom, self._editing)
        self._health = HealthVerbs(daemon)
        self._trial = TrialVerbs(daemon, self._whom)
        self._backups = BackupVerbs(daemon, self._whom)
        self._pins = PinDesk(daemon, self._whom)
        self._sharing = SharingVerbs(daemon, self._whom, self._pins)
        self._agreements = AgreementVerbs(daemon, self._whom, self._pins)
        proofs = self._sharing.proofs
        self._devices = DeviceVerbs(daemon, self._whom, self._places, self._device, proofs)
        self._started = daemon.loop.now()

    def table(self) -> Mapping[str, Verb]:
        table: Mapping[str, Verb] = {
            "status": self.status,
            "why": WhyVerb(self._daemon, self._whom),
            "profile": self.profile,
            "device": self.device,
            "refusals": Refusals(self._daemon),
            "reload": self.reload,
            "clock": self.clock,
            "time": self.time,
            "sight": Sights(self._daemon.presence.inventory).play,
            **IdentityVerbs(self._daemon, self._whom, self._places, self._editing).table(),
            **self._devices.table(),
            **self._cards.table(),
            **self._lists.table(),
            **self._health.table(),
            **self._trial.table(),
            **self._backups.table(),
            **MarkVerbs(self._daemon, self._whom).table(),
            **self._switches.table(),
            **self._time.table(),
            **self._requests.table(),
            **self._tickets.table(),
            **self._pins.table(),
            **self._sharing.table(),
            **self._agreements.table(),
            **HistoryVerbs(self._daemon, self._whom, self._pins).table(),
            **ChangeVerbs(self._daemon, self._whom).table(),
            **CountryVerbs(self._daemon).table(),
            **AlertVerbs(self._daemon, self._whom).table(),
            **AuditVerbs(self._daemon).table(),
            **self._edits.table(),
            **FamilyVerbs(self._daemon, self._edits, self._home).table(),
            **RegisterVerbs(self._daemon, self._edits, self._home, self._lists).table(),
            **TeachVerbs(self._daemon, self._whom, self._editing).table(),
            **PreviewVerbs(self._daemon, self._whom, self._editing).table(),
            **AuditLogVerbs(self._daemon).table(),
            **ProofVerbs(self._daemon, self._whom).table(),
            **GrowingVerbs(self._daemon, self._whom).table(),
            **SelfSetVerbs(self._daemon, self._whom, self._pins).table(),
        }
        named = {name: from_where(self._daemon, verb) for name, verb in bounded(table, self._daemon).items()}
        return {**named, "guardian": self._guardians}

    def close(self) -> None:
        self._lists.close()
        self._health.close()
        self._trial.close()

    def _edited(self, named: frozenset[str]) -> None:
        """A file was changed, which names these devices from now on."""
        for mac in sorted(named):
            self._daemon.store.devices.unplace(mac)
            self._daemon.identities.answered(mac)
        self._daemon.reassign()

    def status(self, _request: Request) -> Mapping[str, object]:
        daemon, now = self._daemon, self._daemon.local_now()
        daemon.presence.refresh()
        off = daemon.store.state(now).off
        since, used = daemon.internet.since, InUse(daemon)
        answer: dict[str, object] = {
            "version": __version__,
            "uptime": round(daemon.loop.now() - self._started),
            "now": now,
            "day": daemon.rules.calendar.family_day(now).isoformat(),
            "mode": "off" if off else "on",
            "off_until": off.until.astimezone(now.tzinfo) if off and off.until else None,
            "internet": daemon.internet.state,
            "internet_since": None if since is None else since.astimezone(now.tzinfo),
            "country": daemon.rules.household.config.country,
            "language": daemon.rules.household.config.language or None,
            "new_devices": sum(self._place(mac) == GUEST for mac in daemon.presence.here.now),
            "requests": sum(one.waits for one in daemon.store.requests.all()),
            "questions": sum(one.waits for one in daemon.store.questions.all().values()),
            "cards": len(self._cards.waiting()),
            "problems": daemon.problems(),
            "announced": announced(daemon),
            "clock": clockverbs.describe(daemon.watch),
            "profiles": [self._child(one, now, used) for one in daemon.rules.household.children],
        }
        return answer | daemon.growing.told() | figures(daemon)

    def _child(self, profile: Profile, now: datetime, used: InUse) -> dict[str, object]:
        daemon = self._daemon
        slots = daemon.family.slots_of(profile.id)
        members = [one for slot, one in daemon.family.members.items() if slot in slots]
        macs = self._eyes.devices_of(profile, members)
        member = self._eyes.member(profile)
        return {
            "id": profile.id,
            "name": profile.name,
            "band": profile.band.value,
            "next_step": profile.next_step,
            "log_level": profile.rules.log_level,
            "devices": [self._device(mac) for mac in macs],
            **self._state(member, now),
            **self._minutes(member, now, own=False),
            **self._pins.describe(profile),
            "closing": self._closing(member, used.by(slots), now, own=False),
            "in_use": used.told(profile, slots),
            "lesson": daemon.lessons.told(profile.id),
            "requests": sum(one.waits and one.who == profile.id for one in daemon.store.requests.all()),
        }

    def _minutes(self, member: Member, now: datetime, *, own: bool) -> dict[str, object]:
        """What is left and used of a child's time, and whether its landing is due or gone. Unless it is told
        to its ``own`` device, of a child without a log nothing that depends on use, and below the level of
        moments the totals alone.
        """
        profile, situation, rules = member.profile, member.situation, self._daemon.rules
        whole = own or profile.rules.log_level >= NAMES_LEVEL
        by_device = self._daemon.family.minutes.used_on(profile.id) if whole else {}
        told = own or profile.rules.log_level >= KINDS_LEVEL
        return {
            "left": describe_left(profile, situation, rules, now, told_gates(profile, own=own)),
            "used": describe_used(profile, situation, rules, by_device) if told else [],
            "landing": {
                "minutes": int(profile.rules.landing.value / timedelta(minutes=1)),
                "taken": self._time.landing_taken(profile, now) if told else None,
                "due": self._time.landing_due(member, now) if told else None,
            },
        }

    def _closing(
        self, member: Member, in_use: frozenset[str], now: datetime, *, own: bool
    ) -> list[dict[str, object]]:
        rules = self._daemon.rules
        found = closing(member, in_use, rules.calendar, now)
        if not own and member.profile.rules.log_level < KINDS_LEVEL:
            found = [one for one in found if not is_limit(one.gate)]
        return describe_closing(found, rules, now)

    def _state(self, member: Member, now: datetime) -> dict[str, object]:
        return describe_state(member.judge, member.situation, now, self._daemon.rules)

    def _device(self, mac: str) -> dict[str, object]:
        return {
            "mac": mac,
            "name": self._daemon.presence.here.name_of(mac),
            "online": self._eyes.online(mac),
            "ip": self._eyes.ip(mac),
            "sightings": self._eyes.sightings(mac),
        }

    def profile(self, request: Request) -> Mapping[str, object]:
        profile = self._daemon.rules.profile(request.text("id"))
        member, now = self._eyes.member(profile), self._daemon.local_now()
        told = describe_profile(
            member.judge, self._daemon.rules, member.situation, now, self._edits.set_of(profile)
        )
        if not profile.is_child:
            return told
        own = {"self_set": self._daemon.self_set.told(profile), "agreement": self._agreements.told(profile)}
        return told | self._minutes(member, now, own=False) | own

    def device(self, request: Request) -> Mapping[str, object]:
        presence = self._daemon.presence
        if request.has("mac"):
            mac = parse_mac(request.text("mac"))
        else:
            mac = presence.mac_of(request.text("ip"))
        if mac is None:
            return {"mac": None, "profile": None, "name": None}
        member = self._daemon.family.member_of(mac)
        state = {} if member is None else self._state(member, self._daemon.local_now())
        question = self._daemon.store.questions.all().get(mac)
        if member is not None and member.asked and question is not None:
            state["asked"] = question.ask
        elif member is not None and member.profile.is_child:
            now = self._daemon.local_now()
            in_use = InUse(self._daemon).by((member.slot,))
            state |= self._minutes(member, now, own=True) | {
                "closing": self._closing(member, in_use, now, own=True)
            }
        state |= self._sharing.describe(mac, member) | self._daemon.growing.of_device(mac)
        known = {"mac": mac, "profile": self._place(mac), "name": presence.here.name_of(mac)}
        return known | {"now": self._daemon.local_now()} | state

    def _place(self, mac: str) -> str:
        family = self._daemon.family
        member = family.member_of(mac)
        if member is not None:
            return "quarantine" if member.quarantined else member.profile.id
        owner = self._daemon.rules.household.owner_of(mac)
        return "adult" if owner is not None or mac in family.opened else HOME

    def reload(self, request: Request) -> Mapping[str, object]:
        request.owner_only()
        problems = self._daemon.reload()
        return {"profiles": sorted(self._daemon.rules.household.profiles), "problems": problems}

    def time(self, request: Request) -> Mapping[str, object]:
        """A guardian's phone says what time it is."""
        daemon = self._daemon

        def audit(what: str, detail: str, by: str) -> None:
            daemon.store.audit(what, detail, by=by, at=daemon.clock.now(), origin=request.text("origin", ""))

        guardians = [one.name for one in daemon.store.guardians().values() if one.guards]
        return clockverbs.offer(request, daemon.watch, guardians, audit)

    def clock(self, request: Request) -> Mapping[str, object]:
        """Move the family's time, in the virtual home alone."""
        clockverbs.play(request, self._daemon.watch)
        return {"now": self._daemon.local_now()}
