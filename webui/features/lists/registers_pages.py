"""Turns states' registers of blocked sites on or off, on the page *Settings*.

Off applies immediately; on first downloads the register.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.lists import REGISTER, REGISTERS
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.lists.registers_text import RegisterView
from webui.forms import one_of
from webui.language.i18n import gettext as _

blueprint = Blueprint("registers", __name__, url_prefix="/parent/settings/registers")


@blueprint.post("/")
@guardians_only
def switch() -> ResponseReturnValue:
    on = one_of("on", {"yes", "no"})
    registers = {register.state.country: register for register in all_registers()}
    register = registers.get(request.form.get("country", ""))
    if register is None:
        abort(404)
    if register.state.on is (on == "yes"):  # sent twice: keep the notice of the first, with its undo
        return redirect(url_for("family.show", _anchor="registers"), 303)
    with notices.refusals_to(notices.said):
        done = daemon().change(
            REGISTER, country=register.state.country, on=on, by=guardian() or "", origin=source_address()
        )
        name = register.name
        sentence = (
            _("%(register)s is on for everyone in the home once its names are fetched.", register=name)
            if on == "yes"
            else _("%(register)s is off. The other rules now decide on its sites.", register=name)
        )
        notices.edited_home(done, sentence)
    return redirect(url_for("family.show", _anchor="registers"), 303)


def all_registers() -> tuple[RegisterView, ...]:
    """Return the states' registers of blocked sites that `qalqan.yaml` names, on or off."""
    return tuple(RegisterView(register) for register in daemon().client.ask(REGISTERS).registers)
