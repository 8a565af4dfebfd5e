"""The web pages. `create_app` builds the Flask application.

It runs as a separate process and user, and reaches the daemon only through its control socket.
"""

from __future__ import annotations

import errno
import hashlib
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

from flask import Flask, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from gateway.control.client import Client, Unreachable
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui import api, daemon, front, request_checks, wallet
from webui import brand as look
from webui.accounts import proofs, session, tries
from webui.accounts.session import OwnSession
from webui.compact_url_rule import CompactUrlRule
from webui.features.accounts import (
    account_pages,
    claim_pages,
    door_pages,
    passkey_pages,
    people_pages,
    second_factor_pages,
    token_pages,
)
from webui.features.activity import (
    activity_pages,
    blocked_pages,
    digest_pages,
    my_activity_pages,
    traffic_pages,
)
from webui.features.backup import backup_pages
from webui.features.bypass_alerts import card_pages
from webui.features.devices import (
    device_list_pages,
    device_open_pages,
    device_pages,
    device_text,
    device_use_pages,
)
from webui.features.filter_tests import filter_tests_pages
from webui.features.growing import agreement_pages, self_set_pages, transition_pages
from webui.features.growing.transition_text import is_final, to_child, to_parents
from webui.features.help import bullying_pages
from webui.features.home_automation import automation_pages
from webui.features.lists import lists_pages, registers_pages
from webui.features.notifications import alert_pages, channel_pages, push_pages
from webui.features.requests import ask_pages, disputes_pages, requests_pages
from webui.features.rules import (
    audit_log_pages,
    band_pages,
    basics_pages,
    categories_pages,
    export_pages,
    family_pages,
    import_pages,
    laws_pages,
    limits_pages,
    own_services_pages,
    rules_pages,
    schedule_pages,
    services_pages,
    sites_pages,
)
from webui.features.sharing import lending_pages, sharing_pages, unlock_pages, wallet_pages
from webui.features.sharing.adult_proof_text import proof_sentence
from webui.features.site_repair import repair_pages
from webui.features.status import (
    calendar_pages,
    child_pages,
    health_pages,
    home_pages,
    metrics_pages,
    status_pages,
    support_pages,
    update_pages,
)
from webui.features.status.announcement_text import accounts_lost, announced
from webui.features.status.finding_text import worded, worded_problem
from webui.features.status.own_rules_text import hours_text, rule_name
from webui.features.time import codes_pages, ledger_pages, sheets
from webui.features.trusted_name import captive_pages, trusted_name_pages
from webui.first_run import PROPOSED
from webui.helplines import where_code_is
from webui.language import i18n, loglevels, refusals, words
from webui.messages import notifier
from webui.messages.push import PushSender
from webui.pages import (
    brand,
    family_card,
    guide,
    helper,
    installable,
    language,
    learn,
    rights,
    search,
    setup,
    stream,
    theme,
)
from webui.request import OwnRequest
from webui.settings import Settings, session_key
from webui.upkeep import supportcode

__all__ = ["Settings", "create_app"]

BODY_LIMIT = 16 * 1024  # bytes; views with larger forms raise it, such as those with a file
TRY_AGAIN = 5  # seconds, for a browser, if its request found no free file descriptor
PAGES = (
    door_pages, claim_pages, account_pages, second_factor_pages, passkey_pages, token_pages, home_pages,
    activity_pages, my_activity_pages, traffic_pages,
    device_list_pages, device_pages, device_use_pages, device_open_pages, lists_pages, card_pages,
    requests_pages, codes_pages, lending_pages, family_card, stream, people_pages, audit_log_pages, helper,
    support_pages, language, health_pages, backup_pages, update_pages, family_pages, registers_pages,
    import_pages, alert_pages, channel_pages, child_pages, ask_pages, disputes_pages, sharing_pages,
    self_set_pages,
    agreement_pages, unlock_pages, wallet_pages, ledger_pages, blocked_pages, status_pages, calendar_pages,
    bullying_pages, rights, learn, guide, digest_pages, rules_pages, services_pages, own_services_pages,
    categories_pages, laws_pages, sites_pages, schedule_pages, limits_pages, basics_pages, band_pages,
    transition_pages, export_pages, repair_pages, setup, filter_tests_pages, brand,
    trusted_name_pages, captive_pages, search, installable, push_pages, theme, metrics_pages,
    automation_pages,
)  # fmt: skip
HERE = Path(__file__).parent


