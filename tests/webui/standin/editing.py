"""The family's files behind the pages' tests: the daemon's own verbs, on files of a folder that goes with it.

Nothing of it is built before a page asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache, cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import yaml

from gateway.control.protocol import ControlRequest
from gateway.control.router import Router
from gateway.features.activity.decided import DecisionSource
from gateway.features.lists.registers import RegisterVerbs
from gateway.features.rules.changes import ChangeVerbs
from gateway.features.rules.country import CountryVerbs
from gateway.features.rules.edit_history import EditHistory
from gateway.features.rules.home_settings_verbs import HomeSettingsVerbs
from gateway.features.rules.preview import Explainer, PreviewVerbs, TriedRules
from gateway.features.rules.profile_verbs import ProfileVerbs
from gateway.features.rules.why import WhyVerb
from gateway.household import editing
from gateway.household.editing import HomeEditing
from gateway.household.loading import Product, load_product
from gateway.household.members import Family, Member
from gateway.household.rule_book import RuleBook
from gateway.household.visibility import Visibility, VisibleMembers
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.path.addresses import AddressBook, ServiceBook
from gateway.policy.profile.profile import Profile
from gateway.store.tables.pauses import InForce
from tests.webui.standin.handlers import Handler, in_one_step

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

FILES: dict[str, dict[str, Any]] = {
    "daughter": {
        "name": "Aruzhan", "band": "10-12", "devices": ["02:00:00:00:00:0a", "02:00:00:00:00:0b"],
        "allow": ["khanacademy.org"], "block": ["service:tiktok"],
        "categories": {"social_networks": "ask"}, "limits": {"service:roblox": "1h"},
        "windows": {"service:roblox": {"school": ["16:00-18:00"]}}, "log_level": "2",
    },
    "son": {"name": "Timur", "band": "6-9", "devices": ["02:00:00:00:00:0c"], "mode": "allow-list"},
    "teen": {"name": "Dana", "band": "16-17", "log_level": "0"},
}  # fmt: skip
HOME = {"lan": ["lo"], "timezone": "Asia/Almaty", "country": "kz"}
VERBS = (
    "rules", "edit", "unedit", "add_profile", "remove_profile", "restore_profile", "catalogue", "why",
    "week", "country", "family", "edit_family", "unedit_family", "changes",
    "registers", "register",
)  # fmt: skip


@cache
def product() -> Product:
    return load_product()


class Editing:
    """``files`` may be changed before the first question: what each profile's YAML says."""

    def __init__(self, household: Household) -> None:
        self.files = deepcopy(FILES)
        self.settings: dict[str, Any] = deepcopy(HOME)
        self.audit: list[tuple[str, str]] = []  # what, detail
        self.own: list[dict[str, Any]] = []  # what a child reads of its rules while nothing was edited here
        self._household = household
        self._folder: TemporaryDirectory[str] | None = None

    def verbs(self) -> dict[str, Handler]:
        def late(name: str) -> Handler:
            return lambda request: self._table[name](request)

        return {name: late(name) for name in VERBS} | {"own_changes": self._own_changes}

    def _own_changes(self, request: ControlRequest) -> Mapping[str, object]:
        """Every child's page asks: as long as nothing was edited there is nothing to read."""
        if self.own or "rules" not in self.__dict__:
            return {"changes": self.own}
        return self._table["own_changes"](request)

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """Where qalqan.yaml and ``profiles`` are."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="qalqan-files-")
        return Path(self._folder.name)

    @cached_property
    def rules(self) -> RuleBook:
        folder = self.folder
        for name in ("profiles", "state"):
            (folder / name).mkdir()
        for key, said in self.files.items():
            (folder / "profiles" / f"{key}.yaml").write_text(
                yaml.safe_dump(said, allow_unicode=True, sort_keys=False)
            )
        places = {"state": str(folder / "state"), "profiles": str(folder / "profiles")}
        (folder / "qalqan.yaml").write_text(yaml.safe_dump(self.settings | places))
        return RuleBook(folder / "qalqan.yaml", product())

    @cached_property
    def _table(self) -> Mapping[str, Handler]:
        from tests.webui.standin.household import NOW

        whom: Any = _Whom(self)
        home: Any = SimpleNamespace(rules=self.rules, local_now=lambda: NOW)
        effects: Any = SimpleNamespace(regroup=lambda: self._in_force(frozenset()))
        store: Any = _Tables(self.audit)
        here: Any = _Here()
        visibility = Visibility(home, store.devices, store.uses)
        members = VisibleMembers(home, visibility, self.family)
        pauses: Any = SimpleNamespace(in_force=store.state)
        decided = partial(DecisionSource, home, pauses, partial(EditHistory, self.rules))
        explainer = Explainer(home, self.family, visibility, members, decided)
        files = editing.Editing(self.rules, self._in_force)
        edits = ProfileVerbs(
            home,
            effects,
            store.held_bands,
            lambda _: None,
            store.audit,
            cast("Any", self._household.growing),
            whom,
            files,
            lambda _: None,
        )
        home_editing = HomeEditing(self.rules, files)
        router = Router()
        edits.register(router)
        HomeSettingsVerbs(self.rules, edits, home_editing, whom).register(router)
        RegisterVerbs(home, edits, home_editing, lambda: None).register(router)  # nothing is fetched here
        tried = TriedRules(home, files, lambda profile: profile)
        PreviewVerbs(home, tried).register(router)
        questions: Any = None  # asked for devices alone
        suffixes = lazy_public_suffix_check()
        WhyVerb(home, self.family, questions, whom, tried, explainer, suffixes).register(router)
        ChangeVerbs(
            home, store.state, lambda *_, **__: [], lambda _: "", store.grants, visibility, here, whom
        ).register(router)
        CountryVerbs(self.rules).register(router)
        return in_one_step(router.verbs)

    @cached_property
    def family(self) -> Family:
        book, services = AddressBook(), ServiceBook(lambda _: (), lambda: 0.0)
        return Family(cast("Any", _Store()), book, services, lambda: 0.0, lambda slot, gates: 0)

    def people(self, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Whom a device may be given to: as the files say once one was changed here."""
        if "rules" not in self.__dict__:
            return before
        family = self.rules.household
        return [
            {"id": one.id, "name": one.name, "child": one.is_child}
            for one in family.profiles.values()
            if not one.built_in
        ]

    def guardian(self, request: ControlRequest) -> str:
        return self._household.guardian_of(request)

    def owner(self, request: ControlRequest) -> str:
        return self._household.child_of(request)

    def _in_force(self, named: frozenset[str]) -> None:
        """What the other verbs tell follows the files."""
        household, family = self._household, self.rules.household
        for one in family.profiles.values():
            household.edited[one.id] = {
                "id": one.id,
                "name": one.name,
                "band": one.band.value,
                "next_step": one.next_step,
                "mode": one.rules.mode.value.value,
                "log_level": one.rules.log_level,
            }
            household.minutes.setdefault(
                one.id, {"left": None, "used": [], "landing": {"minutes": 0, "taken": False}}
            )
        people = {*household.children, *family.profiles}
        household.children = tuple(one.id for one in family.children)
        for device in household.devices.values():
            owner = family.owner_of(device["mac"])
            if owner is not None or device["profile"] in people:
                device["profile"] = family.config.unknown_devices if owner is None else owner.id


