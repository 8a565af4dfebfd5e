"""Validates form values before a request to the daemon."""

from __future__ import annotations

from collections.abc import Container
from datetime import date, timedelta

from flask import abort, request, url_for

from gateway.control.contract.time import LEDGER_DAYS
from webui.language.words import plain

REASON_LIMIT = 200  # characters
NUMBER_LIMIT = 1 << 53
FIELD_LIMIT = 100  # characters of a page's name, a profile's id or a day


def whole(key: str, least: int, most: int) -> int:
    """Return a form field as an integer from ``least`` to ``most``.

    Any other value makes the response 400.
    """
    return _whole(request.form.get(key, ""), least, most)


def _whole(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16) or not least <= int(text) <= most:
        abort(400)
    return int(text)


def revisions(key: str) -> dict[str, int]:
    """Return the undo field of a form as two arguments for the daemon: ``revision`` and ``found``.

    These are the revision to restore, and the one that must be the current one (``webui/notices.py``). Other
    values make the response 400.
    """
    back, _space, made = request.form.get(key, "").partition(" ")
    return {"revision": _whole(back, 0, NUMBER_LIMIT), "found": _whole(made, 0, NUMBER_LIMIT)}


def one_of(key: str, allowed: Container[str]) -> str:
    text = request.form.get(key, "")
    if text not in allowed:
        abort(400)
    return text


def reason(key: str) -> str:
    """Return a form field of free text as one line, cut at 200 characters with an ellipsis."""
    return plain(" ".join(request.form.get(key, "").split()), REASON_LIMIT).strip()


BACK_PAGES = {
    "activity": "activity.show",
    "home": "home.show",
    "lists": "lists.show",
    "own_services": "own_services.show",
}  # value of a form's ``back`` → endpoint of the page


def back(here: str) -> str:
    """Return the address to redirect to after a form: of the page that its ``back`` names, else ``here``."""
    endpoint = BACK_PAGES.get(request.form.get("back", ""))
    return here if endpoint is None else url_for(endpoint)


BACK_FIELDS = ("back", "child", "day")


def back_to(here: str) -> str:
    """Return the address to redirect to after an answer to a request: the form's page, else ``here``.

    The form's field ``back`` names the page: ``home``; or ``rules``, ``day`` or ``week`` of the child in
    ``child``. The last two, pages of activity, also have a ``day``.
    """
    page, child, day = (request.form.get(key, "")[:FIELD_LIMIT] for key in BACK_FIELDS)
    if page == "home":
        return url_for("home.show")
    if page == "rules" and child:
        return url_for("rules.show", profile=child)
    if page in ("day", "week") and child:
        return url_for(f"activity.{page}", profile=child, day=day or None)
    return here


def day(today: date, most: int = LEDGER_DAYS) -> date:
    """Return the date in the address or the form: today if there is none.

    Other text, or a date other than today or the ``most`` days before it, makes the response 404.
    """
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
