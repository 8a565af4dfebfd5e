"""What the last tap did, told on the next page; a guardian's stays, with its undo, until the next change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import session as cookie
from flask import url_for

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.words import clock, plain
from webui.values.answers import Home
from webui.values.shapes import Answer

EVERYONE = "all"
SENTENCE_LIMIT = 300  # characters; the cookie has to stay small
STAYS = timedelta(hours=12)  # for what has no end of its own
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
}  # what was done → where its undo goes
UNDONE_BY = {"gave": "home.undo", "helped": "helper.undo"}  # where what was given is taken back
PARTS = 4  # of what the cookie keeps: what was done, to whom or under which number, its sentence, its end


@dataclass(frozen=True, slots=True)
class Notice:
    sentence: str
    undo: str = ""  # where the form goes that takes it back; empty: nothing can be taken back
    key: str = ""  # the form's one field
    value: str = ""


def did(what: str, who: str) -> None:
    """Paused or resumed ``who``."""
    cookie["done"] = [what, who, "", ""]


def gave(
    number: int | None, sentence: str, until: datetime | None, now: datetime, what: str = "gave"
) -> None:
    """``number``: by which it is taken back; None: it cannot be. ``what``: `helped` on a helper's page."""
    end = until if until is not None else now + STAYS
    cookie["done"] = [what, number or 0, sentence[:SENTENCE_LIMIT], end.isoformat()]


def said(sentence: str) -> None:
    """Nothing was done, or nothing that can be taken back."""
    cookie["done"] = ["said", "", plain(sentence, SENTENCE_LIMIT), ""]


@contextmanager
def refusals_to(tell: Callable[[str], None]) -> Iterator[None]:
    """What the daemon refuses becomes a sentence; that none answers is no refusal."""
    try:
        yield
    except Unreachable:
        raise
    except ControlError as error:
        tell(refusals.sentence(error))


def current(home: Home) -> Notice | None:
    """What was done last, while it still holds."""
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


def _paused(home: Home, who: str) -> Notice | None:
    undo = url_for("home.resume")
    if who == EVERYONE:
        if home.children and all(child.paused for child in home.children):
            return Notice(_("Every child is paused."), undo, "who", EVERYONE)
        return None
    child = home.child(who)
    if child is None or not child.paused:
        return None
    name = plain(child.name)
    if child.now.until is None:
        return Notice(_("%(name)s is paused until you resume.", name=name), undo, "who", who)
    until = clock(child.now.until, home.now)
    return Notice(_("%(name)s is paused until %(until)s.", name=name, until=until), undo, "who", who)


def edited(profile: str, done: Answer, sentence: str) -> None:
    """A child's rules; ``done``: what the daemon said of it."""
    cookie["done"] = ["edited", f"{profile} {way_back(done)}", plain(sentence, SENTENCE_LIMIT), ""]


def way_back(done: Answer) -> str:
    """What the undo of an edit sends: the revision to which it goes back, and the one that was made."""
    return f"{done.whole('undo')} {done.whole('revision')}"


def put_away(card: str, sentence: str) -> None:
    """``card``: by which its undo has it back."""
    cookie["done"] = ["card", card, plain(sentence, SENTENCE_LIMIT), ""]


def did_back(what: str, was: str, sentence: str) -> None:
    """Something with a way back of its own, one of BACK; ``was``: what it was before."""
    cookie["done"] = [what, was, plain(sentence, SENTENCE_LIMIT), ""]


def forget() -> None:
    """Something was done that tells of itself."""
    cookie.pop("done", None)


def tell_child(sentence: str) -> None:
    """For the next page of this browser, once."""
    cookie["told"] = plain(sentence, SENTENCE_LIMIT)


def told_child() -> str:
    told = cookie.pop("told", "")
    return told if isinstance(told, str) else ""