class _Tables:
    """A store without pauses, extra time, PINs or former profiles. ``audit`` collects what is recorded."""

    def __init__(self, audit: list[tuple[str, str]]) -> None:
        self._audit = audit
        self.uses = self.devices = self.held_bands = SimpleNamespace(all=dict)
        self.grants = SimpleNamespace(given=lambda: (), in_force=lambda *_: ((), ()))

    @staticmethod
    def state(*_: object) -> InForce:
        return InForce((), None)

    def audit(self, what: str, detail: str, **_: object) -> None:
        self._audit.append((what, detail))


class _Here:
    @staticmethod
    def name_of(mac: str) -> str:
        from tests.webui.standin.places import TABLET

        return "Tablet" if mac == TABLET else mac


class _Store:
    """Nobody is paused, nobody was given anything, and no device is marked."""

    marks = SimpleNamespace(no_mobile_data=frozenset())

    @staticmethod
    def state(*_: object) -> InForce:
        return InForce((), None)


class _Whom:
    def __init__(self, editing: Editing) -> None:
        self._editing = editing

    def guardian(self, request: ControlRequest) -> str:
        return self._editing.guardian(request)

    confirmed = guardian  # `Household.needs_proof` refuses

    def child(self, request: ControlRequest) -> SimpleNamespace:
        return SimpleNamespace(profile=self._editing.rules.household.profile(self._editing.owner(request)))

    def stand_in(self, profile: Profile) -> Member:
        from tests.webui.standin.household import NOW

        rules = self._editing.rules
        return self._editing.family.stand_in(profile, rules.world, rules.calendar, NOW)
