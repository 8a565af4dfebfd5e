"""Pages about all devices: the list by owner, answers to questions about devices, a scan of the network."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.devices import (
    DEVICES,
    IDENTIFY,
    QUESTIONS,
    QUESTIONS_MOST,
    SCAN,
    OpenQuestion,
)
from webui import notices
from webui.accounts.session import author, guardian, guardians_only
from webui.daemon import daemon
from webui.features.devices.device_pages import assigned
from webui.features.devices.device_text import (
    GROUP_SHOWN,
    PLACES,
    QUESTIONS_SHOWN,
    DevicesView,
    describe_place,
)
from webui.features.devices.device_use_pages import mark_as_answered
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("devices", __name__, url_prefix="/parent/devices")


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return render_template("devices.html", **_all())


@blueprint.get("/now")
@guardians_only
def now() -> ResponseReturnValue:
    """Return the list of devices as an HTML fragment, for the script that updates the page."""
    return render_template("devices_now.html", **_all())


@blueprint.post("/scan")
@guardians_only
def scan() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        daemon().client.ask(SCAN, by=guardian() or "")
        notices.said(
            _("The gateway is looking for devices. Those that answer are in this list within ten seconds.")
        )
    return redirect(url_for("devices.show"), 303)


@blueprint.post("/")
@guardians_only
def answer() -> ResponseReturnValue:
    """Send the guardian's answer to a question about a device, and redirect to the page of the form.

    Form fields: ``mac``, and ``profile`` (a child as its owner) or ``answer``. Responds with 400 if
    the question does not offer it. If it was answered already, the page that is opened next says
    so.
    """
    back = url_for("devices.show" if request.form.get("from") else "home.show")
    mac, waiting = request.form.get("mac", ""), daemon().client.ask(QUESTIONS, limit=QUESTIONS_MOST).questions
    question = next((question for question in waiting if question.mac == mac), None)
    if question is None:
        notices.said(_("Another parent has answered this already."))
        return redirect(back, 303)
    values, sentence = _chosen(question)
    devices = DevicesView(daemon().client.ask(DEVICES, brief=True))
    with notices.refusals_to(notices.said):
        daemon().change(IDENTIFY, mac=question.mac, **author(), **values)
        if "profile" in values:
            mark_as_answered(question.mac)
        moved = "profile" in values or values["answer"] in PLACES
        assigned(question.mac, devices.place_of(question.mac) if moved else "", sentence, devices)
    return redirect(back, 303)


def _all() -> dict[str, object]:
    home = daemon().home()
    return {
        "home": home,
        "devices": DevicesView(daemon().client.ask(DEVICES, brief=True)),
        "questions": daemon().client.ask(QUESTIONS, limit=QUESTIONS_SHOWN) if home.status.questions else None,
        "guardian": guardian(),
        "notice": notices.current(home),
        "places": PLACES,
        "most": GROUP_SHOWN,
    }


def _chosen(question: OpenQuestion) -> tuple[dict[str, str], str]:
    name = plain(question.name or question.mac)
    profile = request.form.get("profile", "")
    if profile:
        child = daemon().home().child(profile)
        if child is None or not question.people:
            abort(400)
        return {"profile": profile}, _("%(device)s is %(name)s's now.", device=name, name=plain(child.name))
    said = request.form.get("answer", "")
    if said not in question.replies:
        abort(400)
    return {"answer": said}, _answer_sentence(said, question, name)


def _answer_sentence(said: str, question: OpenQuestion, name: str) -> str:
    owner = plain(question.owner_name)
    if said in ("again", "also"):
        return _("%(device)s is %(name)s's now.", device=name, name=owner)
    if said == "not_same" and question.ask == "copy":
        return _("The stricter rules stay until you end them.")
    sentences = {
        "not_same": _("%(device)s is a new device.", device=name),
        "me": _("The change is trusted from now on."),
        "fine": _("%(device)s stays as it is.", device=name),
    }
    return sentences.get(said) or describe_place(name, said, None)
