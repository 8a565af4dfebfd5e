"""The notice about the last action, which the next page shows. A cookie stores it.

A guardian's notice stays with its undo for ten minutes: on the page that showed it first, on Home and on the
pages of the child concerned. Activity offers the undo of most changes until the end of the family's day. A
child's notice is shown once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from flask import request, url_for
from flask import session as cookie

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui.features.status.home_text import HomeView
from webui.forms import BACK_PAGES
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.i18n import restored, stored
from webui.language.words import clock, plain

EVERYONE = "all"
HOME = "home"  # the blueprint of the pages that show each notice
SENTENCE_LIMIT = 300  # characters; limits the size of the cookie
STORED_LIMIT = 900  # characters of a message and its values as JSON; longer: only the text is stored
STAYS = timedelta(minutes=10)
BACK = {
    "assigned": "device.assign_back",
    "named": "device.name_back",
    "shared": "device_use.share_back",
    "managed": "device_use.manage_back",
    "marked": "device_use.mark_back",
    "switched": "lists.switch_back",
    "unlisted": "lists.add_back",
    "removed": "setup.restore",
    "placed": "setup.devices_back",
    "family": "family.undo",
    "added": "importing.undo",
}  # action → endpoint of its undo
UNDONE_BY = {"gave": "home.undo", "helped": "helper.undo"}  # endpoints that withdraw what was given


@dataclass(frozen=True, slots=True)
class Notice:
    sentence: str
    undo: str = ""  # target of the undo form; empty: no undo
    key: str = ""  # the form's field
    value: str = ""

    @property
    def back(self) -> str:
        """Return the form's field ``back``, which names the requested page; empty if it has no name there."""
        return next((page for page, endpoint in BACK_PAGES.items() if endpoint == request.endpoint), "")


def paused(who: str) -> None:
    """Store the notice for the next page that the user paused ``who``, a child's id or ``all``."""
    _store("pause", who, "", child=who)


def gave(
    number: int | None, sentence: str, until: datetime | None, *, child: str, what: str = "gave"
) -> None:
    """Store the notice for the next page that the user gave extra time to ``child``, an id.

    ``number``: of the grant, for its withdrawal; None: not possible. ``until``: end of the extra time.
    ``what``: `helped` on a helper's page.
    """
    _store(what, number or 0, sentence, child=child, until=until.isoformat() if until else "")


def said(sentence: str) -> None:
    """Store a sentence in the cookie as the notice that the next page shows. It has no undo."""
    _store("said", "", sentence)


def _store(what: str, whom: object, sentence: str, *, child: str = "", until: str = "") -> None:
    """Store a notice in the cookie. ``what``: the action. ``whom``: the value that its undo needs.

    ``child``: id of the child; its pages show the notice too. ``until``: when it is over, ISO 8601.
    """
    text = stored(sentence)
    if len(json.dumps(text)) > STORED_LIMIT:
        text = sentence[:SENTENCE_LIMIT]
    cookie["done"] = {
        "what": what, "whom": whom, "text": text, "child": child, "until": until, "at": int(time.time()),
    }  # fmt: skip


@contextmanager
def refusals_to(tell: Callable[[str], None]) -> Iterator[None]:
    """Run the ``with`` block; if the daemon refuses something in it, call ``tell`` with a sentence about it.

    Raises Unreachable, and ControlError if the change needs a proof of the password, which a page then asks
    for.
    """
    try:
        yield
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.PROOF_NEEDED:
            raise
        tell(refusals.sentence(error))


def current(home: HomeView) -> Notice | None:
    """Return the notice that this page shows about the last action, with its undo; None without one."""
    done = cookie.get("done")
    if not isinstance(done, dict) or not _is_shown_here(done):
        return None
    what, whom, sentence = done["what"], done["whom"], plain(restored(done["text"]), SENTENCE_LIMIT)
    if what == "said":
        return Notice(sentence)
    if what in UNDONE_BY:
        return _given(UNDONE_BY[what], whom, sentence, str(done["until"]), home.now)
    if what in BACK:
        return Notice(sentence, url_for(BACK[what]), "was", str(whom))
    if what == "card":
        return Notice(sentence, url_for("cards.back"), "card", str(whom))
    if what == "edited":
        profile, _space, revisions = str(whom).partition(" ")
        return Notice(sentence, url_for("rules.undo", profile=profile), "revision", revisions)
    return _paused(home, str(whom)) if what == "pause" else None


