"""Builds each feature from the parts that it needs, and registers its verbs (control-socket commands).

This is the only place that lists all features. No feature sees ``DataPlane``: its constructor takes what it
needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import random
from typing import Any

from gateway.control.contract.devices import SIGHT
from gateway.control.contract.status import RELOAD, DaemonFigures, HomeProblem
from gateway.control.proofs import Proofs
from gateway.control.router import Router
from gateway.control.schema import values_of
from gateway.core.close_stack import CloseStack
from gateway.core.memory import machine_memory
from gateway.dataplane.internet import Internet
from gateway.features.accounts.access import Access
from gateway.features.accounts.passkey_checks import PasskeyChecks
from gateway.features.accounts.verbs import Origins, guardians
from gateway.features.activity.decided import DecisionSource
from gateway.features.activity.in_use import InUse
from gateway.features.activity.journal import DecisionLog
from gateway.features.activity.refusals import RefusalVerb
from gateway.features.activity.traffic import LiveTraffic
from gateway.features.activity.traffic_access import TrafficAccess
from gateway.features.activity.traffic_verbs import TrafficVerbs
from gateway.features.activity.verbs import HistoryVerbs
from gateway.features.backup.auto_backup import AutoBackups
from gateway.features.backup.verbs import BackupVerbs
from gateway.features.bypass_alerts.verbs import BypassCardVerbs
from gateway.features.devices.address_claims import AddressClaims
from gateway.features.devices.assignment import DeviceAssignment
from gateway.features.devices.device_marks import MarkVerbs
from gateway.features.devices.identities import Identities
from gateway.features.devices.identity_verbs import IdentityVerbs
from gateway.features.devices.questions import DeviceQuestions
from gateway.features.devices.simulated_sights import SimulatedSights
from gateway.features.devices.verbs import DeviceVerbs
from gateway.features.filter_tests.filter_test import FilterTests
from gateway.features.filter_tests.filter_test_verbs import FilterTestVerbs
from gateway.features.filter_tests.probe_device import ProbeDevice
from gateway.features.filter_tests.probe_device_verbs import ProbeDeviceVerbs
from gateway.features.growing.agreement import AgreementVerbs
from gateway.features.growing.self_set import SelfSetting
from gateway.features.growing.self_set_verbs import SelfSetVerbs
from gateway.features.growing.transitions import AgeTransitions
from gateway.features.growing.verbs import GrowingVerbs
from gateway.features.home_automation.verbs import HomeAutomation
from gateway.features.lists.registers import RegisterVerbs
from gateway.features.lists.updates import ListUpdates, UpdateRunner
from gateway.features.lists.verbs import ListVerbs
from gateway.features.notifications.verbs import AlertVerbs
from gateway.features.requests.verbs import RequestVerbs
from gateway.features.requests.views import AskedValues
from gateway.features.rules.audit_lines import AuditLines
from gateway.features.rules.audit_log import AuditLogVerbs
from gateway.features.rules.changes import ChangeVerbs
from gateway.features.rules.country import CountryVerbs
from gateway.features.rules.edit_history import EditHistory
from gateway.features.rules.home_settings_verbs import HomeSettingsVerbs
from gateway.features.rules.preview import Explainer, PreviewVerbs, TriedRules
from gateway.features.rules.profile_verbs import ProfileVerbs
from gateway.features.rules.why import WhyVerb
from gateway.features.sharing.adult_devices import AdultDevices
from gateway.features.sharing.adult_proof import AdultProofVerbs
from gateway.features.sharing.pins import PinDesk
from gateway.features.sharing.sharing import Sharing
from gateway.features.sharing.verbs import SharingVerbs
from gateway.features.site_repair.repairs import RepairBook, SiteRepairs
from gateway.features.site_repair.verbs import SiteRepairVerbs
from gateway.features.status import disclosure_limit as asked
from gateway.features.status.clock import ClockVerbs
from gateway.features.status.health import HealthVerbs
from gateway.features.status.metrics import Metrics
from gateway.features.status.verbs import (
    MemberState,
    OwnDeviceVerb,
    PeopleStatus,
    ProfileVerb,
    StatusVerb,
    device_presence,
    place_of,
    reload_verb,
)
from gateway.features.status.vitals import Vitals
from gateway.features.time.grants import Grants
from gateway.features.time.helper_limits import Helpers
from gateway.features.time.pauses import SwitchVerbs
from gateway.features.time.provider_stop import ProviderStop
from gateway.features.time.tickets import TicketVerbs
from gateway.features.time.verbs import TimeVerbs
from gateway.features.time.warned_home import WarnedHome
from gateway.features.time.warnings import Warnings
from gateway.features.trusted_name.verbs import TrustedNames
from gateway.household.clock_watch import ClockWatch
from gateway.household.context import Effects, HomeContext
from gateway.household.editing import Editing, HomeEditing
from gateway.household.members import Family, Member
from gateway.household.presence import Presence
from gateway.household.visibility import Visibility, VisibleDevices, VisibleMembers
from gateway.kernel.usage import Pair
from gateway.path.addresses import AddressBook, NameBook
from gateway.path.guess_limit import GuessLimit
from gateway.path.live_flows import LiveFlows
from gateway.path.subject import LiveDecisions
from gateway.policy.profile.profile import Profile
from gateway.store.store import Store


@dataclass(frozen=True, slots=True)
class DataPlane:
    """The parts of the daemon that the features are built from, such as family, store and presence."""

    home: HomeContext
    effects: Effects
    store: Store
    watch: ClockWatch
    family: Family
    visibility: Visibility
    presence: Presence
    internet: Internet
    decision_log: DecisionLog
    live: LiveFlows
    guesses: GuessLimit
    addresses: AddressBook
    names: NameBook
    repair_book: RepairBook
    byte_counts: Callable[[], Mapping[Pair, int]]  # bytes by slot and class since the start
    probe_device: ProbeDevice
    vitals: Vitals
    figures: Callable[[], DaemonFigures]  # counters of queues, connections, tables and memory
    problems: Callable[[], list[HomeProblem]]  # the parts that do not work as configured
    live_decisions: LiveDecisions


class Features:
    """Creates all features and registers their verbs on ``router``. ``start`` starts their periodic work."""

    def __init__(self, plane: DataPlane, router: Router) -> None:
        self._plane = plane
        self._router = router
        stack = CloseStack()
        self.close, self._keep = stack.close, stack.keep
        keep = self._keep
        home, store, family, presence = plane.home, plane.store, plane.family, plane.presence
        self.members = VisibleMembers(home, plane.visibility, family)
        self.devices = VisibleDevices(plane.visibility, presence.inventory, presence.here, store.notes)
        self.proofs = Proofs(store.people, home.loop.now, home.local_now, lambda: home.clock_trusted)
        self.access = Access(home, store.people, presence.claim, family, self.proofs)
        self.origins = Origins(home, store.people, presence)
        self.self_set = SelfSetting(home, plane.effects, store.self_set)
        effects, visibility, recent = plane.effects, plane.visibility, plane.decision_log.recent
        self.sharing = keep(Sharing(home, effects, store.uses, family, visibility, recent, plane.byte_counts))
        self.adult_devices = keep(AdultDevices(home, effects, store.proofs, family, presence.here))
        questions, devices, uses, audit = store.questions, store.devices, store.uses, store.audit.record
        self.device_questions = DeviceQuestions(
            home, effects, questions, devices, uses, audit, presence, visibility
        )
        self.identities = keep(
            Identities(
                home,
                effects,
                presence.inventory,
                devices,
                uses,
                questions,
                audit,
                store.transaction,
                self.device_questions,
            )
        )
        self.address_claims = AddressClaims(home, audit, presence)
        self.repairs = keep(
            SiteRepairs(home, plane.effects, plane.repair_book, family, plane.addresses, plane.names)
        )
        warned = WarnedHome(home, family, self.members, self.in_use)
        self.warnings = keep(Warnings(warned, home.loop.call_later))
        self.grants = keep(
            Grants(
                home,
                plane.effects,
                store.grants,
                store.requests,
                store.transaction,
                store.shift,
                family,
                plane.visibility,
                self.warnings,
            )
        )
        self.growing = keep(
            AgeTransitions(
                home,
                plane.effects,
                store.growing,
                store.pauses,
                devices,
                uses,
                store.erase_child,
                family,
                self.repairs,
                self.sharing,
                recent,
            )
        )
        runner = UpdateRunner(home, plane.effects.regroup)
        self.list_updates = keep(ListUpdates(home, runner, memory=machine_memory, random=random))
        editing = Editing(home.rules, self._edited)
        home_editing = HomeEditing(home.rules, editing)
        self.trusted_names = keep(
            TrustedNames(home, self.access, audit, editing, home_editing, plane.effects.reload)
        )
        self.provider_stop = ProviderStop(home, effects, store.pauses)
        self.metrics = keep(
            Metrics(
                home,
                store.people,
                store.pauses,
                self.access,
                plane.vitals.figures,
                plane.figures,
                self.list_updates.plan,
                plane.decision_log.visible_verdicts,
            )
        )
        treated = partial(place_of, home, family)
        self.assignment = DeviceAssignment(
            home, effects, store, family, presence, self.identities, self.access, treated, editing
        )
        self.traffic = keep(self._traffic())
        self.backups = BackupVerbs(
            home, effects, store, visibility, self.growing.refuse_file, self.access, self.origins
        )
        self.auto_backups = keep(AutoBackups(home, self.access, home_editing, self.backups.note))
        self._register(editing, home_editing)

    def in_use(self) -> InUse:
        """Return a view of the services and categories that devices use at this moment."""
        return InUse(self._plane.home.rules, self._plane.live, self._plane.store.classes())

    def start(self) -> None:
        for part in (
            self.grants,
            self.warnings,
            self.sharing,
            self.growing,
            self.adult_devices,
            self.list_updates,
            self.auto_backups,
            self.trusted_names,
            self.provider_stop,
            self.metrics,
        ):
            part.start()

    def _edited(self, named: frozenset[str]) -> None:
        """Apply an edited profile: rebuild the rules, and forget stored facts about its devices' owner.

        That is the owner assigned outside of the files, an open question about the device, and a hand-over
        of a device that a child now owns. ``named``: the MAC addresses that the profile's file newly lists.
        """
        household, store = self._plane.home.rules.household, self._plane.store
        for mac in sorted(named):
            owner = household.owner_of(mac)
            if owner is not None and owner.is_child:
                store.uses.drop(mac)
            store.devices.unplace(mac)
            self.identities.answered(mac)
        self._plane.effects.regroup()

    def _register(self, editing: Editing, home_editing: HomeEditing) -> None:
        """Add the verbs (control-socket commands) of all features to the router.

        A verb gets the sending device in ``origin``, for the audit log; those of accounts, added last,
        look it up themselves. Those that may disclose whether a name is on a sealed list are rate-limited.
        """
        plane, router, keep, access = self._plane, self._router, self._keep, self.access
        home, store, presence, family = plane.home, plane.store, plane.presence, plane.family
        audit = store.audit.record
        edits = ProfileVerbs(
            home,
            plane.effects,
            store.held_bands,
            store.forget_profile,
            audit,
            self.growing,
            access,
            editing,
            presence.interface_of,
        )
        helpers = Helpers(home, access, store.grants)
        time = TimeVerbs(home, store.grants, family.minutes, access, self.grants, helpers)
        effects, visibility, device_questions = plane.effects, plane.visibility, self.device_questions
        assignment, traffic = self.assignment, self.traffic
        TrafficVerbs(home, family, traffic, access, presence.here, assignment.macs, audit).register(router)
        cards = BypassCardVerbs(home, store.bypass_cards, store.today, audit, presence, access)
        lists = ListVerbs(
            home,
            audit,
            lambda: [problem.text for problem in plane.problems()],
            access,
            editing,
            self.list_updates,
        )
        pins = PinDesk(home, store.pins, audit, access, self.sharing.use_of, store.attempts)
        proofs = AdultProofVerbs(
            home, store.people, store.questions, family, self.sharing, self.adult_devices, access
        )
        sharing = SharingVerbs(
            home,
            store.questions,
            store.devices,
            family,
            presence,
            visibility,
            self.sharing,
            self.adult_devices,
            device_questions,
            access,
            pins,
        )
        checks = keep(PasskeyChecks(home.loop))
        accounts = guardians(
            home,
            store.people,
            store.alerts,
            store.push,
            audit,
            presence,
            self.origins,
            self.proofs,
            checks,
            sharing.child_uses,
        )
        agreements = AgreementVerbs(home, store.agreements, access, pins)
        shown = partial(device_presence, presence, plane.visibility, self.devices)
        state = MemberState(home, family, time)
        people = PeopleStatus(
            home, store.requests, family, plane.visibility, self.members, shown, state, self.in_use,
            self.repairs,
            traffic,
            lambda child: values_of(pins.describe(child)),
        )  # fmt: skip
        StatusVerb(
            home,
            store.pauses,
            store.requests,
            store.questions,
            store.people,
            plane.watch,
            presence,
            plane.internet,
            people,
            lambda: len(cards.waiting()),
            plane.problems,
            plane.figures,
            self.growing.describe_all,
            self.list_updates.plan,
            assignment.to_decide,
            accounts.session_account,
            self.metrics.provider_counters,
        ).register(router)

        def own(profile: Profile) -> Mapping[str, Any]:
            return {"self_set": self.self_set.describe(profile), "agreement": agreements.describe(profile)}

        def of_device(mac: str, member: Member | None) -> Mapping[str, Any]:
            adult = proofs.describe(mac, member)
            return {**adult, **sharing.describe(mac, member), **self.growing.of_device(mac)}

        ProfileVerb(home, self.members, state, edits.last_change_of, own).register(router)
        OwnDeviceVerb(
            home, store.devices, store.questions, presence, family, state, self.in_use, of_device
        ).register(router)
        router.serve(RELOAD, reload_verb(plane.effects, home))
        ClockVerbs(home, plane.watch, store.people, audit).register(router)
        decided = partial(DecisionSource, home, store.pauses, partial(EditHistory, home.rules))
        explainer = Explainer(home, family, plane.visibility, self.members, decided)
        router.serve(SIGHT, SimulatedSights(presence.inventory).play)
        IdentityVerbs(
            home, effects, store.questions, audit, self.identities, device_questions, access, assignment
        ).register(router)
        DeviceVerbs(
            home,
            store.devices,
            store.notes,
            store.marks,
            store.questions,
            audit,
            presence,
            visibility,
            self.devices,
            device_questions,
            access,
            assignment,
            proofs,
        ).register(router)
        cards.register(router)
        proofs.register(router)
        sharing.register(router)
        tests = keep(FilterTests(home, plane.decision_log.observe))
        FilterTestVerbs(home, tests, presence.here, access, explainer).register(router)
        self._register_time(time, pins, editing)
        tried = TriedRules(home, editing, self.self_set.laid)
        self._register_decisions(decided, explainer, tried)
        lists.register(router)
        agreements.register(router)
        GrowingVerbs(home, self.growing, store.growing, store.held_bands.all, access).register(router)
        SelfSetVerbs(home, self.self_set, access, pins, store.attempts).register(router)
        self._register_gateway()
        edits.register(router)
        HomeSettingsVerbs(home.rules, edits, home_editing, self.access).register(router)
        RegisterVerbs(home, edits, home_editing, self.list_updates.runner.start_or_report).register(router)
        self.trusted_names.register(router)
        self._register_rules(router, editing, home_editing, tried)
        self._register_activity(router, pins)
        router.wrap(asked.DISCLOSING, lambda _, verb: asked.limit(verb, plane.guesses, home.loop.now))
        router.wrap(frozenset(router.verbs), lambda _, verb: self.origins.recorded(verb))
        accounts.register(router)

    def _traffic(self) -> LiveTraffic:
        plane, store = self._plane, self._plane.store

        def kind_of(mac: str) -> str:
            sight = plane.presence.inventory.sight(mac)
            return "" if sight is None else sight.traits.kind

        rights = TrafficAccess(
            plane.home,
            plane.family,
            store.uses,
            store.questions,
            self.assignment.of,
            kind_of,
        )
        return LiveTraffic(plane.home, plane.family, rights, plane.presence.mac_of, plane.live_decisions)

    def _register_time(self, time: TimeVerbs, pins: PinDesk, editing: Editing) -> None:
        """Add the verbs about extra time, PINs, pauses, printed codes and requests to the router.

        Also the one for a guardian's note that a device has no mobile data.
        """
        plane, router, access, grants = self._plane, self._router, self.access, self.grants
        home, effects, store, family = plane.home, plane.effects, plane.store, plane.family
        values = AskedValues(home.rules, plane.visibility)
        time.register(router)
        pins.register(router)
        SwitchVerbs(home, effects, store.pauses, family, access).register(router)
        MarkVerbs(home, effects, store.marks, access).register(router)
        TicketVerbs(home, store.tickets, store.transaction, access, grants).register(router)
        RequestVerbs(
            home,
            store.requests,
            store.attempts,
            store.transaction,
            family.minutes,
            access,
            grants,
            editing,
            values,
        ).register(router)

    def _register_decisions(
        self, decided: Callable[[Profile], DecisionSource], explainer: Explainer, tried: TriedRules
    ) -> None:
        """Add the verbs `refusals` and `why`, which explain decisions, to the router."""
        plane, router = self._plane, self._router
        home, store, family = plane.home, plane.store, plane.family
        log = plane.decision_log
        RefusalVerb(home, family, store.devices, log.recent, decided, log.is_public_suffix).register(router)
        WhyVerb(home, family, store.questions, self.access, tried, explainer, log.is_public_suffix).register(
            router
        )

    def _register_rules(
        self, router: Router, editing: Editing, home_editing: HomeEditing, tried: TriedRules
    ) -> None:
        """Add the verbs for the country, rule previews, site repair, backups and home automation."""
        plane, access = self._plane, self.access
        home, store, family = plane.home, plane.store, plane.family
        CountryVerbs(home.rules).register(router)
        PreviewVerbs(home, tried).register(router)
        SiteRepairVerbs(home, family, self.repairs, store.audit.record, access, editing).register(router)
        self.backups.register(router)
        self.auto_backups.register(router)
        HomeAutomation(home, access, home_editing, store.people, self.backups.note).register(router)

    def _register_activity(self, router: Router, pins: PinDesk) -> None:
        """Add the verbs that show children's activity, changes by guardians, and the audit log."""
        plane, access = self._plane, self.access
        home, store, here = plane.home, plane.store, plane.presence.here
        recent, suffixes = plane.decision_log.recent, plane.decision_log.is_public_suffix
        HistoryVerbs(
            home,
            store.history,
            partial(store.flush, force=True),
            lambda profile, counts: store.erase(profile, counts=counts),
            store.audit.record,
            plane.family,
            self.repairs,
            recent,
            access,
            pins,
            suffixes,
        ).register(router)
        place_of = self.assignment.of
        ChangeVerbs(
            home, store.state, store.audit.lines, place_of, store.grants, plane.visibility, here, access
        ).register(router)
        lines = AuditLines(home, plane.visibility, store.requests)
        AuditLogVerbs(home.rules, store.audit.lines, store.audit.authors, lines, here).register(router)

    def _register_gateway(self) -> None:
        """Add the verbs for health, metrics, messages to guardians, and the device of a bypass test."""
        plane, router, keep = self._plane, self._router, self._keep
        home, store = plane.home, plane.store
        audit = store.audit.record
        keep(HealthVerbs(home, plane.vitals, store.pauses, audit, self.access, self.metrics)).register(router)
        self.metrics.register(router)
        AlertVerbs(home, store.alerts, store.push, audit, self.access, plane.family).register(router)
        ProbeDeviceVerbs(home, plane.probe_device, store.devices, plane.family, plane.presence).register(
            router
        )
