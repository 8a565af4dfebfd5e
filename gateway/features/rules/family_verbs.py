"""The verbs that show and change the family's settings in `qalqan.yaml`, such as country and time zone."""

from __future__ import annotations

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
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.files import read_bounded
from gateway.features.rules.edit_verbs import EditVerbs
from gateway.household.editing import HomeEditing
from gateway.household.file_history import revision_of
from gateway.household.rule_book import RuleBook
from gateway.policy.config.config import ACCESS
from gateway.policy.config.list_tiers import AUTO_TIER
from gateway.policy.profile import edits
from gateway.policy.yaml.documents import has_own_comments


class FamilyVerbs:
    """Shows, edits and restores the family's settings in `qalqan.yaml`."""

    def __init__(self, rules: RuleBook, edit: EditVerbs, editing: HomeEditing) -> None:
        self._rules = rules
        self._edit = edit
        self._editing = editing

    def register(self, router: Router) -> None:
        router.serve(FAMILY, self.family)
        router.serve(EDIT_FAMILY, self.edit)
        router.serve(UNEDIT_FAMILY, self.undo_edit)

    def family(self, _call: Call[NoValues]) -> FamilySettings:
        """Return the family's settings, the router's own settings, and who last changed them."""
        rules = self._rules
        source, settings = read_bounded(rules.path), rules.household.config
        return FamilySettings(
            by_hand=has_own_comments(source),
            lan=settings.lan,
            country=settings.country,
            timezone=settings.timezone,
            language=settings.language,
            languages=settings.languages,
            unknown_devices=settings.unknown_devices,
            interfaces=dict(settings.interfaces),
            keep_profile=settings.keep_profile,
            shared={mac: SharedBy(people=people) for mac, people in settings.shared.items()},
            managed=dict(settings.managed),
            gateway_access=ACCESS[settings.gateway_open],
            gateway_ports=settings.gateway_ports,
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
        """Change the family's settings by the keys in ``set``. Return the revision for an undo."""
        author, changes = self._edit.author(call), call.mapping("set")
        done = self._editing.edit(changes, author, call.args.revision)
        if done.revision != done.found:
            self._edit.audit(call, author, "edit_family", edits.changes_text(done.before, done.after))
        changed = edits.effective(done.before, done.after, changes)
        return Edited(revision=done.revision, undo=done.found, changed=tuple(changed))

    def undo_edit(self, call: Call[UneditFamilyRequest]) -> Unedited:
        """Restore an earlier revision of the family's settings. Return the revision for an undo."""
        author = self._edit.author(call)
        done = self._editing.undo_edit(call.args.revision, author, call.args.found)
        self._edit.audit(call, author, "unedit_family", "as it was before")
        return Unedited(revision=done.revision, undo=done.found)
