"""The verbs that show and change the family's settings in `qalqan.yaml`, such as country and time zone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any

from gateway.control.contract.rules import (
    EDIT_FAMILY,
    FAMILY,
    UNEDIT_FAMILY,
    Edited,
    EditFamilyRequest,
    FamilySettings,
    ListSettings,
    RouterSettingEntry,
    SharedBy,
    Unedited,
    UneditFamilyRequest,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.features.accounts.access import Access
from gateway.features.rules.profile_verbs import ProfileVerbs
from gateway.household.editing import HomeEditing
from gateway.household.file_history import revision_of
from gateway.household.rule_book import RuleBook
from gateway.policy.config.config import ACCESS, QUARANTINE, Config
from gateway.policy.config.list_tiers import AUTO_TIER
from gateway.policy.profile import edits
from gateway.policy.yaml.documents import has_own_comments

# The settings that `FamilySettings` has as `Config` has them.
_AS_CONFIG = {field.name for field in fields(FamilySettings)} & {field.name for field in fields(Config)}
_AS_CONFIG -= {"services", "shared"}


def _own_services(source: bytes, path: str) -> dict[str, Any]:
    """Return the services that the family defines in `qalqan.yaml` (``source``), by id, as written there."""
    found = edits.read(source, path).get("services")
    return dict(found) if isinstance(found, dict) else {}


def _new_device_rules(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return which rules new devices get: at ``unknown_devices``, and ``interfaces/NAME`` of each network.

    ``settings``: changes by key, or the settings.
    """
    found = {key: value for key, value in settings.items() if key.partition("/")[0] == "interfaces"}
    networks = found.pop("interfaces", None)
    if isinstance(networks, Mapping):
        found |= {f"interfaces/{name}": rules for name, rules in networks.items()}
    return found | {"unknown_devices": settings.get("unknown_devices")}


class HomeSettingsVerbs:
    """Verbs that show, edit and restore the family's settings in `qalqan.yaml`."""

    def __init__(self, rules: RuleBook, edit: ProfileVerbs, editing: HomeEditing, access: Access) -> None:
        self._rules = rules
        self._edit = edit
        self._editing = editing
        self._access = access

    def register(self, router: Router) -> None:
        router.serve(FAMILY, self.family)
        router.serve(EDIT_FAMILY, self.edit)
        router.serve(UNEDIT_FAMILY, self.undo_edit)

    def family(self, _call: Call[NoValues]) -> FamilySettings:
        """Return the family's settings, those that the router's configuration sets, and the last change."""
        rules = self._rules
        source, settings = read_bounded(rules.path), rules.household.config
        return FamilySettings(
            by_hand=has_own_comments(source),
            **{name: getattr(settings, name) for name in _AS_CONFIG},
            shared={mac: SharedBy(people=people) for mac, people in settings.shared.items()},
            services=_own_services(source, str(rules.path)),
            gateway_access=ACCESS[settings.gateway_open],
            lists=ListSettings(
                update=settings.lists_update.value,
                tier=AUTO_TIER if settings.lists_tier is None else settings.lists_tier.value,
            ),
            router=tuple(
                RouterSettingEntry(file=setting.file, option=setting.option, value=setting.text)
                for setting in settings.fixed.values()
            ),
            set=self._edit.last_change(rules.path, source),
            revision=revision_of(source),
        )

    def edit(self, call: Call[EditFamilyRequest]) -> Edited:
        """Change the family's settings by the keys in ``set``.

        Return the new revision, that for an undo, and the keys whose value changed. Raises GatewayError if
        the sender may not make the change, it is invalid, or the settings have another revision by now.
        """
        author, changes = self._edit.author(call), call.mapping("set")
        self._confirm(call, changes)
        done = self._editing.edit(changes, author, call.args.revision)
        if done.revision != done.found:
            self._edit.audit(call, author, "edit_family", edits.changes_text(done.before, done.after))
        changed = edits.effective(done.before, done.after, changes)
        return Edited(revision=done.revision, undo=done.found, changed=tuple(changed))

    def undo_edit(self, call: Call[UneditFamilyRequest]) -> Unedited:
        """Restore an earlier revision of the family's settings. Return the new revision and that for an undo.

        Raises GatewayError as `edit`.
        """
        author, path = self._edit.author(call), self._rules.path
        _, old = self._rules.history(path.parent).earlier(path, call.args.revision)
        with suppress(PolicyError):  # a file that cannot be read is refused below
            self._confirm(call, edits.read(old, str(path)))
        done = self._editing.undo_edit(call.args.revision, author, call.args.found)
        self._edit.audit(call, author, "unedit_family", "as it was before")
        return Unedited(revision=done.revision, undo=done.found)

    def _confirm(self, request: ControlRequest, settings: Mapping[str, Any]) -> None:
        """Require a recent proof of identity for settings that leave new devices unfiltered.

        Raises ControlError without one.
        """
        config = self._rules.household.config
        now = _new_device_rules({"unknown_devices": config.unknown_devices, "interfaces": config.interfaces})
        for key, rules in _new_device_rules(settings).items():
            if rules != now.get(key) and self._is_unfiltered(rules):
                self._access.confirmed(request)

    def _is_unfiltered(self, rules: Any) -> bool:
        if not isinstance(rules, str) or rules == QUARANTINE:
            return False
        profile = self._rules.household.find(rules)
        return profile is not None and not profile.is_child_or_guest
