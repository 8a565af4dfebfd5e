"""The target of the quick exit, a link to leave a page: a calendar of this month, which does not reveal it.

It is a page of the gateway, because during bedtime and a pause no other site opens. It makes no
request to the daemon, and the visit is not recorded.
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
