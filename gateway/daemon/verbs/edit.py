"""The verbs with which a page or a command changes what stands in the family's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.files.editing import Author, Edit, Editing
from gateway.daemon.files.steps import revision_of
from gateway.daemon.verbs.whom import Whom
from gateway.errors import PolicyError
from gateway.files import read_bounded
from gateway.policy import edits
from gateway.policy.laws import signed
from gateway.policy.profile import Profile
from gateway.policy.requests import MAX_REASON

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

MOST_REVISION = 2**48


class EditVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, editing: Editing) -> None:
        self._daemon = daemon
        self._whom = whom
        self._editing = editing

    def table(self) -> Mapping[str, Verb]:
        return {
            "rules": self.rules,
            "edit": self.edit,
            "unedit": self.unedit,
            "add_profile": self.add_profile,
            "remove_profile": self.remove_profile,
            "restore_profile": self.restore_profile,
        }

    def author(self, request: Request) -> Author:
        """Who changes a file: the one place that says who may."""
        return Author(self._whom.guardian(request), self._daemon.local_now(), because(request))

    def audit(self, request: Request, author: Author, what: str, detail: str) -> None:
        origin = request.text("origin", "")
        self._daemon.store.audit(what, detail, by=author.by, at=author.at, origin=origin)

    def rules(self, request: Request) -> Mapping[str, object]:
        household = self._daemon.rules.household
        profile = self._daemon.rules.profile(request.text("id"))
        path = self._editing.file(profile.id)
        problem = household.problems.get(path.name)
        source, said = self._editing.read(path)
        return edits.told_rules(source, said, profile, household.bands) | {
            "set": self.last_set(path, source),
            "revision": revision_of(source),
            "problem": None if problem is None else str(problem),
        }

    def set_of(self, profile: Profile) -> Mapping[str, object] | None:
        """Who changed somebody's rules last."""
        if profile.built_in:
            return None
        try:
            path = self._editing.file(profile.id)
            return self.last_set(path, read_bounded(path))
        except PolicyError:
            return None  # its last good version holds, and nobody knows whose that is

    def last_set(self, path: Path, source: bytes) -> Mapping[str, object] | None:
        """Who changed a file last, and when; None where a hand did."""
        step = self._editing.last_step(path, source)
        if step is None:
            return None
        return {"by": step.by, "at": step.at.astimezone(self._daemon.rules.household.config.zone)}

    @staticmethod
    def revision(request: Request, key: str = "revision") -> int | None:
        """The one that the file has to have still."""
        return EditVerbs.needed_revision(request, key) if request.has(key) else None

    @staticmethod
    def needed_revision(request: Request, key: str = "revision") -> int:
        return request.whole(key, least=0, most=MOST_REVISION)

    def edit(self, request: Request) -> Mapping[str, object]:
        author, profile_id = self.author(request), self._id(request)
        changes = signed(request.mapping("set"), author.by)
        self._daemon.growing.refuse_later(profile_id, changes)
        done = self._editing.edit(profile_id, changes, author, self.revision(request))
        if done.revision != done.found:
            self.audit(request, author, "edit", _detail(profile_id, done))
        return {
            "revision": done.revision,
            "undo": done.found,
            "changed": edits.effective(done.before, done.after, changes),
            "moved": [{"mac": mac, "from": who} for who, macs in done.lost.items() for mac in macs],
        }

    def unedit(self, request: Request) -> Mapping[str, object]:
        author, profile_id = self.author(request), self._id(request)
        revision, found = self.needed_revision(request), self.revision(request, "found")
        _, old = self._editing.history.earlier(self._editing.file(profile_id), revision)
        self._daemon.growing.refuse_file(profile_id, old)
        done = self._editing.unedit(profile_id, revision, author, found)
        self.audit(request, author, "unedit", f"{profile_id}: as it was before")
        return {"revision": done.revision, "undo": done.found}

    def _id(self, request: Request) -> str:
        """Of a person's file, also of one that cannot be used."""
        wanted = request.text("id")
        found = self._daemon.rules.household.find(wanted)
        return wanted if found is None else found.id

    def add_profile(self, request: Request) -> Mapping[str, object]:
        author, name, band = self.author(request), request.text("name"), request.text("band")
        rules = signed(request.mapping("set"), author.by) if request.has("set") else {}
        changes = {**rules, "name": name, "band": band, "devices": request.texts("devices")}
        trial = request.values.get("trial") is True
        profile_id = self._editing.add(name, changes, author, trial=trial)
        if not trial:
            store = self._daemon.store
            for kept in (store.pins, store.self_set, store.agreements):
                kept.forget(profile_id)  # of somebody who had this id before
            told = f"{profile_id}: {name}, band {band}" + (", with rules" if rules else "")
            self.audit(request, author, "add_profile", told)
        return {"id": profile_id}

    def remove_profile(self, request: Request) -> Mapping[str, object]:
        author, profile_id = self.author(request), self._id(request)
        profile = self._daemon.rules.household.profiles.get(profile_id)
        step = self._editing.remove(profile_id, author)
        self.audit(request, author, "remove_profile", profile_id)
        return {"undo": str(step.number), "devices": list(profile.devices if profile else ())}

    def restore_profile(self, request: Request) -> Mapping[str, object]:
        author, token = self.author(request), request.text("token")
        if not (token.isascii() and token.isdigit() and len(token) <= 9):
            request.refuse("token", "is nobody who was removed", Code.NO_REVISION)
        profile_id = self._editing.restore(int(token), author)
        self._same_person(int(token), profile_id)
        self.audit(request, author, "restore_profile", profile_id)
        return {"id": profile_id}

    def _same_person(self, number: int, profile_id: str) -> None:
        """Who came back by another id has held what it held: no younger band brings back more log."""
        step = self._editing.history.steps.get(number)
        before = "" if step is None or step.removed is None else step.removed.rpartition(".")[0]
        if before == profile_id:
            return
        held = self._daemon.store.held_bands().get(before)
        if held is not None:
            self._daemon.store.hold_band(profile_id, held)
            self._daemon.reassign()


def because(request: Request) -> str:
    """Why somebody changes rules, for the child to read; neither log nor audit has it."""
    said = request.text("because", "")
    if len(said) > MAX_REASON:
        problem = f"has {len(said)} characters: write at most {MAX_REASON}"
        request.refuse("because", problem, Code.REASON_TOO_LONG, most=MAX_REASON)
    return said


def _detail(profile_id: str, done: Edit) -> str:
    moved = (f"{len(macs)} of {who}" for who, macs in done.lost.items())
    told = edits.told_changes(done.before, done.after)
    taken = ", ".join(moved)
    return f"{profile_id}: {told}" + (f"; devices from others: {taken}" if taken else "")
