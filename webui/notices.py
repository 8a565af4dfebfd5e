"""The notice about the last action, which the next page shows. A cookie stores it.

A guardian's notice stays with its undo until the next change. A child's is shown once.
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
from gateway.core.reason_codes import Code
from webui.features.status.home_text import HomeView
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.words import clock, plain

EVERYONE = "all"
SENTENCE_LIMIT = 300  # characters; limits the size of the cookie
STAYS = timedelta(hours=12)  # how long a notice about extra time without an end stays
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
PARTS = 4  # the cookie has the action, its target or number, its sentence, its end


@dataclass(frozen=True, slots=True)
class Notice:
    sentence: str
    undo: str = ""  # target of the undo form; empty: no undo
    key: str = ""  # the form's one field
    value: str = ""


def did(what: str, who: str) -> None:
    """Store in the cookie that the user paused or resumed ``who``, a child's id or ``all``."""
    cookie["done"] = [what, who, "", ""]


def gave(
    number: int | None, sentence: str, until: datetime | None, now: datetime, what: str = "gave"
) -> None:
    """Store in the cookie that the user gave extra time.

    ``number``: of the grant, for its withdrawal; None: not possible. ``until``: end of the extra time; None:
    the notice stays for `STAYS`. ``what``: `helped` on a helper's page.
    """
    end = until if until is not None else now + STAYS
    cookie["done"] = [what, number or 0, sentence[:SENTENCE_LIMIT], end.isoformat()]


def said(sentence: str) -> None:
    """Store a sentence in the cookie as a notice without an undo."""
    cookie["done"] = ["said", "", plain(sentence, SENTENCE_LIMIT), ""]


@contextmanager
def refusals_to(tell: Callable[[str], None]) -> Iterator[None]:
    """Run the ``with`` block, and pass a daemon's error to ``tell`` as a sentence.

    Raises: Unreachable; ControlError if the change needs a proof, for which a page asks then.
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
    """Return the notice of the last action while it applies, with its undo; None without one."""
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
        return Notice(_("%(name)s is paused until you turn it back on.", name=name), undo, "who", who)
    until = clock(child.status.until, home.now)
    return Notice(_("%(name)s is paused until %(until)s.", name=name, until=until), undo, "who", who)


class Undoable(Protocol):
    """The daemon's answer to an edit of a file: the revision before (``undo``) and after it."""

    @property
    def undo(self) -> int | None: ...
    @property
    def revision(self) -> int | None: ...


def edited(profile: str, done: Undoable, sentence: str) -> None:
    """Store in the cookie that the user edited the rules of a child (``profile``), with the undo."""
    cookie["done"] = ["edited", f"{profile} {way_back(done)}", plain(sentence, SENTENCE_LIMIT), ""]


def way_back(done: Undoable) -> str:
    """Return the value of an undo form: the revision to restore and the one that the edit made."""
    return f"{done.undo or 0} {done.revision or 0}"


def put_away(card: str, sentence: str) -> None:
    """Store in the cookie that the user dismissed a card. ``card``: its id for the undo."""
    cookie["done"] = ["card", card, plain(sentence, SENTENCE_LIMIT), ""]


def did_back(what: str, was: str, sentence: str) -> None:
    """Store in the cookie an action ``what`` whose undo is an endpoint in BACK. ``was``: the value before."""
    cookie["done"] = [what, was, plain(sentence, SENTENCE_LIMIT), ""]


def forget() -> None:
    """Remove the notice from the cookie, after an action that is visible elsewhere."""
    cookie.pop("done", None)


def notify_child(sentence: str) -> None:
    """Store a sentence in the cookie that the next child's page in this browser shows once."""
    cookie["child_notice"] = plain(sentence, SENTENCE_LIMIT)


def child_notice() -> str:
    sentence = cookie.pop("child_notice", "")
    return sentence if isinstance(sentence, str) else ""
