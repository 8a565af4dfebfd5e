"""Somebody is being mean to me: first aid, in three reading levels.

Open on every device at any hour, in a pause and while the filter is stopped; nothing of it is written down,
and the daemon is asked for nothing but whose device it is, for the words.
"""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway.core.errors import ControlError
from webui.accounts.session import anyone
from webui.charts import qr
from webui.daemon import daemon, source_address
from webui.language.i18n import gettext as _
from webui.language.levels import Level, level_of
from webui.learn.book import Book, whole
from webui.values.answers import HelpLine

blueprint = Blueprint("mean", __name__)

CODES = 3  # phones with a picture to call from another device


@blueprint.get("/mean")
@anyone
def show() -> ResponseReturnValue:
    """`level`: in other words than the device's child reads."""
    wanted = request.args.get("level", "")
    level = Level(wanted) if wanted in {*Level} else _level()
    help_lines, reports = daemon().help_lines(), whole(Book.REPORT)
    mean = whole(Book.MEAN)
    return render_template(
        "mean.html",
        level=level.value,
        read=mean,
        told=mean[level.value],
        reports=reports,
        help_lines=help_lines,
        codes=_codes(help_lines),
    )


def _level() -> Level:
    """Of the child whose device it is; of a device that is nobody's, the one in between."""
    with suppress(ControlError):  # the filter does not run
        child = daemon().home().child(daemon().here(source_address()).profile)
        if child is not None:
            return level_of(child.band)
    return Level.MIDDLE


def _codes(lines: tuple[HelpLine, ...]) -> list[tuple[HelpLine, str]]:
    """For a phone of somebody else's: the camera dials."""
    with_phone = [one for one in lines if one.phone][:CODES]
    return [
        (one, qr.svg(f"tel:{one.phone.replace(' ', '')}", _("QR code of %(address)s", address=one.phone)))
        for one in with_phone
    ]
