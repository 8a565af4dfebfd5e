"""Pages of backups: one file with rules, grants and accounts, encrypted with a password.

A guardian creates it, inspects and restores one, can undo a restore, and sets up automatic backups.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control import backups as pieces
from gateway.control.client import Unreachable
from gateway.control.contract.backup import (
    AUTO_BACKUP,
    RESTORE,
    RESTORE_APPLY,
    RESTORE_LAST,
    RESTORE_LOOK,
)
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.config.auto_backup import MOST_KEPT
from gateway.web.backup_encryption import MOST_FILE, PASSWORD_LEAST, PASSWORD_MOST
from webui import notices
from webui.accounts.proofs import proven
from webui.accounts.session import author, guardian, guardians_only
from webui.daemon import daemon
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.upkeep import backup_process

blueprint = Blueprint("backup", __name__, url_prefix="/parent/backup")

UPLOAD_LIMIT = MOST_FILE + 8 * 1024  # bytes, including the form around the file
TOKEN_LIMIT = 64
FOLDER_LIMIT = 200


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home = daemon().home()
    auto = daemon().client.ask(AUTO_BACKUP, action="show", **author())
    left_out = ControlError.of(Code.BACKUP_LEFT_OUT, names=", ".join(auto.left_out))
    return render_template(
        "backup.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        last=daemon().client.ask(RESTORE_LAST, action="last", **author()).last,
        auto=auto,
        left_out=refusals.sentence(left_out) if auto.left_out else "",
        most_kept=MOST_KEPT,
        least=PASSWORD_LEAST,
        most=PASSWORD_MOST,
    )


@blueprint.post("/make")
@guardians_only
@proven
def make() -> ResponseReturnValue:
    """Create a backup, encrypted with the typed password, and return it as a download.

    After an error, redirect to the page of backups with a message.
    """
    password = request.form.get("password", "")
    if not _is_typed_well(password, _("The two passwords are not the same. No file was made.")):
        return _back()
    sealed = b""
    with notices.refusals_to(notices.said):
        text, _left_out = pieces.fetch(daemon().client, **author())  # the page has said what is not in it
        sealed = backup_process.encrypt_backup(text, password)
    if not sealed:
        return _back()
    name = f"qalqan-{daemon().home().now:%Y-%m-%d}.backup"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(sealed, mimetype="application/octet-stream", headers=headers)


def _is_typed_well(password: str, different: str) -> bool:
    """Return whether a new password was typed twice alike and has a valid length; if not, store a notice.

    ``different``: the notice if the two are not the same.
    """
    if password != request.form.get("again", ""):
        notices.said(different)
        return False
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        values = {"least": PASSWORD_LEAST, "most": PASSWORD_MOST}
        notices.said(_("A backup's password has %(least)d to %(most)d letters.", **values))
        return False
    return True


@blueprint.post("/automatic")
@guardians_only
@proven
def automatic() -> ResponseReturnValue:
    """Set up automatic backups on a mounted drive. Without a typed passphrase, the stored key stays."""
    password, keep = request.form.get("password", ""), request.form.get("keep", "")
    if not keep.isascii() or not keep.isdigit() or not 1 <= int(keep[:9]) <= MOST_KEPT:
        abort(400)
    values: dict[str, object] = {
        "folder": request.form.get("folder", "")[:FOLDER_LIMIT],
        "every": request.form.get("every", ""),
        "keep": int(keep[:9]),
    }
    if password and not _is_typed_well(
        password, _("The two passphrases are not the same. Nothing was changed.")
    ):
        return _back()
    with notices.refusals_to(notices.said):
        if password:
            values["key"] = backup_process.derive_key(password)
        daemon().client.ask(AUTO_BACKUP, action="set", **values, **author())
        notices.said(_("Automatic backups are on. The first one is made now."))
    return _back()


@blueprint.post("/automatic/off")
@guardians_only
def automatic_off() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        daemon().client.ask(AUTO_BACKUP, action="off", **author())
        notices.said(_("Automatic backups are off. The files on the drive stay."))
    return _back()


@blueprint.post("/automatic/now")
@guardians_only
def automatic_now() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        daemon().client.ask(AUTO_BACKUP, action="now", **author())
        notices.said(_("A backup is being made. Open this page again in a moment."))
    return _back()


@blueprint.post("/read")
@guardians_only
def read() -> ResponseReturnValue:
    """Decrypt an uploaded backup and redirect to its page. The daemon stores it; nothing is restored yet."""
    request.max_content_length = UPLOAD_LIMIT
    file = request.files.get("file")
    data = file.read(MOST_FILE + 1) if file is not None else b""
    token = ""
    with notices.refusals_to(notices.said):
        text = backup_process.decrypt_backup(data, request.form.get("password", "")[:PASSWORD_MOST])
        token = pieces.send(daemon().client, text, **author())
        notices.forget()
    return redirect(url_for("backup.look", token=token), 303) if token else _back()


@blueprint.get("/look/<token>")
@guardians_only
def look(token: str) -> ResponseReturnValue:
    try:
        found = daemon().client.ask(RESTORE_LOOK, action="look", token=token[:TOKEN_LIMIT], **author())
    except Unreachable:
        raise
    except ControlError as error:
        notices.said(refusals.sentence(error))
        return _back()
    home = daemon().home()
    return render_template(
        "backup_look.html", home=home, guardian=guardian(), notice=None, found=found, token=token
    )


@blueprint.post("/apply")
@guardians_only
@proven
def apply() -> ResponseReturnValue:
    token = request.form.get("token", "")
    if not token or len(token) > TOKEN_LIMIT:
        abort(400)
    with notices.refusals_to(notices.said):
        daemon().client.ask(RESTORE_APPLY, action="apply", token=token, **author())
        notices.said(_("The backup is restored."))
    return _back()


@blueprint.post("/drop")
@guardians_only
def drop() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        daemon().client.ask(RESTORE, action="drop", **author())
        notices.said(_("Nothing was changed."))
    return _back()


@blueprint.post("/undo")
@guardians_only
@proven
def undo() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        daemon().client.ask(RESTORE, action="undo", **author())
        notices.said(_("The backup is undone. Everything is as it was before."))
    return _back()


def _back() -> ResponseReturnValue:
    return redirect(url_for("backup.show"), 303)
