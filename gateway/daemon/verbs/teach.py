"""The verbs with which a guardian teaches a site: begin, look, keep or leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.devices.family import Member
from gateway.daemon.files.editing import Author, Editing
from gateway.daemon.lessons import MAX_LESSONS
from gateway.daemon.verbs.whom import Whom
from gateway.errors import ControlError, PolicyError
from gateway.policy.hosts import HostError, rule_host
from gateway.policy.kept import TIME_REASONS
from gateway.policy.loglevels import NAMES_LEVEL
from gateway.policy.macs import parse_mac
from gateway.policy.profile import Profile
from gateway.policy.sentence import sentence
from gateway.policy.shared import is_shared
from gateway.policy.situation import Lesson
from gateway.policy.teaching import LONGEST, Asked, domain_of, entries
from gateway.policy.values import Decision, Observation, Proto, Reason
from gateway.policy.wallclock import later
from gateway.suffixes import suffixes_when_asked

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

TIMES = TIME_REASONS | {Reason.PAUSED}


class TeachVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, editing: Editing) -> None:
        self._daemon = daemon
        self._whom = whom
        self._editing = editing

    def table(self) -> Mapping[str, Verb]:
        return {"teach": self.teach, "lesson": self.lesson, "teach_end": self.end}

    def teach(self, request: Request) -> Mapping[str, object]:
        by, profile = self._whom.guardian(request), self._child(request)
        members, host = self._members(request, profile), self._host(request)
        daemon, now = self._daemon, self._daemon.local_now()
        if daemon.lessons.is_full(profile.id):
            request.refuse("id", f"there are {MAX_LESSONS} lessons; end one first", Code.NO_ROOM)
        services = frozenset(daemon.rules.world.catalogue.services_of(host))
        lesson = Lesson(host, services, later(now, LONGEST))
        for member in members:
            self._check(host, member, lesson)
        macs = frozenset(mac for one in members for mac in one.macs)
        daemon.lessons.begin(profile.id, lesson, macs, by)
        self._audit(request, by, "teach", f"{profile.id}: a site, devices: {len(macs)}")
        return {"host": host, "until": lesson.until, "devices": sorted(macs)}

    def _child(self, request: Request) -> Profile:
        profile = self._daemon.rules.profile(request.text("id"))
        if profile.built_in or not profile.is_child:
            request.refuse("id", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        return profile

    def _members(self, request: Request, profile: Profile) -> list[Member]:
        """The child's devices, or the one that is named, of which it is certain that they are the child's."""
        family = self._daemon.family
        found = [family.members[slot] for slot in sorted(family.slots_of(profile.id))]
        mac = parse_mac(request.text("device")) if request.has("device") else None
        if request.has("device"):
            found = [one for one in found if mac in one.macs]
        found = [one for one in found if one.profile.id == profile.id and not one.asked]
        if not found:
            request.refuse("device", f"is no device of {profile.name}", Code.NO_DEVICE)
        return found

    @staticmethod
    def _host(request: Request) -> str:
        word = request.text("host")
        try:
            return rule_host(word, suffixes_when_asked())
        except HostError as error:
            raise PolicyError(word, error.problem, error.mend).coded(
                Code.BAD_RULE, key="host", problem=error.problem, mend=error.mend
            ) from error

    def _check(self, host: str, member: Member, lesson: Lesson) -> None:
        """Whether a lesson would open the site itself, now."""
        seen, now = Observation(Proto.DNS, host, dport=53), self._daemon.clock.now()
        decision = member.judge.decide(seen, replace(member.situation, lesson=lesson), now)
        if decision.allowed:
            return
        name, told = member.profile.name, self._sentence(decision, host)
        if decision.reason in TIMES:
            msg = f"a lesson opens no pause, bedtime or limit of {name}'s: {told}"
            raise ControlError(msg).coded(Code.LESSON_CLOSED, name=name)
        if decision.reason is Reason.REFUSED_FOR_EVERYONE:
            msg = f"{host} is refused for everyone; nobody here can open it"
            raise ControlError(msg).coded(Code.FOR_EVERYONE, host=host)
        msg = f"{host} is refused for {name} by a rule that a lesson leaves alone: {told}"
        raise ControlError(msg).coded(Code.LESSON_REFUSED, host=host, name=name)

    def lesson(self, request: Request) -> Mapping[str, object]:
        profile = self._child(request)
        taught, told = self._daemon.lessons.of(profile.id), self._daemon.lessons.told(profile.id)
        if taught is None or told is None:
            return {"state": "none", "host": None, "until": None, "names": []}
        whole = profile.rules.log_level >= NAMES_LEVEL
        shown = (
            one for one in taught.notes.all() if whole or one.proposed
        )  # else what the site itself needs
        names = [self._name(one, domain_of(one.name, taught.suffix)) for one in shown]
        return told | {"names": names, "left_out": taught.notes.left_out if whole else 0}

    def _name(self, one: Asked, group: str) -> dict[str, object]:
        rules = self._daemon.rules
        services = rules.world.catalogue.services_of(one.name)
        names = [rules.world.catalogue.services[key].name for key in services]
        refusal = one.refusal
        return {
            "name": one.name,
            "group": group,
            "service": names[0] if names else None,
            "proposed": one.proposed,
            "refused": None if refusal is None else refusal.reason,
            "rule": None if refusal is None else refusal.rule,
            "owner": None if refusal is None else refusal.owner,
            "sentence": None if refusal is None else self._sentence(refusal, one.name),
        }

    def _sentence(self, decision: Decision, host: str) -> str:
        return sentence(decision, host, self._daemon.local_now(), self._daemon.rules.names)

    def end(self, request: Request) -> Mapping[str, object]:
        by, profile = self._whom.guardian(request), self._child(request)
        taught = self._daemon.lessons.of(profile.id)
        if taught is None:
            request.refuse("id", "has no lesson that anything could be kept of", Code.NO_LESSON)
        keep = frozenset(request.texts("keep"))
        if not keep <= taught.notes.lifted():
            self._unknown(request)
        author = Author(by, self._daemon.local_now())
        refused = [one.name for one in taught.notes.all() if one.refusal is not None]
        shared = partial(self._is_shared, refused)
        found = entries(keep, taught.lesson.site, taught.suffix, shared)
        done = None
        if found:
            done = self._editing.edit(profile.id, {f"allow/{one}": True for one in found}, author)
        self._daemon.lessons.forget(profile.id)
        told = f"{profile.id}: {len(keep)} names kept, as {len(found)} entries"
        self._audit(request, by, "teach_end", told)
        changed = done is not None and done.revision != done.found
        return {
            "kept": len(keep),
            "entries": list(found),
            "undo": done.found if done is not None and changed else None,
            "revision": done.revision if done is not None else None,
        }

    @staticmethod
    def _unknown(request: Request) -> NoReturn:
        request.refuse("keep", "has a name that this lesson did not open", Code.NO_LESSON)

    def _is_shared(self, refused: list[str], domain: str) -> bool:
        """``refused``: what stayed so during the lesson; an allow of the whole domain would open it."""
        services = self._daemon.rules.world.catalogue.services.values()
        own = set(self._daemon.rules.world.catalogue.services_of(domain))
        written = (
            entry.lstrip("=").rpartition("*")[2].lstrip(".")
            for one in services
            if one.id not in own
            for entry in one.domains
        )
        return is_shared(domain, (*refused, *written))

    def _audit(self, request: Request, by: str, what: str, detail: str) -> None:
        origin = request.text("origin", "")
        self._daemon.store.audit(what, detail, by=by, at=self._daemon.clock.now(), origin=origin)
