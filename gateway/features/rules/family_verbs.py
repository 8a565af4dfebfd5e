"""The verbs that show and change the family's settings in `qalqan.yaml`, such as country and time zone."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.files import read_bounded
from gateway.features.rules.edit_verbs import EditVerbs
from gateway.household.editing import HomeEditing
from gateway.household.file_history import revision_of
from gateway.household.rule_book import RuleBook
from gateway.policy.profile import edits


class FamilyVerbs:
    """Shows, edits and puts back the family's settings."""

    def __init__(self, rules: RuleBook, edit: EditVerbs, editing: HomeEditing) -> None:
        self._rules = rules
        self._edit = edit
        self._editing = editing

    def register(self, router: Router) -> None:
        router.add("family", self.family)
        router.add("edit_family", self.edit)
        router.add("unedit_family", self.unedit)

    def family(self, _request: Request) -> Mapping[str, object]:
        """The verb `family`: the settings, and who changed them last."""
        rules = self._rules
        source = read_bounded(rules.path)
        return edits.home_to_dict(source, rules.household.config) | {
            "set": self._edit.last_change(rules.path, source),
            "revision": revision_of(source),
        }

    def edit(self, request: Request) -> Mapping[str, object]:
        """The verb `edit_family`: change settings."""
        author, changes = self._edit.author(request), request.mapping("set")
        done = self._editing.edit(changes, author, self._edit.revision(request))
        if done.revision != done.found:
            self._edit.audit(request, author, "edit_family", edits.changes_text(done.before, done.after))
        changed = edits.effective(done.before, done.after, changes)
        return {"revision": done.revision, "undo": done.found, "changed": changed}

    def unedit(self, request: Request) -> Mapping[str, object]:
        """The verb `unedit_family`: put the settings back to an earlier revision."""
        author = self._edit.author(request)
        revision, found = self._edit.needed_revision(request), self._edit.revision(request, "found")
        done = self._editing.unedit(revision, author, found)
        self._edit.audit(request, author, "unedit_family", "as it was before")
        return {"revision": done.revision, "undo": done.found}
