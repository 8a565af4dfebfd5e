"""The page that previews a decision: what a child would get for a site, on a day, at a time."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from webui.accounts.session import guardians_only
from webui.language import refusals
from webui.rules import typed
from webui.rules.editing import FormProblem, FormResult, moment, opened, previewed, render

blueprint = Blueprint("preview", __name__, url_prefix="/parent/child/<profile>/preview")


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    page, outcome = opened(profile), FormResult()
    if request.args.get("host", "").strip():
        try:
            host = typed.site(request.args["host"])
            outcome = FormResult(tried=previewed(page.child, host, moment(page.home), {}))
        except typed.UnknownTargetError as error:
            outcome = FormResult(FormProblem(str(error), "host"))
        except Unreachable:
            raise
        except ControlError as error:
            outcome = FormResult(FormProblem(refusals.sentence(error)))
    return render("child_preview.html", page, outcome), 422 if outcome.problem else 200
