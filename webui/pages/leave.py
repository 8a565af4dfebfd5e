"""Where the quick exit leads: a calendar of this month, which says nothing of where somebody was.

It is a page of the gateway, since at bedtime and in a pause nothing else opens. It asks the daemon nothing,
and nobody writes down that it was opened.
"""

from __future__ import annotations

from calendar import Calendar
from datetime import date

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webui.accounts.session import anyone
from webui.language.words import month, short_weekdays

blueprint = Blueprint("leave", __name__)


@blueprint.get("/calendar")
@anyone
def show() -> ResponseReturnValue:
    today = date.today()
    weeks = Calendar().monthdayscalendar(today.year, today.month)
    return render_template(
        "calendar.html", today=today, weeks=weeks, weekdays=short_weekdays(), title=month(today)
    )
