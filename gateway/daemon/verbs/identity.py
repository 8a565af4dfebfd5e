"""The verbs `questions` and `identify`: what is asked about devices, and a guardian's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.devices.places import Places
from gateway.daemon.files.assign import assign_device
from gateway.daemon.files.editing import Author, Editing
from gateway.daemon.verbs.whom import Whom
from gateway.policy.macs import parse_mac
from gateway.policy.questions import PLACES, TAKES_PROFILE, Ask, Question, Reply

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

SHOWN = 64  # questions, at most


class IdentityVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, places: Places, editing: Editing) -> None:
        self._daemon = daemon
        self._editing = editing
        self._whom = whom
        self._places = places

    def table(self) -> Mapping[str, Verb]:
        return {"questions": self.questions, "identify": self.identify}

    def questions(self, request: Request) -> Mapping[str, object]:
        limit = request.whole("limit", least=1, most=SHOWN, default=SHOWN)
        asking = self._daemon.identities.asking
        found = [*asking.open()]
        told = [asking.describe(one) for one in found[:limit]]
        return {"questions": told, "count": len(found)}

    def identify(self, request: Request) -> Mapping[str, object]:
        """A guardian's answer, to what is asked alone: whose a device is else, `assign` says."""
        by, mac = self._whom.guardian(request), parse_mac(request.text("mac"))
        daemon = self._daemon
        question = None if mac is None else daemon.store.questions.all().get(mac)
        if question is None or not question.waits:
            request.refuse("mac", "names a device about which nothing is asked now", Code.NO_QUESTION)
        now, origin = daemon.local_now(), request.text("origin", "")
        if request.has("profile"):
            said = self._profile(request, question)
        else:
            said = self._reply(request, question)
        daemon.store.audit("identify", f"{question.mac} {question.ask} {said}", by=by, at=now, origin=origin)
        problems = daemon.reload()
        daemon.control.publish("identity", mac=question.mac, ask=question.ask, what="answered", by=by)
        return {"profile": self._places.of(question.mac), "problems": problems}

    def _profile(self, request: Request, question: Question) -> str:
        who = request.text("profile")
        profile = self._daemon.rules.household.find(who)
        if question.ask not in TAKES_PROFILE or profile is None or profile.built_in:
            request.refuse("profile", "names nobody whose device this may be", Code.NO_PROFILE)
        self._places.put(question.mac, profile.id, self._whom.guardian(request))
        return profile.id

    def _reply(self, request: Request, question: Question) -> str:
        said = request.text("answer")
        if said not in question.replies:
            choices = ", ".join(question.replies)
            request.refuse("answer", f"is no answer to what is asked; choose one of: {choices}")
        reply, store = Reply(said), self._daemon.store
        if reply in (Reply.AGAIN, Reply.ALSO):
            self._again(request, question, instead=reply is Reply.AGAIN)
        elif reply in PLACES:
            self._places.put(question.mac, reply, self._whom.guardian(request))
        elif reply is Reply.NOT_SAME:
            ask = Ask.COPY if question.ask is Ask.COPY else Ask.NEW
            settled = replace(question, ask=ask, settled=True, profile="", known="", back=None)
            store.questions.put(settled, lambda _: None, self._daemon.clock.now())
        else:
            self._daemon.identities.answered(question.mac)
        return said

    def _again(self, request: Request, question: Question, *, instead: bool) -> None:
        """The new address in the file of the device's owner."""
        daemon, household = self._daemon, self._daemon.rules.household
        owner = household.owner_of(question.known)
        if owner is None or owner.id not in household.profiles or question.known in household.config.shared:
            request.refuse("answer", "cannot be written: say whose it is by name", Code.SAY_WHOSE)
        old = question.known if instead else None
        author = Author(self._whom.guardian(request), daemon.local_now())
        whose = household.profiles[owner.id]
        assign_device(self._editing, household, question.mac, whose, author, instead_of=old)
        daemon.store.devices.unplace(question.mac)
        daemon.identities.answered(question.mac)
        if old is not None:
            daemon.store.notes.succeed(old, question.mac, daemon.clock.now())
            daemon.presence.forget(old)
            daemon.store.forget_slot(old)
            daemon.store.questions.forget_faces(old)
