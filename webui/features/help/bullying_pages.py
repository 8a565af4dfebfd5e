"""First aid for a child who is bullied, in three reading levels.

The page opens on every device at any time, also in a pause and while the filter is stopped. Visits are not
recorded. The daemon is asked for the device's owner, to choose the reading level, and for the help lines.
"""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway.control.contract.rules import HelpLineEntry
from gateway.core.errors import ControlError
from webui.accounts.session import anyone
from webui.charts import qr
from webui.daemon import daemon, source_address
from webui.language.i18n import gettext as _
from webui.language.levels import ReadingLevel, level_of
from webui.learn.book import TextBook, whole

blueprint = Blueprint("mean", __name__)

CODES = 3  # phones with a QR code to call from another device


@blueprint.get("/mean")
@anyone
def show() -> ResponseReturnValue:
    """Show first aid for a child who is bullied.

    Query `level`: another reading level than that of the child.
    """
    wanted = request.args.get("level", "")
    level = ReadingLevel(wanted) if wanted in {*ReadingLevel} else _level()
    help_lines, reports = daemon().help_lines(), whole(TextBook.REPORT)
    mean = whole(TextBook.MEAN)
    return render_template(
        "mean.html",
        level=level.value,
        read=mean,
        texts=mean[level.value],
        reports=reports,
        help_lines=help_lines,
        codes=_codes(help_lines),
    )


def _level() -> ReadingLevel:
    """Return the reading level of the device's child.

    The middle one for a device without a child, or if the daemon does not respond.
    """
    with suppress(ControlError):  # the filter is not running
        child = daemon().home().child(daemon().here(source_address()).profile)
        if child is not None:
            return level_of(child.band)
    return ReadingLevel.MIDDLE


def _codes(lines: tuple[HelpLineEntry, ...]) -> list[tuple[HelpLineEntry, str]]:
    """Return the first CODES help lines with a phone number, each with a QR code to call it from a phone."""
    with_phone = [line for line in lines if line.phone][:CODES]
    return [
        (line, qr.svg(f"tel:{line.phone.replace(' ', '')}", _("QR code of %(address)s", address=line.phone)))
        for line in with_phone
    ]
