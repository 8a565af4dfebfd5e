"""Pages that explain a category, a setting, an age group or a reason: one at a time, or all on one page.

The texts are read on demand (webui/learn). The pages are open to every device.
"""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from gateway.core.errors import ControlError
from webui.accounts.session import anyone
from webui.daemon import daemon
from webui.language import things
from webui.language.i18n import gettext as _
from webui.learn.book import ALIAS, BookEntry, TextBook, entry, whole

blueprint = Blueprint("learn", __name__, url_prefix="/learn")

BAND, CATEGORY = "band:", "category:"
CRISIS = frozenset({"category:selfharm_promotion", "reason:refused_for_everyone"})


@blueprint.get("/")
@anyone
def show() -> ResponseReturnValue:
    book = whole(TextBook.LEARN)
    titles = {
        key: title(key, explanation)
        for key, explanation in book.entries.items()
        if not explanation.one(ALIAS) or key.startswith(CATEGORY)
    }
    parts = [
        (_("Age groups"), BAND),
        (_("Settings"), "setting:"),
        (_("Categories"), CATEGORY),
        (_("Reasons"), "reason:"),
    ]
    groups = [
        (name, [(key, text) for key, text in titles.items() if key.startswith(start)])
        for name, start in parts
    ]
    return render_template("learn.html", groups=groups, help_lines=daemon().help_lines())


@blueprint.get("/<key>")
@anyone
def one(key: str) -> ResponseReturnValue:
    found = entry(TextBook.LEARN, key)
    if found is None:
        abort(404)
    explanation = found[key]
    return render_template(
        "learn_one.html",
        read=found,
        texts=explanation,
        title=title(key, explanation),
        crisis=not CRISIS.isdisjoint((key, explanation.key)),
        ages=_ages(key),
        help_lines=daemon().help_lines(),
    )


def title(key: str, explanation: BookEntry) -> str:
    """Return the title of an explanation by its key, such as ``category:games`` or ``band:adult``.

    ``explanation``: its text; for an alias, the text of the other key.
    """
    if key.startswith(CATEGORY):
        return things.categories().get(key.removeprefix(CATEGORY)) or explanation.one("name")
    if key == "band:adult":
        return _("Adults")
    if key.startswith(BAND):
        return _("The %(band)s rules", band=key.removeprefix(BAND))
    return explanation.one("name")


def _ages(key: str) -> list[tuple[str, str]]:
    """Return the age groups, each with its action for a category in words; empty for other keys.

    ``key``: ``category:ID``. Also empty for an unknown category, and if the daemon cannot be asked.
    """
    kind = key.removeprefix(CATEGORY)
    if kind == key:
        return []
    actions = {
        "block": _("Block"),
        "ask": _("Needs approval"),
        "count": _("Uses daily time"),
        "allow": _("Open"),
    }
    with suppress(ControlError):
        names = daemon().catalogue()
        if kind in names.kinds:
            categories = {band: rules.get("categories") or {} for band, rules in names.bands.items()}
            return [(band, actions.get(said.get(kind, "allow"), "")) for band, said in categories.items()]
    return []
