"""The family card to print: the address at which each device shows why something was blocked."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webui.accounts.session import guardian, guardians_only
from webui.charts import qr
from webui.daemon import daemon
from webui.language.i18n import gettext as _
from webui.settings import OWN_NAME

blueprint = Blueprint("family_card", __name__)

ADDRESS = f"http://{OWN_NAME}/why"


@blueprint.get("/parent/card")
@guardians_only
def show() -> ResponseReturnValue:
    return render_template(
        "family_card.html",
        home=daemon().home(),
        guardian=guardian(),
        address=ADDRESS,
        code=qr.svg(ADDRESS, _("QR code of %(address)s", address=ADDRESS)),
        help_lines=daemon().help_lines(),
    )
