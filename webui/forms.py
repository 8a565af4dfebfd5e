"""What comes in a form: checked here, before anything is asked of the daemon."""

from __future__ import annotations

from collections.abc import Container
from datetime import date, timedelta

from flask import abort, request, url_for

from webui.language.words import plain
from webui.values.ledger import DAYS

REASON_LIMIT = 200  # characters
NUMBER_LIMIT = 1 << 53


def whole(key: str, least: int, most: int) -> int:
    """A number in a range; anything else is no answer of a form of ours."""
    return _whole(request.form.get(key, ""), least, most)


def _whole(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16) or not least <= int(text) <= most:
        abort(400)
    return int(text)


def revisions(key: str) -> dict[str, int]:
    """Of the undo of an edit (``notices.way_back``), as the daemon takes them."""
    back, _space, made = request.form.get(key, "").partition(" ")
    return {"revision": _whole(back, 0, NUMBER_LIMIT), "found": _whole(made, 0, NUMBER_LIMIT)}


def one_of(key: str, allowed: Container[str]) -> str:
    text = request.form.get(key, "")
    if text not in allowed:
        abort(400)
    return text


def reason(key: str) -> str:
    """One line of somebody's own words; longer ones end in a dot of three."""
    return plain(" ".join(request.form.get(key, "").split()), REASON_LIMIT).strip()


def back(here: str) -> str:
    """Where a form leads: ``here``, or to Activity where it stood there."""
    return url_for("activity.show") if request.form.get("back") == "activity" else here


def day(today: date, most: int = DAYS) -> date:
    """Which day the address or the form is about: today, or one of the ``most`` before."""
    text = request.values.get("day", "")
    if not text:
        return today
    try:
        asked = date.fromisoformat(text[:10])
    except ValueError:
        abort(404)
    if not today - timedelta(days=most) <= asked <= today:
        abort(404)
    return asked
