"""The verbs `teach`, `lesson` and `teach_end`: open a broken site, choose what stays allowed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gateway.control.contract.site_repair import (
    END_REPAIR,
    SITE_REPAIR,
    START_REPAIR,
    EndRepairRequest,
    NeededName,
    RepairEnded,
    RepairStarted,
    SiteRepairNames,
    SiteRepairRequest,
    StartRepairRequest,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.schema import values_of
from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.site_repair.repairs import SiteRepairs
from gateway.household.context import HomeContext
from gateway.household.editing import Author, Editing
from gateway.household.members import Family, Member
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.explanation import sentence
from gateway.policy.names.hosts import HostError, rule_host
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import NAMES_LEVEL
from gateway.policy.requests.site_repair import (
    LONGEST,
    RepairName,
    domain_of,
    entries,
    is_shared,
    other_service_names,
)
from gateway.policy.time.clock_changes import later
from gateway.policy.time.time_rules import ActiveRepair
from gateway.policy.values import TIME_REASONS, Decision, Observation, Proto, Reason
from gateway.store.tables.audit import RecordAudit

TIMES = TIME_REASONS | {Reason.PAUSED}


class SiteRepairVerbs:
    """Starts site repairs, lists the host names that they opened or left blocked, and allows chosen ones."""

    def __init__(
        self,
        home: HomeContext,
        family: Family,
        repairs: SiteRepairs,
        audit: RecordAudit,
        access: Access,
        editing: Editing,
    ) -> None:
        self._home = home
        self._family = family
        self._repairs = repairs
        self._record_audit = audit
        self._access = access
        self._editing = editing

    def register(self, router: Router) -> None:
        router.serve(START_REPAIR, self.start)
        router.serve(SITE_REPAIR, self.names)
        router.serve(END_REPAIR, self.end)

    def start(self, call: Call[StartRepairRequest]) -> RepairStarted:
        """Start a site repair of ``host`` on a child's devices: blocked hosts that it needs pass for a while.

        They are recorded. ``device``: one device; without it, all of the child's. A former repair of the
        child ends without a result. Raises ControlError if a rule that a repair leaves alone blocks the site
        now, if the child has no device, or if too many repairs run; PolicyError for an invalid host.
        """
        by, profile = self._access.guardian(call), self._child(call.args.id)
        members, host = self._members(call, profile), self._host(call)
        if self._repairs.is_full(profile.id):
            raise ControlError.of(Code.NO_ROOM)
        services = frozenset(self._home.rules.world.catalogue.services_of(host))
        repair = ActiveRepair(host, services, later(self._home.local_now(), LONGEST))
        for member in members:
            self._check(host, member, repair)
        macs = frozenset(mac for member in members for mac in member.macs)
        self._repairs.begin(profile.id, repair, macs, by)
        self._audit(call, by, "teach", f"{profile.id}: a site, devices: {len(macs)}")
        return RepairStarted(host, repair.until, tuple(sorted(macs)))

    def _child(self, ident: str) -> Profile:
        profile = self._home.rules.household.profile(ident)
        if profile.built_in or not profile.is_child:
            raise ControlError.of(Code.NO_CHILD, name=profile.name)
        return profile

    def _members(self, call: Call[StartRepairRequest], profile: Profile) -> list[Member]:
        """Return the child's devices, or ``device`` alone, as `Member` objects (rules and time state).

        Devices that may be another person's are left out. Raises ControlError if none is left.
        """
        family = self._family
        found = [family.members[slot] for slot in sorted(family.slots_of(profile.id))]
        if call.args.device is not None:
            mac = parse_mac(call.args.device)
            found = [member for member in found if mac in member.macs]
        found = [member for member in found if member.profile.id == profile.id and not member.asked]
        if not found:
            raise ControlError.of(Code.NO_DEVICE)
        return found

    @staticmethod
    def _host(call: Call[StartRepairRequest]) -> str:
        word = call.args.host
        try:
            return rule_host(word, lazy_public_suffix_check())
        except HostError as error:
            raise PolicyError(word, error.problem, error.fix).coded(
                Code.BAD_RULE, key="host", problem=error.problem, fix=error.fix
            ) from error

    def _check(self, host: str, member: Member, repair: ActiveRepair) -> None:
        """Raise ControlError if the site repair would not open the site on these devices now."""
        seen, now = Observation(Proto.DNS, host, dport=53), self._home.now()
        decision = member.judge.decide(seen, replace(member.situation, repair=repair), now)
        if decision.allowed:
            return
        name = member.profile.name
        if decision.reason in TIMES:
            raise ControlError.of(Code.REPAIR_CLOSED, name=name)
        if decision.reason is Reason.REFUSED_FOR_EVERYONE:
            raise ControlError.of(Code.FOR_EVERYONE, host=host)
        raise ControlError.of(Code.REPAIR_REFUSED, host=host, name=name)

    def names(self, call: Call[SiteRepairRequest]) -> SiteRepairNames:
        """Return the state of a child's site repair, and the host names that it opened or left blocked.

        If the log level stores no names, only those that the site's own pages need are returned.
        """
        profile = self._child(call.args.id)
        running, state = self._repairs.of(profile.id), self._repairs.describe(profile.id)
        if running is None or state is None:
            return SiteRepairNames(state="none", host="", until=None, by="", devices=(), names=(), left_out=0)
        whole = profile.rules.log_level >= NAMES_LEVEL
        shown = (asked for asked in running.notes.all() if whole or asked.proposed)
        names = tuple(self._describe(asked, domain_of(asked.name, running.suffix)) for asked in shown)
        left_out = running.notes.left_out if whole else 0
        return SiteRepairNames(**values_of(state), names=names, left_out=left_out)

    def _describe(self, asked: RepairName, group: str) -> NeededName:
        rules = self._home.rules
        services = rules.world.catalogue.services_of(asked.name)
        names = [rules.world.catalogue.services[key].name for key in services]
        refusal = asked.refusal
        return NeededName(
            name=asked.name,
            group=group,
            service=names[0] if names else None,
            proposed=asked.proposed,
            refused=None if refusal is None else refusal.reason,
            rule=None if refusal is None else refusal.rule,
            owner=None if refusal is None else refusal.owner,
            sentence=None if refusal is None else self._sentence(refusal, asked.name),
        )

    def _sentence(self, decision: Decision, host: str) -> str:
        return sentence(decision, host, self._home.local_now(), self._home.rules.names)

    def end(self, call: Call[EndRepairRequest]) -> RepairEnded:
        """End a site repair and delete its record. Allow the names in ``keep`` in the child's rules.

        Names of one domain may become one entry. Return the entries, and the revision for an undo. Raises
        ControlError if there is no site repair, or for a name that it did not open; GatewayError if
        the rule file cannot be changed.
        """
        by, profile = self._access.guardian(call), self._child(call.args.id)
        running = self._repairs.of(profile.id)
        if running is None:
            raise ControlError.of(Code.NO_REPAIR)
        keep = frozenset(call.args.keep)
        if not keep <= running.notes.lifted():
            raise ControlError.of(Code.NO_REPAIR)
        author = Author(by, self._home.local_now())
        refused = [asked.name for asked in running.notes.all() if asked.refusal is not None]
        shared = partial(self._is_shared, refused)
        allowed = entries(keep, running.repair.site, running.suffix, shared)
        done = None
        if allowed:
            done = self._editing.edit(profile.id, {f"allow/{entry}": True for entry in allowed}, author)
        self._repairs.forget(profile.id)
        detail = f"{profile.id}: {len(keep)} names kept, as {len(allowed)} entries"
        self._audit(call, by, "teach_end", detail)
        changed = None if done is None or done.revision == done.found else done
        return RepairEnded(
            kept=len(keep),
            entries=tuple(allowed),
            undo=None if changed is None else changed.found,
            revision=None if changed is None else changed.revision,
        )

    def _is_shared(self, refused: list[str], domain: str) -> bool:
        """Return whether an allow entry for the whole domain would open more than the site repair did.

        ``refused``: names that were blocked during the site repair.
        """
        others = other_service_names(self._home.rules.world.catalogue, domain)
        return is_shared(domain, (*refused, *others))

    def _audit(self, request: ControlRequest, by: str, what: str, detail: str) -> None:
        self._record_audit(what, detail, by=by, at=self._home.now(), origin=request.text("origin", ""))
