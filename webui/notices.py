"""The notice about the last action, on the next page.

A guardian's stays, with its undo, until the next change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from flask import session as cookie
from flask import url_for

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from webui.features.status.home_text import HomeView
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.words import clock, plain

EVERYONE = "all"
SENTENCE_LIMIT = 300  # characters; limits the size of the cookie
STAYS = timedelta(hours=12)  # for an action without an end of its own
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
PARTS = 4  # of the cookie: action, its target or number, its sentence, its end


@dataclass(frozen=True, slots=True)
class Notice:
    sentence: str
    undo: str = ""  # target of the undo form; empty: no undo
    key: str = ""  # the form's one field
    value: str = ""


def did(what: str, who: str) -> None:
    """Paused or resumed ``who``."""
    cookie["done"] = [what, who, "", ""]


def gave(
    number: int | None, sentence: str, until: datetime | None, now: datetime, what: str = "gave"
) -> None:
    """Store a grant.

    ``number``: for the withdrawal; None: not possible. ``what``: `helped` on a helper's page.
    """
    end = until if until is not None else now + STAYS
    cookie["done"] = [what, number or 0, sentence[:SENTENCE_LIMIT], end.isoformat()]


def said(sentence: str) -> None:
    """Store a notice without an undo."""
    cookie["done"] = ["said", "", plain(sentence, SENTENCE_LIMIT), ""]


@contextmanager
def refusals_to(tell: Callable[[str], None]) -> Iterator[None]:
    """Report errors of the daemon as a sentence. A daemon that does not respond raises."""
    try:
        yield
    except Unreachable:
        raise
    except ControlError as error:
        tell(refusals.sentence(error))


def current(home: HomeView) -> Notice | None:
    """Return the notice of the last action while it applies."""
    done = cookie.get("done")
    if not (isinstance(done, list) and len(done) == PARTS):
        return None
    what, whom, sentence, end = done
    if what == "said":
        return Notice(str(sentence))
    if what in UNDONE_BY:
        return _given(UNDONE_BY[what], whom, str(sentence), str(end), home.now)
    if what in BACK:
        return Notice(str(sentence), url_for(BACK[what]), "was", str(whom))
    if what == "card":
        return Notice(str(sentence), url_for("cards.back"), "card", str(whom))
    if what == "edited":
        profile, _space, revisions = str(whom).partition(" ")
        return Notice(str(sentence), url_for("rules.undo", profile=profile), "revision", revisions)
    return _paused(home, str(whom)) if what == "pause" else None


def _given(undo: str, number: object, sentence: str, end: str, now: datetime) -> Notice | None:
    if datetime.fromisoformat(end) <= now:
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
        return Notice(_("%(name)s is paused until you resume.", name=name), undo, "who", who)
    until = clock(child.status.until, home.now)
    return Notice(_("%(name)s is paused until %(until)s.", name=name, until=until), undo, "who", who)


class Undoable(Protocol):
    """An answer to an edit of a file."""

    @property
    def undo(self) -> int | None: ...
    @property
    def revision(self) -> int | None: ...


def edited(profile: str, done: Undoable, sentence: str) -> None:
    """Store an edit of a child's rules."""
    cookie["done"] = ["edited", f"{profile} {way_back(done)}", plain(sentence, SENTENCE_LIMIT), ""]


def way_back(done: Undoable) -> str:
    """Return the undo form's value: the revision to restore, and the one that the edit made."""
    return f"{done.undo or 0} {done.revision or 0}"


def put_away(card: str, sentence: str) -> None:
    """Store a dismissed card. ``card``: its id for the undo."""
    cookie["done"] = ["card", card, plain(sentence, SENTENCE_LIMIT), ""]


def did_back(what: str, was: str, sentence: str) -> None:
    """Store an action with its own undo, one of BACK. ``was``: the value before."""
    cookie["done"] = [what, was, plain(sentence, SENTENCE_LIMIT), ""]


def forget() -> None:
    """Remove the notice, after an action that is visible elsewhere."""
    cookie.pop("done", None)


def notify_child(sentence: str) -> None:
    """Show a sentence once, on this browser's next page."""
    cookie["child_notice"] = plain(sentence, SENTENCE_LIMIT)


def child_notice() -> str:
    sentence = cookie.pop("child_notice", "")
    return sentence if isinstance(sentence, str) else ""
