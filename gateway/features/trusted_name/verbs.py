"""The verb `trusted_name`: stores the account at a DNS provider, and gets and renews the certificate.

The trusted name is the optional HTTPS name of the gateway's pages. `qalqan certificate renew` runs the ACME
client in another process. After the first certificate, the name is set in `qalqan.yaml`, and the pages
restart to serve HTTPS. Most homes have no such account: the modules that it needs are imported on use.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.control.contract.trusted_name import TRUSTED_NAME, TrustedNameRequest, TrustedNameStatus
from gateway.control.protocol import Call, Role
from gateway.control.router import Router
from gateway.core.errors import ControlError, PolicyError
from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Timer
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.household.editing import Author, Editing, HomeEditing
from gateway.household.file_history import PROGRAM
from gateway.policy.names.hosts import HostError, normalise
from gateway.store.tables.audit import RecordAudit

FOLDER, ACCOUNT = "certificate", "account.json"  # in the state folder; as in gateway/web/acme.py
OTHER = "other"  # a problem without a code of its own
TIMEOUT = 900.0  # seconds of one attempt
NICE = 10
FIRST_LOOK = 600.0  # seconds after the start
LOOK_EVERY = 86_400.0  # seconds; the client renews when 30 days are left

_log = logging.getLogger(__name__)


class TrustedNames:
    """Gets and renews the TLS certificate of the trusted name, the HTTPS name of the gateway's pages."""

    def __init__(
        self,
        home: HomeContext,
        access: Access,
        audit: RecordAudit,
        editing: Editing,
        home_editing: HomeEditing,
        reload: Callable[[], object],
    ) -> None:
        self._home = home
        self._access = access
        self._audit = audit
        self._editing = editing
        self._home_editing = home_editing
        self._reload = reload
        self._problem = ""
        self._process = HelperProcess(home.loop, self._stepped, self._finished, TIMEOUT, NICE)
        self._timer: Timer | None = None

    def start(self) -> None:
        self._timer = self._home.loop.call_later(FIRST_LOOK, self._look)

    def register(self, router: Router) -> None:
        router.serve(TRUSTED_NAME, self.serve)

    @property
    def _folder(self) -> Path:
        return Path(self._home.rules.household.config.state) / FOLDER

    def serve(self, call: Call[TrustedNameRequest]) -> TrustedNameStatus:
        """Start to get a certificate, delete the account, or do neither (``action``); return the state.

        Raises ControlError if the request is not valid or no guardian sent it.
        """
        by = self._access.guardian(call)
        if call.args.action == "get":
            self._get(call, by)
        elif call.args.action == "stop":
            self._stop(call, by)
        return self._state()

    def _state(self) -> TrustedNameStatus:
        from gateway.web.acme import read_account, usable_providers

        account, config = read_account(self._folder), self._home.rules.household.config
        return TrustedNameStatus(
            name="" if account is None else account.name,
            provider="" if account is None else account.provider,
            running=self._process.running,
            problem=self._problem,
            providers=usable_providers(),
            configured="" if config.web.https is None else config.web.https.name,
        )

    def _get(self, call: Call[TrustedNameRequest], by: str) -> None:
        """Store the account at the DNS provider and start to get a certificate, which takes about a minute.

        Raises ControlError for an invalid name or provider, or if an attempt runs.
        """
        from gateway.policy.config.dns_providers import PROVIDERS
        from gateway.web.acme import AcmeAccount, usable_providers, write_account

        if self._process.running:
            raise ControlError.of(Code.BUSY)
        providers = usable_providers()
        if call.text("provider") not in providers:
            call.refuse("provider", f"must be one of {', '.join(providers)}")
        provider = PROVIDERS[call.text("provider")]
        try:
            name = normalise(call.text("name"))
        except HostError:
            raise ControlError.of(Code.NO_HOST_NAME) from None
        if not provider.fits(name) or "." not in name:
            raise ControlError.of(Code.NO_HOST_NAME)
        server = call.text("server", "") if call.role is Role.OWNER else ""
        account = AcmeAccount(name, call.text("provider"), call.text("token"), call.text("email"), server)
        write_account(self._folder, account)
        self._record(f"{name} {account.provider}", call, by)
        self._start()

    def _stop(self, call: Call[TrustedNameRequest], by: str) -> None:
        """End a running attempt, and delete the account with its token, and its name from the settings.

        The pages then use HTTP. Another trusted name in the settings stays.
        """
        from gateway.web.acme import forget_account, read_account

        self._process.close()
        account = read_account(self._folder)
        forget_account(self._folder)
        self._problem = ""
        self._record("off", call, by)
        https = self._home.rules.household.config.web.https
        if account is not None and https is not None and https.name == account.name:
            self._set_https(None)

    def _start(self) -> None:
        self._problem = ""
        path = str(self._home.rules.path)
        try:
            self._process.start(["gateway", "certificate", "renew", "--steps", "--config", path])
        except OSError:
            self._problem = OTHER

    def _look(self) -> None:
        """Start the ACME client if there is an account; do so again in a day.

        The client renews the certificate only if it is due, which it finds out without the internet.
        """
        self._timer = self._home.loop.call_later(LOOK_EVERY, self._look)
        if (self._folder / ACCOUNT).exists() and not self._process.running:
            self._start()

    def _stepped(self, line: Mapping[str, Any]) -> None:
        self._problem = str(line.get("problem", ""))[:20]

    def _finished(self, status: int, _words: str) -> None:
        from gateway.web.acme import default_files, read_account

        account, https = read_account(self._folder), self._home.rules.household.config.web.https
        if status:
            self._problem = self._problem or OTHER
            _log.warning("Certificate not renewed: %s. Keeping the previous one.", self._problem)
        elif account is not None and (https is None or https.name != account.name):
            chain, key = default_files(self._home.rules.path)
            self._set_https({"name": account.name, "certificate": str(chain), "key": str(key)})

    def _set_https(self, https: Mapping[str, str] | None) -> None:
        """Write `web.https` to `qalqan.yaml`, reload, and make the pages restart. None: remove it.

        An error is logged and shown as the problem.
        """
        try:
            _, before = self._editing.read(self._home.rules.path)
            now = before.get("web")
            web = (
                {key: value for key, value in now.items() if key != "https"} if isinstance(now, dict) else {}
            )
            changes = {"web": web | ({} if https is None else {"https": dict(https)}) or None}
            self._home_editing.switch(changes, Author(PROGRAM, self._home.local_now()))
        except PolicyError as error:
            self._problem = OTHER
            _log.warning("Trusted name not set: %s. The pages are plain HTTP.", error)
            return
        self._reload()
        self._home.publish("status", what="pages")

    def _record(self, detail: str, call: Call[TrustedNameRequest], by: str) -> None:
        origin, now = call.text("origin", ""), self._home.local_now()
        self._audit("trusted name", detail, by=by, at=now, origin=origin)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._process.close()
