"""The verbs for what `qalqan.yaml` says of the family: country, time zone, whose a shared device is, …"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.control.protocol import Request, Verb
from gateway.daemon.files.editing_home import HomeEditing
from gateway.daemon.files.steps import revision_of
from gateway.files import read_bounded
from gateway.policy import edits

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.daemon.verbs.edit import EditVerbs


class FamilyVerbs:
    def __init__(self, daemon: Daemon, edit: EditVerbs, editing: HomeEditing) -> None:
        self._daemon = daemon
        self._edit = edit
        self._editing = editing

    def table(self) -> Mapping[str, Verb]:
        return {"family": self.family, "edit_family": self.edit, "unedit_family": self.unedit}

    def family(self, _request: Request) -> Mapping[str, object]:
        rules = self._daemon.rules
        source = read_bounded(rules.path)
        return edits.told_home(source, rules.household.config) | {
            "set": self._edit.last_set(rules.path, source),
            "revision": revision_of(source),
        }

    def edit(self, request: Request) -> Mapping[str, object]:
        author, changes = self._edit.author(request), request.mapping("set")
        done = self._editing.edit(changes, author, self._edit.revision(request))
        if done.revision != done.found:
            told = edits.told_changes(done.before, done.after)
            self._edit.audit(request, author, "edit_family", told)
        changed = edits.effective(done.before, done.after, changes)
        return {"revision": done.revision, "undo": done.found, "changed": changed}

    def unedit(self, request: Request) -> Mapping[str, object]:
        author = self._edit.author(request)
        revision, found = self._edit.needed_revision(request), self._edit.revision(request, "found")
        done = self._editing.unedit(revision, author, found)
        self._edit.audit(request, author, "unedit_family", "as it was before")
        return {"revision": done.revision, "undo": done.found}
