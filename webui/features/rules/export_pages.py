"""Pages that share a child's rules with another home, as a file and as a QR code."""

from __future__ import annotations

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue

from webui.accounts.session import guardians_only
from webui.charts import qr
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules import carried
from webui.rules.editing import opened, render
from webui.settings import OWN_NAME

blueprint = Blueprint("carry", __name__, url_prefix="/parent/child/<profile>/carry")


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    export = carried.of_child(page.book)
    text = carried.to_code(export)
    address = f"http://{OWN_NAME}{url_for('importing.show')}?r={text}"
    label = _("QR code of the rules of %(name)s", name=plain(page.child.name))
    code = qr.svg(address, label) if len(address) <= qr.MAX_BYTES else None
    return render(
        "child_carry.html", page, text=text, address=address, code=code, goes=carried.is_shareable(export)
    )


@blueprint.get("/file")
@guardians_only
def file(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    return Response(
        carried.to_file(carried.of_child(page.book)),
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{page.child.id}.qalqan.json"'},
    )
