"""Changes the family's part of `qalqan.yaml`."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.core.reason_codes import Code
from gateway.household.editing import Author, Draft, Edit, Editing, bad_rule
from gateway.household.file_history import changed_meanwhile
from gateway.household.revisions import revision_of
from gateway.household.rule_book import RuleBook
from gateway.policy.config.config import RouterSetting
from gateway.policy.profile import edits
from gateway.policy.profile.edits import Changes, changed
from gateway.policy.yaml.documents import Document, Plain
from gateway.policy.yaml.fields import suggestion

REGISTERS = "registers"


class HomeEditing:
    """Edits the settings in `qalqan.yaml`."""

    def __init__(self, rules: RuleBook, editing: Editing) -> None:
        self._rules = rules
        self._editing = editing

    def edit(self, changes: Changes, author: Author, revision: int | None = None) -> Edit:
        """Change settings. Raises PolicyError with the file unchanged."""
        _only_the_familys(changes, self._rules.household.config.fixed)
        return self.switch(changes, author, revision)

    def switch(self, changes: Changes, author: Author, revision: int | None = None) -> Edit:
        """Like ``edit``, for keys that only the daemon sets."""
        path = self._rules.path
        source, before = self._editing.read(path)
        found = revision_of(source)
        if revision not in (None, found):
            raise changed_meanwhile(path)
        try:
            after = changed(before, changes, {})
        except PolicyError as error:
            raise bad_rule(error, "", changes) from error
        if after == before:
            return Edit(before, after, found, found, {})
        data = edits.home_text(after)
        self._editing.put(Draft({path: data}, {path: source}), changes, author)
        return Edit(before, after, found, revision_of(data), {})

    def unedit(self, revision: int, author: Author, found: int | None = None) -> Edit:
        """Put the family's settings back to a revision, if the file is still at ``found``.

        Settings of the machine, and what is blocked for everyone, stay. Raises PolicyError.
        """
        path = self._rules.path
        history, source = self._rules.history(path.parent), read_bounded(path)
        if found not in (None, revision_of(source)):
            raise changed_meanwhile(path)
        _, old = history.earlier(path, revision)
        data = _with_the_machines(old, source, str(path))
        self._editing.put(Draft({path: data}, {path: source}), {}, author)
        return Edit({}, {}, revision_of(source), revision_of(data), {})


def _with_the_machines(old: bytes, source: bytes, path: str) -> bytes:
    """Return ``old`` with the settings of ``source`` that no page may change: they may have been edited by
    hand.
    """
    try:
        was, now = edits.read(old, path), edits.read(source, path)
    except PolicyError:
        return old  # nothing can be taken from an unreadable file
    keys = {*was, *now}.difference(edits.FAMILY_KEYS)
    if _lists(was) == _lists(now):
        keys.discard(REGISTERS)  # their switches alone have a verb of their own
    if all(was.get(key) == now.get(key) for key in keys):
        return old
    kept = {key: value for key, value in now.items() if key in keys}
    return edits.home_text({key: value for key, value in was.items() if key not in keys} | kept)


def _lists(said: Document) -> dict[str, tuple[Plain, Plain]]:
    """Return the source of each national register."""
    known = said.get(REGISTERS)
    found = known.items() if isinstance(known, dict) else ()
    return {key: (one.get("url"), one.get("file")) for key, one in found if isinstance(one, dict)}


def _only_the_familys(changes: Changes, fixed: Mapping[str, RouterSetting]) -> None:
    for key in changes:
        head = key.partition("/")[0]
        if head not in edits.FAMILY_KEYS:
            for name, one in fixed.items():
                if name == key.replace("/", ".") or (key == head and name.partition(".")[0] == head):
                    raise _routers_own(key, one)
            fix = suggestion(key, edits.FAMILY_KEYS)
            error = PolicyError(key, "is not for the pages to change", fix)
            raise error.coded(Code.BAD_RULE, key=key, problem=error.problem, mend=fix)


def _routers_own(key: str, one: RouterSetting) -> PolicyError:
    problem, fix = f"is set in {one.file}", f"change it there, as the router's own setting {one.option}"
    error = PolicyError(key, problem, fix)
    return error.coded(Code.ROUTERS_OWN, key=key, option=one.option, file=one.file)
