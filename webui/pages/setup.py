"""The pages of the first run: language and Wi-Fi, the family, each device's owner, a password, the result.

Each step applies when it is sent, so leaving early loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.devices import ASSIGN, DEVICES, ListedDevice
from gateway.control.contract.lists import LIST_ADD
from gateway.control.contract.notifications import ALERTS
from gateway.control.contract.rules import (
    ADD_PROFILE,
    EDIT,
    EDIT_FAMILY,
    FAMILY,
    REMOVE_PROFILE,
    RESTORE_PROFILE,
)
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.profile.rule_keys import RuleSection
from webui import notices
from webui.accounts import passkeys
from webui.accounts.session import author, guardian, guardians_only, signed_in
from webui.daemon import daemon, source_address
from webui.features.devices.device_text import (
    CHILDREN,
    HOME,
    PLACES,
    DevicesView,
    called,
    describe_place,
    is_new,
)
from webui.features.devices.device_use_pages import end_sharing, mark_as_answered, share_between
from webui.features.filter_tests.filter_tests_pages import on_the_device, tests_of
from webui.features.lists.lists_text import INTERVALS, category_name
from webui.features.status.home_text import HomeView
from webui.first_run import (
    NEW_DEVICE_CHOICES,
    STEPS,
    ExistingPerson,
    PersonRow,
    changed,
    checked,
    chosen,
    known_people,
    placed,
    read_rows,
    rows_of,
    sharers,
    who_is,
)
from webui.forms import back, one_of
from webui.language import clues, refusals, words
from webui.language.i18n import gettext as _
from webui.language.i18n import language, languages, menu
from webui.language.words import plain
from webui.messages.recipients import recipients_of
from webui.pages.language import remember
from webui.proposed import proposal, proposed_lists
from webui.rules.catalogue import CatalogueIndex
from webui.rules.overview import OverviewSection, overview
from webui.rules.steps import latest

blueprint = Blueprint("setup", __name__, url_prefix="/parent/setup")

SHOWN = 60  # devices of one page; the devices page has all of them
WAS_LIMIT = 600  # characters of an undo's data
ONE_AT_A_TIME = "qalqan-setup"  # prevents two runs of a form that is sent twice


@blueprint.record_once
def _make_lock(state: object) -> None:
    state.app.extensions[ONE_AT_A_TIME] = Lock()  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------- language, Wi-Fi


@blueprint.get("/")
@guardians_only
def start() -> ResponseReturnValue:
    devices = _devices()
    mac = daemon().here(source_address()).mac  # None outside of the home's networks
    here = next((device for device in devices.state.devices if mac and device.mac == mac), None)
    return _render(
        "setup_start.html",
        "start",
        devices=devices,
        here=here,
        behind=[device for device in devices.state.devices if device.online or device is here][:SHOWN],
        tongues=menu(),
        spoken=language(),
    )


@blueprint.post("/")
@guardians_only
def speak() -> ResponseReturnValue:
    """Set the language of the family and of this browser, and redirect to the next step, the people."""
    code = one_of("language", languages().catalogues)
    with notices.refusals_to(notices.said):
        _change(EDIT_FAMILY, set={"language": code})
    answer = redirect(url_for("setup.people"), 303)
    remember(answer, code)
    return answer


# ---------------------------------------------------------------------------------------- the family


@blueprint.get("/people")
@guardians_only
def people() -> ResponseReturnValue:
    return _people(rows_of(_known(_devices()), guardian() or "", proposal().bands))


@blueprint.post("/people")
@guardians_only
def save_people() -> ResponseReturnValue:
    """Create or change the people in the form, and redirect to the step with the devices.

    Also set how often lists are updated. A person who exists already is changed, not created again, also if
    the form was sent twice. Respond with 422 and messages if a row is invalid or the daemon refuses one; rows
    before a refused one are saved. Raises ControlError if the daemon does not respond or needs the password.
    """
    names = daemon().catalogue()
    problems = {
        "name": _("Write a name, or remove this person."),
        "band": _("Choose the age."),
        "twice": _("This name appears twice."),
    }
    home = daemon().home()
    kept = {child.status.next_step or "" for child in home.children}
    rows = checked(read_rows(request.form, names.bands), problems, home.day, kept)
    if any(row.problem for row in rows):
        return _people(rows), 422
    with current_app.extensions[ONE_AT_A_TIME]:
        try:
            _set_list_updates(request.form.get("lists", ""))  # first: a child's profile starts an update
            for row in rows:
                _save(row)
        except Unreachable:
            raise
        except ControlError as error:
            if error.code == Code.PROOF_NEEDED:
                raise
            return _people(rows, refusals.sentence(error)), 422
    return redirect(url_for("setup.devices"), 303)


def _set_list_updates(chosen: str) -> None:
    """Set how often lists are updated, if ``chosen`` is an interval and not the current one.

    Raises: ControlError.
    """
    if chosen in INTERVALS and chosen != daemon().client.ask(FAMILY).lists.update:
        _change(EDIT_FAMILY, set={"lists/update": chosen})


def _save(row: PersonRow) -> None:
    """Create the person of a form's row, or change the existing one.

    Do nothing if the person was removed in the meantime. Raises ControlError.
    """
    who = who_is(row, _known(_devices()))
    if who is None and row.shown is not None:
        return
    if who is None:
        rules = {"set": {"next_step": row.step}} if row.step else {}
        _change(ADD_PROFILE, name=row.name, band=row.band, **rules)
        return
    changes = changed(row, who)
    if changes:
        _change(EDIT, id=who.id, set=changes)


@blueprint.post("/people/remove")
@guardians_only
def remove() -> ResponseReturnValue:
    who = next((person for person in _known(_devices()) if person.id == request.form.get("who")), None)
    if who is None:  # sent twice: keep the notice of the first, with its undo
        return redirect(url_for("setup.people"), 303)
    with notices.refusals_to(notices.said):
        removed = _change(REMOVE_PROFILE, id=who.id)
        sentence = _("%(name)s is removed.", name=plain(who.name))
        notices.did_back("removed", removed.undo, sentence)
    return redirect(url_for("setup.people"), 303)


@blueprint.post("/people/restore")
@guardians_only
def restore() -> ResponseReturnValue:
    token = request.form.get("was", "")
    if not (token.isascii() and token.isdigit() and len(token) <= 9):
        abort(400)
    with notices.refusals_to(notices.said):
        _change(RESTORE_PROFILE, token=token)
        notices.said(_("The change is undone."))
    return redirect(back(url_for("setup.people")), 303)


def _people(rows: tuple[PersonRow, ...], sentence: str = "") -> str:
    return _render(
        "setup_people.html",
        "people",
        rows=rows,
        sentence=sentence,
        bands=tuple(daemon().catalogue().bands),
        latest=latest(daemon().home().day),
        proposed=any(not row.name and row.band for row in rows),
        **_list_updates(),
    )


def _list_updates() -> dict[str, object]:
    """Return the choice of how often lists are updated, for the form: as sent, else the current setting.

    ``interval``: the choice. ``on``: the interval to use when updates are turned on. ``fixed``: the router's
    own settings (UCI) decide, so the form has no choice.
    """
    family = daemon().client.ask(FAMILY)
    current, sent = family.lists.update, request.form.get("lists", "")
    return {
        "interval": sent if sent in INTERVALS else current,
        "on": current if current != "off" else "daily",
        "fixed": any(entry.option == "main.lists_update" for entry in family.router),
    }


def _known(devices: DevicesView) -> tuple[ExistingPerson, ...]:
    return known_people(devices.state.people, daemon().home().children)


# ---------------------------------------------------------------------------------------- devices


@blueprint.get("/devices")
@guardians_only
def devices() -> ResponseReturnValue:
    found = _devices()
    known, here = _known(found), daemon().here(source_address()).mac
    shown = sorted(found.state.devices, key=lambda device: (device.mac != here, not device.online))[:SHOWN]
    return _render(
        "setup_devices.html",
        "devices",
        devices=found,
        shown=[(device, chosen(device, here, known, guardian() or "")) for device in shown],
        here=here,
        people=known,
        sharers=sharers(known),
        unknown=daemon().client.ask(FAMILY).unknown_devices,
        clues=clues,
    )


@blueprint.post("/devices")
@guardians_only
def save_devices() -> ResponseReturnValue:
    """Save the owners of devices and how new devices are treated, and redirect to the next step.

    If the daemon refuses something, redirect to this step with the first message; the other rows are saved.
    An unchanged row is skipped, so a form that is sent twice has no second effect.
    """
    found = _devices()
    allowed, sharing = _owners(found), sharers(_known(found))
    moved: list[tuple[str, str]] = []
    errors: list[str] = []
    with current_app.extensions[ONE_AT_A_TIME]:
        for device in found.state.devices:
            wanted = request.form.get(f"of-{device.mac}", "")
            is_change = wanted != device.profile or is_new(device) or device.undecided
            if wanted in allowed and not device.shared and is_change:
                with notices.refusals_to(errors.append):
                    moved.append((device.mac, _give(device, wanted, sharing)))
        with notices.refusals_to(errors.append):
            _set_new_devices(request.form.get("unknown", ""))
    if errors:
        notices.said(errors[0])
        return redirect(url_for("setup.devices"), 303)
    if moved:
        was = placed(moved, WAS_LIMIT)
        sentence = _("Devices assigned.")
        notices.did_back("placed", was, sentence) if was else notices.said(sentence)
    return redirect(url_for("setup.password" if _lacks_password() else "setup.summary"), 303)


def _owners(found: DevicesView) -> set[str]:
    """Return the possible owners of a device: people's ids, CHILDREN for all children, groups like guests.

    CHILDREN is left out if they cannot share a device.
    """
    shared = {CHILDREN} if sharers(_known(found)) else set()
    return {*PLACES, *shared, *(person.id for person in found.state.people)}


def _give(device: ListedDevice, owner: str, sharing: Sequence[ExistingPerson]) -> str:
    """Set the owner of a device, or share it between ``sharing`` if ``owner`` is CHILDREN.

    If the form says so, also store that a person's device has no mobile data. Return the previous owner.
    Raises ControlError.
    """
    was = device.profile
    if owner == CHILDREN:
        share_between(device, [person.id for person in sharing])
    else:
        was = _assign(device.mac, owner)
    if owner not in PLACES:
        mark_as_answered(device.mac)
    return was


@blueprint.post("/device")
@guardians_only
def give() -> ResponseReturnValue:
    """Set who uses one device, from the form on its card on the parents' home page, and redirect there.

    The card is about devices that were here at the first run. Form fields: ``mac``, and ``of`` (the owner; an
    unknown one makes the response 400).
    """
    found = _devices()
    wanted = one_of("of", _owners(found))
    device = next((device for device in found.state.devices if device.mac == request.form.get("mac")), None)
    if device is None or device.shared:
        notices.said(_("Another parent has answered this already."))
        return redirect(url_for("home.show"), 303)
    with notices.refusals_to(notices.said):
        sharing = sharers(_known(found))
        was, name = _give(device, wanted, sharing), plain(called(device))
        sentence = describe_place(name, wanted, found.person(wanted))
        if wanted == CHILDREN:
            names = words.listed([plain(person.name) for person in sharing])
            sentence = _("%(device)s is shared by %(people)s now.", device=name, people=names)
        undo = placed([(device.mac, was)], WAS_LIMIT)
        notices.did_back("placed", undo, sentence) if undo else notices.said(sentence)
    return redirect(url_for("home.show"), 303)


def _set_new_devices(wanted: str) -> None:
    """Set how devices without an owner are treated, if ``wanted`` is a choice and not the current one.

    Raises: ControlError.
    """
    if wanted in NEW_DEVICE_CHOICES and wanted != daemon().client.ask(FAMILY).unknown_devices:
        _change(EDIT_FAMILY, set={"unknown_devices": wanted})


@blueprint.post("/devices/back")
@guardians_only
def devices_back() -> ResponseReturnValue:
    parts = request.form.get("was", "")[:WAS_LIMIT].split()
    if not parts or len(parts) % 2:
        abort(400)
    with notices.refusals_to(notices.said):
        shared = {device.mac for device in _devices().state.devices if device.shared}
        pairs = tuple(zip(parts[::2], parts[1::2], strict=True))
        for mac, _was in pairs:
            if mac in shared:
                end_sharing(mac)
        now = {device.mac: device.profile for device in _devices().state.devices}
        for mac, was in pairs:
            if mac not in shared or now.get(mac) != was:
                _assign(mac, was)
        notices.said(_("Each device belongs to the same person as before."))
    return redirect(back(url_for("setup.devices")), 303)


# ------------------------------------------------------------------------------------------------ password


@blueprint.get("/password")
@guardians_only
def password() -> ResponseReturnValue:
    """Show the step with the form for a password.

    Redirect to the next one if the user can sign in already.
    """
    if not _lacks_password():
        return redirect(url_for("setup.summary"), 303)
    return password_form()


def password_form(sentence: str = "") -> str:
    """Return the page of the step with the form for a password.

    ``sentence``: why the typed password was refused.
    """
    return _render(
        "setup_password.html", "password", me=signed_in(), sentence=sentence, passkey_why=passkeys.why_not()
    )


def _lacks_password() -> bool:
    return not signed_in().can_return


# ----------------------------------------------------------------------------------------- resulting rules


@blueprint.get("/summary")
@guardians_only
def summary() -> ResponseReturnValue:
    found, home = _devices(), daemon().home()
    names = daemon().catalogue()
    return _render(
        "setup_summary.html",
        "summary",
        devices=found,
        cards=[(child, _rules(child.id, names)) for child in home.children],
        **_tests(home),
        messages=bool(recipients_of(daemon().client.ask(ALERTS), guardian() or "")),
        adults=[person for person in _known(found) if home.child(person.id) is None],
        of_house=sum(device.profile == HOME for device in found.state.devices),
        undecided=sum(device.waits_for_owner for device in found.state.devices),
        unknown=daemon().client.ask(FAMILY).unknown_devices,
        lists=proposed_lists(),
        category_name=category_name,
    )


@blueprint.get("/tests")
@guardians_only
def tests() -> ResponseReturnValue:
    """Return the next bedtime and the last filter test on a device of each child, as an HTML fragment."""
    home = daemon().home()
    return render_template("parts/setup_tests.html", home=home, **_tests(home))


def _tests(home: HomeView) -> dict[str, object]:
    """Return the next bedtime and the last filter test on a device of each child, as values of a template."""
    found = [
        (child, daemon().rules(child.id).next_bedtime, tests_of(child.id).device) for child in home.children
    ]
    return {"tests": found, **on_the_device()}


@blueprint.get("/now")
@guardians_only
def now() -> ResponseReturnValue:
    """Return how lists are downloaded and the progress of a running update, as an HTML fragment."""
    return render_template("parts/list_updates.html", home=daemon().home())


@blueprint.post("/lists")
@guardians_only
def fetch_lists() -> ResponseReturnValue:
    """Turn on the proposed lists of sites that are ticked, and redirect to the last step of the first run.

    The next update downloads them.
    """
    ticked = request.form.getlist("list")
    with current_app.extensions[ONE_AT_A_TIME], notices.refusals_to(notices.said):
        chosen_lists = [source for source in proposed_lists() if source.id in ticked]
        for source in chosen_lists:
            daemon().change(LIST_ADD, id=source.id, by=guardian() or "", origin=source_address())
        if chosen_lists:
            names = words.listed([plain(source.name) for source in chosen_lists])
            notices.said(_("To be fetched with the next update: %(names)s.", names=names))
    return redirect(url_for("setup.summary"), 303)


def _rules(profile: str, names: CatalogueIndex) -> tuple[OverviewSection, ...]:
    return tuple(
        section for section in overview(daemon().ruleset(profile), names) if section.id != RuleSection.PERSON
    )


def _devices() -> DevicesView:
    return DevicesView(daemon().client.ask(DEVICES, brief=True))


def _assign(mac: str, owner: str) -> str:
    """Set the owner of a device, and return the earlier one. Raises: ControlError."""
    return str(_change(ASSIGN, mac=mac, profile=owner).was)


def _change(verb: Verb[Any, Any], **values: object) -> Any:
    return daemon().change(verb, **author() | values)


def _render(template: str, step: str, **values: object) -> str:
    home = daemon().home()
    return render_template(
        template,
        step=step,
        steps=[name for name in STEPS if name != "password" or _lacks_password()],
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        **values,
    )
