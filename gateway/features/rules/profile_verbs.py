"""The verbs that show, edit, add, remove and restore the rule files of profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gateway.control.contract.rules import (
    ADD_PROFILE,
    EDIT,
    REMOVE_PROFILE,
    RESTORE_PROFILE,
    RULES,
    UNEDIT,
    AddProfileRequest,
    ChildRules,
    Edited,
    EditRequest,
    LastChange,
    MovedDevice,
    ProfileId,
    RemovedProfile,
    RemoveProfileRequest,
    RestoreProfileRequest,
    RulesRequest,
    Unedited,
    UneditRequest,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.core.errors import ControlError, PolicyError
from gateway.core.files import read_bounded
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.growing.transitions import AgeTransitions
from gateway.household.context import Effects, HomeContext
from gateway.household.editing import Author, CompletedEdit, Editing
from gateway.household.file_history import revision_of
from gateway.household.slot_assignment import InterfaceOf, leaves_filter
from gateway.policy.profile import edits
from gateway.policy.profile.household import Household
from gateway.policy.profile.laws import signed
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_file import rules_to_yaml
from gateway.policy.requests.askable import check_confirmed_edit
from gateway.policy.requests.requests import MAX_REASON
from gateway.policy.yaml.documents import has_own_comments
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.held_bands import HeldBandTable

OPENING = frozenset({"categories", "block", "allow", "homework"})  # keys that can open a category


class ProfileVerbs:
    """Control-socket verbs that show, edit, add, remove and restore profiles. They write audit lines.

    ``forget_profile``: deletes what is stored under a profile's id, such as its PIN, pause and requests.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        held_bands: HeldBandTable,
        forget_profile: Callable[[str], None],
        audit: RecordAudit,
        growing: AgeTransitions,
        access: Access,
        editing: Editing,
        interface_of: InterfaceOf,
    ) -> None:
        self._home = home
        self._effects = effects
        self._held_bands = held_bands
        self._forget_profile = forget_profile
        self._audit = audit
        self._growing = growing
        self._access = access
        self._editing = editing
        self._interface_of = interface_of

    def register(self, router: Router) -> None:
        router.serve(RULES, self.rules)
        router.serve(EDIT, self.edit)
        router.serve(UNEDIT, self.undo_edit)
        router.serve(ADD_PROFILE, self.add_profile)
        router.serve(REMOVE_PROFILE, self.remove_profile)
        router.serve(RESTORE_PROFILE, self.restore_profile)

    def author(self, request: ControlRequest) -> Author:
        """Return the guardian, time and reason of a change.

        Raises ControlError if no guardian sent the request, or the reason is too long. The verbs that edit
        rules and settings check the permission with this method.
        """
        return Author(self._access.guardian(request), self._home.local_now(), because(request))

    def audit(self, request: ControlRequest, author: Author, what: str, detail: str) -> None:
        """Write a line about an edit to the audit log. ``what``: its kind."""
        origin = request.text("origin", "")
        self._audit(what, detail, by=author.by, at=author.at, origin=origin)

    def rules(self, call: Call[RulesRequest]) -> ChildRules:
        """Return a profile's own rules, those of its age group, both merged, and the last change.

        Raises PolicyError for an unknown profile or a file that cannot be read, and ControlError for a
        profile without a file, such as the guests'.
        """
        household = self._home.rules.household
        profile = self._home.rules.household.profile(call.args.id)
        path = self._editing.file(profile.id)
        problem = household.problems.get(path.name)
        source, document = self._editing.read(path)
        return ChildRules(
            id=profile.id,
            name=profile.name,
            band=profile.band.value,
            by_hand=has_own_comments(source),
            own=edits.typed(document),
            band_rules=rules_to_yaml(household.bands[profile.band].rules),
            rules=rules_to_yaml(profile.rules),
            set=self.last_change(path, source),
            revision=revision_of(source),
            problem=None if problem is None else str(problem),
        )

    def last_change_of(self, profile: Profile) -> LastChange | None:
        """Return who last changed a profile's file, and when; None if unknown or for a built-in profile."""
        if profile.built_in:
            return None
        try:
            path = self._editing.file(profile.id)
            return self.last_change(path, read_bounded(path))
        except (ControlError, PolicyError):
            return None  # the last good version applies, and its author is unknown

    def last_change(self, path: Path, source: bytes) -> LastChange | None:
        """Return who last changed the file ``path`` with the content ``source``, and when.

        None if it was edited outside of the daemon, or if the edit is no longer stored.
        """
        step = self._editing.last_step(path, source)
        if step is None:
            return None
        return LastChange(by=step.by, at=step.at.astimezone(self._home.rules.household.config.zone))

    def edit(self, call: Call[EditRequest]) -> Edited:
        """Change a profile's rules by the keys in ``set``, and write an audit line if the file changed.

        Return the new revision, the one for an undo, the changed keys, and the devices taken from
        other profiles. Raises ControlError if the sender may not make this change, and GatewayError
        if it is invalid or needs a confirmation (``confirmed``).
        """
        author, profile_id = self.author(call), self._id(call.args.id)
        changes = signed(call.mapping("set"), author.by)
        if not call.args.confirmed:
            self._check_confirmed(profile_id, changes)
        self._growing.refuse_later(profile_id, changes)
        confirm = partial(self._confirm, call)
        done = self._editing.edit(profile_id, changes, author, call.args.revision, confirm=confirm)
        if done.revision != done.found:
            self.audit(call, author, "edit", _detail(profile_id, done))
        return Edited(
            revision=done.revision,
            undo=done.found,
            changed=tuple(edits.effective(done.before, done.after, changes)),
            moved=tuple(
                MovedDevice(mac=mac, from_=owner) for owner, macs in done.lost.items() for mac in macs
            ),
        )

    def undo_edit(self, call: Call[UneditRequest]) -> Unedited:
        """Restore an earlier revision of a profile's file.

        Return the new revision, and the one that undoes this. Raises ControlError if the sender may
        not do it, and GatewayError if the revision is unknown or may not be restored.
        """
        author, profile_id = self.author(call), self._id(call.args.id)
        revision = call.args.revision
        _, old = self._editing.history.earlier(self._editing.file(profile_id), revision)
        self._growing.refuse_file(profile_id, old)
        confirm = partial(self._confirm, call)
        done = self._editing.undo_edit(profile_id, revision, author, call.args.found, confirm=confirm)
        self.audit(call, author, "unedit", f"{profile_id}: as it was before")
        return Unedited(revision=done.revision, undo=done.found)

    def _confirm(self, request: ControlRequest, after: Household) -> None:
        """Require a recent proof of identity for a change that takes a child or its device out of the filter.

        That is: it makes a child an adult, gives a child's device to an adult, or leaves it without an owner
        where new devices are not filtered. ``after``: the household with the change. Raises ControlError
        without a proof.
        """
        before = self._home.rules.household
        adults = any(
            child.id in after.profiles and not after.profiles[child.id].is_child for child in before.children
        )
        if adults or any(leaves_filter(mac, before, after, self._interface_of(mac)) for mac in before.named):
            self._access.confirmed(request)

    def _check_confirmed(self, profile_id: str, changes: Mapping[str, Any]) -> None:
        """Raise ControlError if a change needs a guardian's confirmation because it opens something blocked.

        It does if it opens a blocked category of a child, or a site or service of such a category.
        """
        heads = {key.partition("/")[0] for key in changes}
        before = self._home.rules.household.profiles.get(profile_id)
        if before is None or not before.is_child or heads.isdisjoint(OPENING):
            return
        if "band" in changes:  # the new age group's own rules are no opening
            before = self._editing.with_changes(profile_id, {"band": changes["band"]}).profiles[profile_id]
        after = self._editing.with_changes(profile_id, changes).profiles[profile_id]
        check_confirmed_edit(before, after, self._home.rules.world, self._home.rules.names)

    def _id(self, wanted: str) -> str:
        """Return the id of the profile with this id or name; the text itself if no usable profile has it."""
        profile = self._home.rules.household.find(wanted)
        return wanted if profile is None else profile.id

    def add_profile(self, call: Call[AddProfileRequest]) -> ProfileId:
        """Add a profile and return its id. With ``trial`` it is only checked, and nothing is written.

        Raises PolicyError for invalid rules, and ControlError if the sender may not do this.
        """
        author, args = self.author(call), call.args
        name, band = args.name.strip(), args.band
        rules = {} if args.set is None else signed(call.mapping("set"), author.by)
        changes = {**rules, "name": name, "band": band, "devices": list(args.devices)}
        confirm = partial(self._confirm, call)
        profile_id = self._editing.add(name, changes, author, trial=args.trial, confirm=confirm)
        if not args.trial:
            self._forget_profile(profile_id)  # a removed profile may have had the same id
            self._effects.regroup()
            detail = f"{profile_id}: {name}, band {band}" + (", with rules" if rules else "")
            self.audit(call, author, "add_profile", detail)
        return ProfileId(id=profile_id)

    def remove_profile(self, call: Call[RemoveProfileRequest]) -> RemovedProfile:
        """Remove the rule file of a profile.

        Return its devices, and a token in ``undo`` by which ``restore_profile`` restores it. What else is
        stored about the person stays. To remove a child, the guardian needs a recent proof of identity.
        Raises ControlError or PolicyError.
        """
        author, profile_id = self.author(call), self._id(call.args.id)
        profile = self._home.rules.household.profiles.get(profile_id)
        if profile is not None and profile.is_child:
            self._access.confirmed(call)
        step = self._editing.remove(profile_id, author)
        self.audit(call, author, "remove_profile", profile_id)
        return RemovedProfile(undo=str(step.number), devices=tuple(profile.devices if profile else ()))

    def restore_profile(self, call: Call[RestoreProfileRequest]) -> ProfileId:
        """Restore a removed profile by its ``token``, and return its id.

        It is a new id if the former one is in use. Devices that have another owner by now stay with that
        owner. Raises ControlError or PolicyError.
        """
        author, token = self.author(call), call.args.token
        if not (token.isascii() and token.isdigit() and len(token) <= 9):
            raise ControlError.of(Code.NO_REVISION)
        profile_id = self._editing.restore(int(token), author)
        self._carry_held_band(int(token), profile_id)
        self.audit(call, author, "restore_profile", profile_id)
        return ProfileId(id=profile_id)

    def _carry_held_band(self, number: int, profile_id: str) -> None:
        """Copy the highest age group that the former id of a restored profile had to its new id.

        ``number``: of the removal in the file history. Without the copy, a younger age group would allow a
        higher log level than before.
        """
        step = self._editing.history.steps.get(number)
        former = "" if step is None or step.removed is None else step.removed.rpartition(".")[0]
        if former == profile_id:
            return
        band = self._held_bands.all().get(former)
        if band is not None:
            self._held_bands.hold(profile_id, band)
            self._effects.regroup()


def because(request: ControlRequest) -> str:
    """Return the guardian's reason for a change, which the child can read; empty without one.

    Only the file history stores it, not the audit log. Raises ControlError if it has more than MAX_REASON
    characters.
    """
    reason = request.text("because", "")
    if len(reason) > MAX_REASON:
        raise ControlError.of(Code.REASON_TOO_LONG, most=MAX_REASON)
    return reason


def _detail(profile_id: str, done: CompletedEdit) -> str:
    """Return the audit log's text about an edit: changed keys, and how many devices other profiles lost."""
    moved = (f"{len(macs)} of {owner}" for owner, macs in done.lost.items())
    changes = edits.changes_text(done.before, done.after)
    taken = ", ".join(moved)
    return f"{profile_id}: {changes}" + (f"; devices from others: {taken}" if taken else "")
