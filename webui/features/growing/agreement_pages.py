"""Pages of the agreement on a child's rules.

The child agrees on its own device with its PIN, a guardian on the child's rules page.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.growing import AGREEMENT
from webui import notices
from webui.accounts.session import anyone, guardian, guardians_only
from webui.child_lookup import child_of
from webui.daemon import daemon, source_address
from webui.features.growing.agreement_text import AgreementView
from webui.features.sharing.sharing_pages import REFUSED, refused, typed_pin
from webui.features.status.home_text import ChildView, Here, HomeView
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.words import plain, who

blueprint = Blueprint("agreement", __name__)

AGREE, END = "agree", "end"


@blueprint.get("/my/agreement")
@anyone
def mine() -> ResponseReturnValue:
    return _mine(*_own())


@blueprint.post("/my/agreement")
@anyone
def say() -> ResponseReturnValue:
    """Record or withdraw the child's agreement to its rules, after a check of its PIN.

    A wrong PIN shows the page with a message.
    """
    here, home, child, agreement = _own()
    action = one_of("do", (AGREE, END))
    problem = refused(
        lambda: daemon().client.ask(
            AGREEMENT, action=action, device=here.mac, pin=typed_pin("pin"), origin=source_address()
        )
    )
    if problem:
        return _mine(here, home, child, agreement, problem), REFUSED
    notices.notify_child(
        _("Taken back.") if action == END else _("You have agreed to the rules as they are now.")
    )
    return redirect(url_for("agreement.mine"), 303)


@blueprint.post("/parent/child/<profile>/agreement")
@guardians_only
def answer(profile: str) -> ResponseReturnValue:
    """Record or withdraw a guardian's agreement to a child's rules. The rules page shows the result."""
    child = child_of(daemon().home(), profile)
    action = one_of("do", (AGREE, END))
    with notices.refusals_to(notices.said):
        daemon().change(AGREEMENT, action=action, id=child.id, by=guardian() or "", origin=source_address())
        name = plain(child.name)
        notices.said(
            _("The agreement with %(name)s is taken back.", name=name)
            if action == END
            else _("You have agreed to the rules of %(name)s as they are now.", name=name)
        )
    return redirect(url_for("rules.show", profile=child.id), 303)


def _own() -> tuple[Here, HomeView, ChildView, AgreementView]:
    here, home = daemon().here(source_address()), daemon().home()
    child = home.child(here.profile)
    agreement = None if child is None else daemon().rules(child.id).agreement
    if child is None or agreement is None:
        abort(404)
    return here, home, child, agreement


def _mine(here: Here, home: HomeView, child: ChildView, agreement: AgreementView, problem: str = "") -> str:
    return render_template(
        "my_agreement.html",
        here=here,
        home=home,
        child=child,
        agreement=agreement,
        message="" if problem else notices.child_notice(),
        problem=problem,
        who=who,
    )