def _is_shown_here(done: dict[str, object]) -> bool:
    """Return whether the notice of the last action is shown on the requested page.

    The first page that calls this becomes the notice's own page. It is shown there, on Home and on the
    child's pages, for ten minutes.
    """
    if not 0 <= time.time() - int(str(done["at"])) < STAYS.total_seconds():
        return False
    arguments = [str(value) for value in (request.view_args or {}).values()]
    page = " ".join([request.blueprint or "", *arguments])
    if "page" not in done:
        cookie["done"] = {**done, "page": page}
        return True
    return page == done["page"] or request.blueprint == HOME or done["child"] in arguments


def _given(undo: str, number: object, sentence: str, end: str, now: datetime) -> Notice | None:
    if end and datetime.fromisoformat(end) <= now:
        return None
    if not number:
        return Notice(sentence)
    return Notice(sentence, url_for(undo), "grant", str(number))


def _paused(home: HomeView, who: str) -> Notice | None:
    undo = url_for("home.resume")
    if who == EVERYONE:
        if home.children and all(child.paused for child in home.children):
            return Notice(_("Every child is paused."), undo, "who", EVERYONE)
        return None
    child = home.child(who)
    if child is None or not child.paused:
        return None
    name = plain(child.name)
    if child.status.until is None:
        return Notice(_("%(name)s is paused until you turn it back on.", name=name), undo, "who", who)
    until = clock(child.status.until, home.now)
    return Notice(_("%(name)s is paused until %(until)s.", name=name, until=until), undo, "who", who)


class Undoable(Protocol):
    """The daemon's answer to an edit of a file: its revisions before the edit (``undo``) and after it.

    Equal if the edit changed nothing.
    """

    @property
    def undo(self) -> int | None: ...
    @property
    def revision(self) -> int | None: ...


def edited(profile: str, done: Undoable, sentence: str) -> None:
    """Store the notice for the next page that the user edited a child's rules, with an undo.

    ``profile``: the child's id. ``done``: the daemon's answer. If the file is as it was before, the notice
    says that nothing was changed.
    """
    if _changed_file(done):
        _store("edited", f"{profile} {_way_back(done)}", sentence, child=profile)


def edited_home(done: Undoable, sentence: str) -> None:
    """Store the notice for the next page that the user edited the settings of the home. As `edited`."""
    if _changed_file(done):
        did_back("family", _way_back(done), sentence)


def _changed_file(done: Undoable) -> bool:
    """Return whether an edit changed the file. If it did not, store the notice that nothing was changed."""
    if done.undo != done.revision:
        return True
    said(_("Nothing was changed."))
    return False


def _way_back(done: Undoable) -> str:
    """Return the value of an undo form: the revision to restore, and the one that the edit made."""
    return f"{done.undo or 0} {done.revision or 0}"


def put_away(card: str, sentence: str) -> None:
    """Store the notice for the next page that the user dismissed an alert (card). ``card``: its id.

    The notice has an undo.
    """
    _store("card", card, sentence)


def did_back(what: str, was: str, sentence: str) -> None:
    """Store the notice of an action ``what``, a key of BACK, with an undo. ``was``: the value before."""
    _store(what, was, sentence)


def forget() -> None:
    """Remove the notice about the last action from the cookie, since the page shows the effect elsewhere."""
    cookie.pop("done", None)


def notify_child(sentence: str) -> None:
    """Store a sentence in the cookie; the next page for a child in this browser shows it once."""
    cookie["child_notice"] = plain(sentence, SENTENCE_LIMIT)


def child_notice() -> str:
    sentence = cookie.pop("child_notice", "")
    return sentence if isinstance(sentence, str) else ""
