"""Pages with the first steps for parents, and a leaflet to print."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webui.accounts.session import guardian, guardians_only
from webui.charts import qr
from webui.daemon import daemon
from webui.language.i18n import gettext as _
from webui.learn.book import TextBook, whole
from webui.settings import OWN_NAME

blueprint = Blueprint("guide", __name__, url_prefix="/parent/guide")

SCREENS = ("talk", "helps", "cannot", "start", "later")
LEAFLET = "leaflet"
ADDRESS = f"http://{OWN_NAME}/"


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    """Show the first steps for parents: five screens on a phone, one page on a desktop."""
    read = whole(TextBook.GUIDE)
    return render_template(
        "guide.html",
        home=daemon().home(),
        guardian=guardian(),
        read=read,
        screens=[(key, read[key]) for key in SCREENS],
    )


@blueprint.get("/leaflet")
@guardians_only
def leaflet() -> ResponseReturnValue:
    """Show a leaflet for parents to print, in the language of the page.

    It has the address of the pages and the help lines with a telephone number.
    """
    read = whole(TextBook.GUIDE)
    return render_template(
        "leaflet.html",
        home=daemon().home(),
        guardian=guardian(),
        read=read,
        texts=read[LEAFLET],
        address=ADDRESS,
        code=qr.svg(ADDRESS, _("QR code of %(address)s", address=ADDRESS)),
        help_lines=[line for line in daemon().help_lines() if line.phone],
    )
