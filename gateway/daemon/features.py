"""The features of the daemon: builds each from the parts that it needs, and registers its verbs.

This is the one place that lists them. No feature sees ``Plane``: its constructor takes what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import random

from gateway.control.router import Router
from gateway.daemon.answers import Answers
from gateway.daemon.audit import Audit
from gateway.daemon.clock.watch import ClockWatch
from gateway.daemon.closers import Closers
from gateway.daemon.context import Effects, HomeContext
from gateway.daemon.devices.adults import Adults
from gateway.daemon.devices.family import Family, Member
from gateway.daemon.devices.here import VisibleDevices
from gateway.daemon.devices.identities import Identities
from gateway.daemon.devices.places import Places
from gateway.daemon.devices.presence import Presence
from gateway.daemon.devices.sharing import Sharing
from gateway.daemon.events import Journal
from gateway.daemon.files.editing import Editing
from gateway.daemon.files.editing_home import HomeEditing
from gateway.daemon.files.editstory import EditStory
from gateway.daemon.growing import Growing
from gateway.daemon.internet import Internet
from gateway.daemon.inuse import InUse
from gateway.daemon.lessons import LessonBook, Lessons
from gateway.daemon.list_updates import ListUpdates, UpdateRunner
from gateway.daemon.proof import Proofs
from gateway.daemon.selfset import SelfSetting
from gateway.daemon.trial import Trial
from gateway.daemon.verbs import asked
from gateway.daemon.verbs.accounts import Origins, guardians
from gateway.daemon.verbs.adultproof import AdultProofVerbs
from gateway.daemon.verbs.agreement import AgreementVerbs
from gateway.daemon.verbs.alerts import AlertVerbs
from gateway.daemon.verbs.askedvalues import AskedValues
from gateway.daemon.verbs.asking import Asking
from gateway.daemon.verbs.audit import AuditVerbs
from gateway.daemon.verbs.auditlines import AuditLines
from gateway.daemon.verbs.auditlog import AuditLogVerbs
from gateway.daemon.verbs.backup import BackupVerbs
from gateway.daemon.verbs.changes import ChangeVerbs
from gateway.daemon.verbs.clock import ClockVerbs
from gateway.daemon.verbs.country import CountryVerbs
from gateway.daemon.verbs.decided import Decided
from gateway.daemon.verbs.devices import DeviceVerbs
from gateway.daemon.verbs.edit import EditVerbs
from gateway.daemon.verbs.family import FamilyVerbs
from gateway.daemon.verbs.growing import GrowingVerbs
from gateway.daemon.verbs.health import HealthVerbs
from gateway.daemon.verbs.helpers import Helpers
from gateway.daemon.verbs.history import HistoryVerbs
from gateway.daemon.verbs.identity import IdentityVerbs
from gateway.daemon.verbs.lists import ListVerbs
from gateway.daemon.verbs.marks import MarkVerbs
from gateway.daemon.verbs.pins import PinDesk
from gateway.daemon.verbs.preview import Explainer, PreviewVerbs
from gateway.daemon.verbs.proof import ProofVerbs
from gateway.daemon.verbs.refusals import Refusals
from gateway.daemon.verbs.registers import RegisterVerbs
from gateway.daemon.verbs.requests import RequestVerbs
from gateway.daemon.verbs.selfset import SelfSetVerbs
from gateway.daemon.verbs.sharing import SharingVerbs
from gateway.daemon.verbs.sights import Sights
from gateway.daemon.verbs.status import (
    DeviceVerb,
    MemberState,
    PeopleStatus,
    ProfileVerb,
    StatusVerb,
    describe_device,
    place_of,
    reload_verb,
)
from gateway.daemon.verbs.switch import SwitchVerbs
from gateway.daemon.verbs.teach import TeachVerbs
from gateway.daemon.verbs.tickets import TicketVerbs
from gateway.daemon.verbs.time import TimeVerbs
from gateway.daemon.verbs.trial import TrialVerbs
from gateway.daemon.verbs.waycards import WayCardVerbs
from gateway.daemon.verbs.whom import Whom
from gateway.daemon.verbs.why import WhyVerb
from gateway.daemon.visibility import Visibility, VisibleMembers
from gateway.daemon.vitals import Vitals, machine
from gateway.daemon.warned import WarnedHome
from gateway.daemon.warnings import Warnings
from gateway.kernel.totals import Pair
from gateway.path.addresses import AddressBook
from gateway.path.live import LiveFlows
from gateway.path.nameaddresses import NameBook
from gateway.path.probes import Probes
from gateway.policy.profile import Profile
from gateway.store.store import Store


@dataclass(frozen=True, slots=True)
class Plane:
    """The parts of the data plane that features are built from."""

    home: HomeContext
    effects: Effects
    store: Store
    watch: ClockWatch
    family: Family
    visibility: Visibility
    presence: Presence
    internet: Internet
    journal: Journal
    live: LiveFlows
    probes: Probes
    addresses: AddressBook
    names: NameBook
    lesson_book: LessonBook
    byte_counts: Callable[[], Mapping[Pair, int]]  # bytes by slot and class since the start
    audit: Audit
    vitals: Vitals
    figures: Callable[[], Mapping[str, object]]  # counters of queues, connections, tables and memory
    problems: Callable[[], list[str]]  # one line for each part that does not work as configured


class Features:
    """Built once, and registered on ``router``. ``start`` begins what features do at their own times."""

    def __init__(self, plane: Plane, router: Router) -> None:
        self._plane = plane
        closers = Closers()
        self.close, keep = closers.close, closers.keep
        home, store, family, presence = plane.home, plane.store, plane.family, plane.presence
        self.members = VisibleMembers(home, plane.visibility, family)
        self.devices = VisibleDevices(plane.visibility, presence.inventory, presence.here, store.notes)
        self.whom = Whom(home, store.people, presence.claim, family)
        self.origins = Origins(home, store.people, presence)
        self.self_set = SelfSetting(home, plane.effects, store.self_set)
        effects, visibility, recent = plane.effects, plane.visibility, plane.journal.recent
        self.sharing = keep(Sharing(home, effects, store.uses, family, visibility, recent, plane.byte_counts))
        self.adults = keep(Adults(home, effects, store.proofs, family, presence.here))
        questions, devices, uses, audit = store.questions, store.devices, store.uses, store.audit
        self.asking = Asking(home, effects, questions, devices, uses, audit, presence, visibility)
        self.identities = keep(
            Identities(
                home,
                effects,
                presence.inventory,
                devices,
                uses,
                questions,
                audit,
                store.together,
                self.asking,
            )
        )
        self.lessons = keep(
            Lessons(home, plane.effects, plane.lesson_book, family, plane.addresses, plane.names)
        )
        warned = WarnedHome(home, family, self.members, self.in_use)
        self.warnings = keep(Warnings(warned, home.loop.call_later))
        self.answers = keep(Answers(home, plane.effects, store, family, plane.visibility, self.warnings))
        self.growing = keep(Growing(home, plane.effects, store, family, self.lessons, self.sharing, recent))
        runner = UpdateRunner(home, plane.effects.regroup)
        self.list_updates = keep(
            ListUpdates(home, runner, available_memory=lambda: machine()["available"], random=random)
        )
        self._router = router
        self._closers = closers

    def in_use(self) -> InUse:
        """Return what devices use at this moment."""
        return InUse(self._plane.home.rules, self._plane.live, self._plane.store.classes())

    def start(self) -> None:
        for part in (
            self.answers,
            self.warnings,
            self.sharing,
            self.growing,
            self.adults,
            self.list_updates,
        ):
            part.start()

    def _edited(self, named: frozenset[str]) -> None:
        """A profile was changed, which names these devices now."""
        for mac in sorted(named):
            self._plane.store.devices.unplace(mac)
            self.identities.answered(mac)
        self._plane.effects.regroup()

    def register(self) -> None:
        """Add the verbs of all features to the router."""
        plane, router, keep, whom = self._plane, self._router, self._closers.keep, self.whom
        home, store, presence, family = plane.home, plane.store, plane.presence, plane.family
        editing = Editing(home.rules, self._edited)
        home_editing = HomeEditing(home.rules, editing)
        edits = EditVerbs(home, plane.effects, store, self.growing, whom, editing)
        helpers = Helpers(home, store.people, store.gifts, store.settings)
        time = TimeVerbs(home, store.gifts, family.minutes, whom, self.answers, helpers)
        effects, visibility, asking = plane.effects, plane.visibility, self.asking
        treated = partial(place_of, home, family)
        places = Places(home, effects, store, family, presence, self.identities, whom, treated, editing)
        cards = WayCardVerbs(home, store.way_cards, store.today, store.audit, presence, whom)
        lists = ListVerbs(home, store.audit, plane.problems, whom, editing, self.list_updates)
        pins = PinDesk(home, store.pins, store.settings, whom, self.sharing.use_of)
        proofs = AdultProofVerbs(home, store.people, store.questions, family, self.sharing, self.adults, whom)
        sharing = SharingVerbs(
            home,
            store.questions,
            store.devices,
            family,
            presence,
            visibility,
            self.sharing,
            self.adults,
            asking,
            whom,
            pins,
        )
        agreements = AgreementVerbs(home, store.agreements, whom, pins)
        shown = partial(describe_device, presence, plane.visibility, self.devices)
        state = MemberState(home, family, time)
        people = PeopleStatus(
            home, store, family, plane.visibility, self.members, shown, state, self.in_use, self.lessons,
            pins.describe,
        )  # fmt: skip
        additions = (
            self.growing.describe_all,
            plane.figures,
            lambda: {"lists": self.list_updates.describe()},
        )
        router.add(
            "status",
            StatusVerb(
                home,
                store,
                plane.watch,
                presence,
                plane.internet,
                people,
                lambda: len(cards.waiting()),
                plane.problems,
                additions,
            ),
        )

        def own(profile: Profile) -> Mapping[str, object]:
            return {"self_set": self.self_set.describe(profile), "agreement": agreements.describe(profile)}

        def of_device(mac: str, member: Member | None) -> Mapping[str, object]:
            adult = proofs.describe(mac, member)
            return {**adult, **sharing.describe(mac, member), **self.growing.of_device(mac)}

        router.add("profile", ProfileVerb(home, self.members, state, edits.last_change_of, own))
        router.add("device", DeviceVerb(home, store, presence, family, state, self.in_use, of_device))
        router.add("reload", reload_verb(plane.effects, home))
        ClockVerbs(home, plane.watch, store).register(router)
        decided = partial(Decided, home, store.settings, partial(EditStory, home.rules))
        explainer = Explainer(home, family, plane.visibility, self.members, decided)
        router.add("sight", Sights(presence.inventory).play)
        IdentityVerbs(
            home, effects, store.questions, store.audit, self.identities, asking, whom, places
        ).register(router)
        DeviceVerbs(
            home, store, presence, visibility, self.devices, asking, whom, places, shown, proofs
        ).register(router)
        cards.register(router)
        proofs.register(router)
        sharing.register(router)
        TrialVerbs(home.rules, keep(Trial(home)), whom).register(router)
        ProofVerbs(home, Proofs(home, plane.journal.observe), presence.here, whom).register(router)
        self._register_time(time, helpers, pins, editing)
        self._register_decisions(decided, explainer)
        lists.register(router)
        agreements.register(router)
        GrowingVerbs(home, self.growing, store.growing, store.held_bands, whom).register(router)
        SelfSetVerbs(home.rules, self.self_set, whom, pins).register(router)
        self._register_gateway()
        edits.register(router)
        FamilyVerbs(home.rules, edits, home_editing).register(router)
        RegisterVerbs(home, edits, home_editing, lists.start).register(router)
        self._register_rules(router, editing, explainer)
        self._register_activity(router, pins)
        router.wrap(asked.DISCLOSING, lambda name, verb: asked.limit(name, verb, plane.probes, home.loop.now))
        router.wrap(frozenset(router.verbs), lambda _, verb: self.origins.recorded(verb))
        router.add("guardian", guardians(home, store, presence, self.origins))

    def _register_time(self, time: TimeVerbs, helpers: Helpers, pins: PinDesk, editing: Editing) -> None:
        """Add the verbs by which time is given, asked for and taken."""
        plane, router, whom, answers = self._plane, self._router, self.whom, self.answers
        home, effects, store, family = plane.home, plane.effects, plane.store, plane.family
        values = AskedValues(home.rules, plane.visibility)
        time.register(router)
        pins.register(router)
        SwitchVerbs(home, effects, store.settings, family, whom, helpers).register(router)
        MarkVerbs(home, effects, store.marks, whom).register(router)
        TicketVerbs(home, store.tickets, store.together, whom, answers).register(router)
        RequestVerbs(
            home, store.requests, store.together, family.minutes, whom, answers, editing, values
        ).register(router)

    def _register_decisions(self, decided: Callable[[Profile], Decided], explainer: Explainer) -> None:
        """Add the verbs that explain decisions."""
        plane, router = self._plane, self._router
        home, store, family = plane.home, plane.store, plane.family
        Refusals(home, family, store.devices, plane.journal.recent, decided).register(router)
        WhyVerb(home, family, store.questions, self.whom, explainer.moment, explainer.explain).register(
            router
        )

    def _register_rules(self, router: Router, editing: Editing, explainer: Explainer) -> None:
        """Add the verbs that show rules, try them out, back them up or change them in steps."""
        plane, whom = self._plane, self.whom
        home, store, family = plane.home, plane.store, plane.family
        CountryVerbs(home.rules).register(router)
        PreviewVerbs(home, whom, editing, self.self_set.laid, explainer).register(router)
        TeachVerbs(home, family, self.lessons, store.audit, whom, editing).register(router)
        BackupVerbs(
            home, plane.effects, store, plane.visibility, self.growing.refuse_file, whom, self.origins
        ).register(router)

    def _register_activity(self, router: Router, pins: PinDesk) -> None:
        """Add the verbs that show what children and guardians did."""
        plane, whom = self._plane, self.whom
        home, store, here = plane.home, plane.store, plane.presence.here
        recent = plane.journal.recent
        HistoryVerbs(home, store, plane.family, self.lessons, recent, whom, pins).register(router)
        ChangeVerbs(home, store.state, store.gifts, plane.visibility, here, whom).register(router)
        lines = AuditLines(home.rules, plane.visibility, store.requests)
        AuditLogVerbs(home.rules, store.audit_lines, store.auditors, lines, here).register(router)

    def _register_gateway(self) -> None:
        """Add the verbs about the gateway itself: its health, its messages to guardians, its audits."""
        plane, router, keep = self._plane, self._router, self._closers.keep
        home, store = plane.home, plane.store
        keep(HealthVerbs(home, plane.vitals)).register(router)
        AlertVerbs(home, store.alerts, store.audit, self.whom).register(router)
        AuditVerbs(home, plane.audit, store.devices, plane.family, plane.presence).register(router)