def create_app(settings: Settings) -> Flask:
    app = Flask(__name__)
    app.request_class = OwnRequest
    app.url_rule_class = CompactUrlRule
    app.config.update(
        SECRET_KEY=session_key(settings.state),
        MAX_CONTENT_LENGTH=BODY_LIMIT,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
    )
    app.session_interface = OwnSession()
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    trusted = settings.https.name if settings.https else ""
    request_checks.install(app, settings.names, trusted)
    front.install(app, trusted)
    catalogues, client = i18n.load_catalogues(HERE / "translations"), Client(settings.control)
    i18n.install(app, catalogues, settings.language)
    daemon.install(app, daemon.DaemonClient(client, settings.country))
    notifier.install(
        app,
        notifier.Notifier(client, catalogues, settings.brand.name, push=PushSender(settings.state)),
    )
    session.install(app)
    tries.install(app, settings.state)
    wallet.install(app, settings.age_trust)
    sheets.install(app)
    for page in PAGES:
        app.register_blueprint(page.blueprint)
    api.install(app)
    look.install(app, settings.brand)
    app.extensions[PROPOSED] = settings.propose
    _install_templates(app)
    _install_errors(app)
    return app


def _install_templates(app: Flask) -> None:
    stamps = {
        path.name: hashlib.blake2b(path.read_bytes(), digest_size=6).hexdigest()
        for path in (HERE / "static").iterdir()
    }

    def static_url(name: str) -> str:
        return url_for("static", filename=name, v=stamps[name])

    app.jinja_env.globals.update(
        static_url=static_url,
        words=words,
        log_levels=loglevels,
        support_code=supportcode.code,
        device_text=device_text,
        proof_sentence=proof_sentence,
        step_to_child=to_child,
        step_to_parents=to_parents,
        step_is_final=is_final,
        where_code_is=where_code_is,
        home_now=lambda: daemon.daemon().home(),
        accounts_lost=accounts_lost,
        worded=worded,
        worded_problem=worded_problem,
    )
    app.jinja_env.filters.update(
        plain=words.plain,
        announced=announced,
        rule_name=rule_name,
        hours_text=hours_text,
        whole_spans=words.whole_spans,
    )


def _install_errors(app: Flask) -> None:
    @app.errorhandler(Unreachable)
    def stopped(error: Unreachable) -> ResponseReturnValue:
        app.logger.warning("%s", error)
        if api.is_ours():
            return api.error_response(error)
        try:
            return render_template("stopped.html", help_lines=daemon.daemon().help_lines()), 503
        except OSError as unreadable:
            return without_descriptors(unreadable)

    @app.errorhandler(OSError)
    def without_descriptors(error: OSError) -> ResponseReturnValue:
        """Respond with 503 and let the browser try again soon: no file, thus no template, can be opened.

        Raises errors other than a lack of file descriptors again.
        """
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise error
        app.logger.warning("Request not answered: %s.", error.strerror)
        code = HTTPStatus.SERVICE_UNAVAILABLE
        return str(code.value), code, {"Refresh": str(TRY_AGAIN), "Retry-After": str(TRY_AGAIN)}

    @app.errorhandler(ControlError)
    def refused_by_daemon(error: ControlError) -> ResponseReturnValue:
        if api.is_ours():
            return api.error_response(error)
        if error.code == Code.PROOF_NEEDED:
            return proofs.asked_by_daemon()
        return render_template("problem.html", code=502, sentence=refusals.sentence(error)), 502

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> ResponseReturnValue:
        if api.is_ours():
            return api.error_response(error)
        code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        return render_template("problem.html", code=code, sentence=""), code
