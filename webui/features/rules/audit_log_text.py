"""Describes lines of the audit log: the action, its target, and the details that the daemon stores."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from webui.features.devices.device_text import place_name
from webui.features.notifications.alert_text import kinds as alert_kinds
from webui.language.i18n import gettext as _
from webui.language.i18n import ngettext
from webui.language.things import register, thing
from webui.language.words import clock, day_past, drive_name, duration, plain

DETAIL_LIMIT = 80  # characters

_MINUTES = re.compile(r"(\d{1,4}) min\b")
_CODES = re.compile(r"(\d{1,4}) of (\d{1,4}) min")
_KEPT = re.compile(r"(\d{1,4}) names kept, as \d{1,4} entries")
_MARK = re.compile(r"no_mobile_data: (yes|no)")
_ROLE = re.compile(r"(?P<name>.+) (?P<role>guardian|helper|support|none)(?: (?P<minutes>\d{1,4}))?")
_RESTORED = re.compile(r"made (\S+)(?: on (.*))?")
_AUTO_BACKUP = re.compile(r"(daily|weekly) (/.*)")
_COUNTRY = re.compile(r"[a-z]{2}")
_OWN_TIME = re.compile(r"(\S+) (set|off)")


class ChangeLine(Protocol):
    @property
    def what(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def until(self) -> datetime | None: ...


def describe(line: ChangeLine, now: datetime) -> str:
    """Return what an audit-log line records as a phrase, such as "paused X until 21:00".

    It follows the author's name. An unknown action is returned as it is stored.
    """
    detail = _detail(line, now)
    values = {"about": plain(line.about or line.detail.partition(" ")[0].rstrip(":")), "detail": detail}
    phrase = None
    if line.until is not None:
        values["until"] = clock(line.until, now)
        phrase = _phrases_until().get(line.what)
    minutes = _MINUTES.match(line.detail)
    if minutes is not None:
        values["minutes"] = duration(int(minutes[1]))
        phrase = _phrases_of_minutes().get(line.what) or phrase
    phrase = phrase or _phrases().get(line.what)
    if phrase is None:
        return " ".join(part for part in (plain(line.what), plain(line.about), detail) if part)
    return phrase % values


def _detail(line: ChangeLine, now: datetime) -> str:
    """Return the detail of an audit-log line, in the reader's language if its form is known.

    Other details, such as names or those of an earlier version, are returned as they are stored.
    """
    detail = plain(line.detail, DETAIL_LIMIT)
    worded = _DETAILS.get(line.what)
    return detail if worded is None else worded(detail, now)


def _codes(detail: str, _now: datetime) -> str:
    found = _CODES.fullmatch(detail)
    if found is None:
        return detail
    count, minutes = int(found[1]), duration(int(found[2]))
    return ngettext(
        "%(count)s code of %(minutes)s", "%(count)s codes of %(minutes)s", count,
        count=count, minutes=minutes,
    )  # fmt: skip


def _kept(detail: str, _now: datetime) -> str:
    found = _KEPT.fullmatch(detail)
    return ngettext("%(num)d address kept", "%(num)d addresses kept", int(found[1])) if found else detail


def _mark(detail: str, _now: datetime) -> str:
    found = _MARK.fullmatch(detail)
    if found is None:
        return detail
    return _("It has no mobile data") if found[1] == "yes" else _("It has mobile data")


def _role(detail: str, _now: datetime) -> str:
    found = _ROLE.fullmatch(detail)
    if found is None:
        return detail
    roles = {
        "guardian": _("Parent"),
        "helper": _("Helper"),
        "support": _("Support"),
        "none": _("no access"),
    }
    limit = f", {duration(int(found['minutes']))}" if found["minutes"] else ""
    return f"{found['name']}: {roles[found['role']]}{limit}"


def _message_kinds(detail: str, _now: datetime) -> str:
    if detail in ("off", "nothing"):
        return _("none")
    if detail == "push":
        return _("messages in a browser")
    labels = alert_kinds()
    return ", ".join(labels[kind][0] if kind in labels else kind for kind in detail.split(", "))


def _auto_backup(detail: str, _now: datetime) -> str:
    if detail == "off":
        return _("off")
    found = _AUTO_BACKUP.fullmatch(detail)
    if found is None:
        return detail
    often = _("every week") if found[1] == "weekly" else _("every day")
    return f"{often}, {drive_name(found[2])}"


def _restored(detail: str, now: datetime) -> str:
    found = _RESTORED.fullmatch(detail)
    try:
        made = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        made = None
    if found is None or made is None or made.tzinfo is None:
        return detail
    # Translators: %(when)s is a past day: "today", "on 2 October".
    day = _("made %(when)s", when=day_past(made, now))
    return f"{day}, {found[2]}" if found[2] else day


def _owner(detail: str, _now: datetime) -> str:
    return place_name(detail)


def _no_name(detail: str, _now: datetime) -> str:
    return _("none") if detail == "-" else detail


def _switched(detail: str, _now: datetime) -> str:
    return _("off") if detail == "off" else detail


def _home_automation(detail: str, now: datetime) -> str:
    return _switched(detail, now) if detail == "off" else _role(detail, now)


def _register(detail: str, _now: datetime) -> str:
    return register(detail) if _COUNTRY.fullmatch(detail) else detail


def _own_times(detail: str, _now: datetime) -> str:
    parts = []
    for part in detail.split(", "):
        found = _OWN_TIME.fullmatch(part)
        if found is None:
            return detail
        key, _slash, target = found[1].partition("/")
        rule = thing(target, target) if target else _("Bedtime") if key == "bedtime" else _("Time limits")
        parts.append(_("%(rule)s: removed", rule=rule) if found[2] == "off" else rule)
    return ", ".join(dict.fromkeys(parts))


# By the action of a line: the function that words its detail, which has the form that the daemon stores.
_DETAILS: Mapping[str, Callable[[str, datetime], str]] = {
    "tickets": _codes,
    "withdraw": _codes,
    "teach_end": _kept,
    "device mark": _mark,
    "guardian role": _role,
    "guardian propose": _role,
    "guardian no": _role,
    "guardian token": _role,
    "alerts": _message_kinds,
    "auto_backup": _auto_backup,
    "restore": _restored,
    "assign": _owner,
    "name_device": _no_name,
    "trusted name": _switched,
    "home_automation": _home_automation,
    "register_on": _register,
    "register_off": _register,
    "self set": _own_times,
}


def _phrases_until() -> dict[str, str]:
    return {
        "pause": _("paused %(about)s until %(until)s"),
        "off": _("turned time rules and categories off for everyone until %(until)s"),
        "stop": _("turned time rules and categories off for everyone until %(until)s"),
        "support": _("let the provider’s support fetch the support file until %(until)s"),
        "remote": _("let the provider turn the rules off and on until %(until)s"),
        "counters": _("let the provider read the counters until %(until)s"),
        "open": _("allowed something for %(about)s until %(until)s"),
        "adult password": _("unlocked %(about)s for an adult until %(until)s, with a password"),
        "adult guardian": _("unlocked %(about)s for an adult until %(until)s"),
        "adult wallet": _("unlocked %(about)s for an adult until %(until)s, with a wallet's adult proof"),
    }


def _phrases_of_minutes() -> dict[str, str]:
    return {
        "grant": _("gave %(about)s %(minutes)s more"),
        "request": _("gave %(about)s %(minutes)s more, as asked"),
        "landing": _("took %(minutes)s to finish a game"),
        "ticket": _("entered a code of %(minutes)s"),
        "traffic": _("looked at the live traffic of %(about)s for %(minutes)s"),
        "auto": _("got %(minutes)s of automatic extra time"),
    }


def _phrases() -> dict[str, str]:
    return {
        "traffic": _("looked at the live traffic of %(about)s"),
        "pause": _("paused %(about)s until a parent ends it"),
        "resume": _("ended the pause of %(about)s"),
        "off": _("turned time rules and categories off for everyone"),
        "on": _("turned time rules and categories on again"),
        "stop": _("turned time rules and categories off for everyone"),
        "stop end": _("turned time rules and categories on again"),
        "stop refused": _("wanted to turn the rules off again too soon, so they stayed on"),
        "support": _("let the provider’s support fetch the support file"),
        "support end": _("no longer lets the provider’s support fetch the support file"),
        "remote": _("let the provider turn the rules off and on"),
        "remote end": _("no longer lets the provider turn the rules off"),
        "support sent": _("fetched the support file"),
        "counters": _("let the provider read the counters"),
        "counters end": _("no longer lets the provider read the counters"),
        "grant": _("gave %(about)s more time"),
        "landing": _("took the minutes to finish a game"),
        "ticket": _("entered a code"),
        "auto": _("got automatic extra time"),
        "open": _("allowed something for %(about)s"),
        "revoke": _("took extra time back"),
        "tickets": _("made codes on paper: %(detail)s"),
        "withdraw": _("withdrew codes on paper: %(detail)s"),
        "request": _("asked for something"),
        "request auto": _("asked for something and got it"),
        "answer": _("answered a request of %(about)s"),
        "expired": _("left a request of %(about)s without an answer"),
        "assign": _("set who uses %(about)s: %(detail)s"),
        "forget": _("forgot the device %(about)s"),
        "teach": _("began to fix a site for %(about)s"),
        "teach_end": _("ended the repair of a site for %(about)s: %(detail)s"),
        "identify": _("answered a question about %(about)s"),
        "dismiss": _("dismissed a card about %(about)s"),
        "time": _("set the gateway’s clock"),
        "button": _("pressed the button on the gateway"),
        "alerts": _("changed their messages: %(detail)s"),
        "channel on": _("gets messages by %(detail)s"),
        "channel off": _("gets no messages by %(detail)s any more"),
        "edit": _("changed the rules of %(about)s"),
        "step proposed": _("proposed the next age group of %(about)s: %(detail)s"),
        "step by itself": _("started the next age group of %(about)s automatically: %(detail)s"),
        "step": _("started the next age group of %(about)s: %(detail)s"),
        "agree": _("agreed to the rules of %(about)s"),
        "agree end": _("ended the agreement on the rules of %(about)s"),
        "self set": _("changed own times: %(detail)s"),
        "step put off": _("put off the next age group of %(about)s: %(detail)s"),
        "step back": _("undid the next age group of %(about)s: %(detail)s"),
        "unedit": _("undid a change to the rules of %(about)s"),
        "add_profile": _("added %(about)s to the family"),
        "remove_profile": _("removed %(about)s from the family"),
        "restore_profile": _("brought %(about)s back into the family"),
        "name_device": _("gave a device a name: %(detail)s"),
        "erase": _("deleted the activity of %(about)s"),
        "list_add": _("added a list"),
        "list_remove": _("removed a list"),
        "list_update": _("updated the lists"),
        "register_on": _("turned a state register on: %(detail)s"),
        "register_off": _("turned a state register off: %(detail)s"),
        "sealed_late": _("uses an expired list of %(detail)s"),
        "list_report": _("reported a wrong entry of a list"),
        "list_unreport": _("took back a report about a list"),
        "use": _("said who uses %(about)s: %(detail)s"),
        "leave": _("ended the use of %(about)s"),
        "hand over": _("handed %(about)s over to %(detail)s"),
        "take back": _("took %(about)s back"),
        "sample history": _("made sample days"),
        "says adult": _("learned that an adult uses %(about)s; nothing is recorded there"),
        "adult end": _("locked %(about)s again, which was unlocked for an adult"),
        "pin set": _("set a PIN for %(about)s"),
        "pin cleared": _("removed the PIN of %(about)s"),
        "pin tries": _("blocked wrong attempts at the PIN of %(about)s"),
        "card put away": _("dismissed a card about %(about)s"),
        "card back": _("brought back a card about %(about)s"),
        "device mark": _("changed the details of the device %(about)s: %(detail)s"),
        "device again": _("asked whether %(about)s is a device that was here before"),
        "device copy": _("asked whether two devices have the address of %(about)s"),
        "device address": _("asked why another device has the IP address of %(about)s"),
        "device repeater": _("found that %(about)s stands for several devices"),
        "address claimed": _("found that %(about)s claims the address of the gateway"),
        "new over": _("no longer asks who uses %(about)s"),
        "again over": _("no longer asks whether %(about)s was here before"),
        "copy over": _("no longer asks whether two devices have the address of %(about)s"),
        "address over": _("no longer asks why another device has the IP address of %(about)s"),
        "repeater over": _("no longer asks about the devices behind %(about)s"),
        "unrestore": _("undid the restore of a backup"),
        "backup": _("made a backup"),
        "auto_backup": _("changed the automatic backups: %(detail)s"),
        "restore": _("restored a backup: %(detail)s"),
        "edit_family": _("changed the settings"),
        "unedit_family": _("undid a change of the settings"),
        "trusted name": _("changed the secure address of the pages: %(detail)s"),
        "home_automation": _("changed home automation: %(detail)s"),
        "guardian sign-in": _("signed in"),
        "guardian claim": _("set up this gateway"),
        "guardian password": _("set a new password"),
        "guardian recovery code": _("made a new recovery code"),
        "guardian recover code": _("set a new password with a recovery code"),
        "guardian recover button": _("set a new password with the label and the button"),
        "guardian reset": _("gave %(about)s a new way to sign in"),
        "guardian add": _("invited %(about)s"),
        "guardian link": _("gave %(about)s a new link"),
        "guardian remove": _("removed %(about)s"),
        "guardian role": _("changed a role: %(detail)s"),
        "guardian propose": _("proposed to change a role: %(detail)s"),
        "guardian no": _("said no to a change: %(detail)s"),
        "guardian sign-in confirmed": _("confirmed a new sign-in"),
        "guardian passkey added": _("added a passkey"),
        "guardian passkey removed": _("removed a passkey"),
        "guardian passkey copied": _("was rejected with a passkey that may have been copied"),
        "guardian second factor on": _("turned the second step at sign-in on"),
        "guardian second factor off": _("turned the second step at sign-in off"),
        "guardian backup codes": _("made new backup codes"),
        "guardian sessions": _("signed other browsers out"),
        "guardian token": _("made a token for a program: %(detail)s"),
        "guardian token end": _("ended a token for a program: %(detail)s"),
    }
