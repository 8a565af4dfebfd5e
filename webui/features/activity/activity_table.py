"""Exports a child's activity as a CSV table.

Names in it are untrusted input, and a spreadsheet evaluates formulas.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from webui.features.activity.activity_text import HistoryView, SiteView
from webui.features.activity.target_names import title
from webui.language.i18n import gettext as _
from webui.language.words import plain

BOM = "\ufeff"  # tells Excel that the file is UTF-8
STARTS = ("=", "+", "-", "@", "\t", "\r")  # first characters of a formula
CELL_LIMIT = 300  # characters

Cells = tuple[str, ...]


def rows(view: HistoryView) -> Iterator[Cells]:
    """Yield the rows of the table as texts: a header, minutes by day, categories, blocked and visited sites.

    The rows of categories have numbers of blocks, and of attempts in the background.
    """
    yield _("Day"), _("What"), _("Name"), _("Minutes"), _("Times"), _("Last"), _("Why")
    history = view.history
    for day in history.days:
        date = day.day.isoformat()
        yield date, _("all"), "", str(day.minutes), str(day.refused), "", ""
        for use in day.uses:
            why = _("uses daily time") if use.play else ""
            yield date, _("used"), title(use.target, use.name), str(use.minutes), "", "", why
    span = f"{history.from_.isoformat()} – {history.to.isoformat()}"
    for kind in history.kinds:
        counted = ((_("blocked"), kind.refused), (_("in the background"), kind.background))
        for what, times in counted:
            if times:
                yield span, what, title(kind.target, kind.name), "", str(times), "", ""
    for what, sites in ((_("blocked"), view.refused), (_("visited"), view.visited)):
        yield from (_site(what, span, site) for site in sites)


def _site(what: str, span: str, view: SiteView) -> Cells:
    site = view.site
    name = title(site.target, site.name)
    if view.group == "background":
        what = _("in the background")
    return span, what, name, "", str(view.attempts), _moment(site.last), view.sentence


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M")


def table(found: Iterable[Cells]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(tuple(map(cell, row)) for row in found)
    return BOM + text.getvalue()


def cell(text: str) -> str:
    """Return text for a CSV cell, without control characters and at most CELL_LIMIT long.

    A text that begins like a formula gets an apostrophe, so that a spreadsheet does not evaluate
    it.
    """
    bare = plain(text, CELL_LIMIT)
    return f"'{bare}" if text.startswith(STARTS) or bare.lstrip().startswith(STARTS) else bare
