"""`qalqan certificate`: checks the certificate of the trusted name, and installs a new one."""

from __future__ import annotations

import getpass
import json
import os
import secrets
import stat
import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from gateway.cli import output
from gateway.cli.settings import config_path, daemon, read_config
from gateway.control.contract.trusted_name import TRUSTED_NAME
from gateway.control.listener import WebUser
from gateway.core.errors import GatewayError
from gateway.core.files import make_folder, read_bounded, sync_folder, write_atomically
from gateway.core.optional_packages import MissingPackageError, require
from gateway.policy.config.web import Https
from gateway.policy.names.hosts import HostError, normalise
from gateway.web.acme import (
    FOLDER,
    SENTENCES,
    AcmeError,
    AcmeProblem,
    default_files,
    get_certificate,
    read_account,
)
from gateway.web.certificates import MOST, examine_files

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"  # base32 (RFC 4648 §6): without 0 and 1, which look like letters
ID = 16  # letters, 80 bits: the name cannot be guessed
CHAIN_MODE, KEY_MODE, OWN_KEY_MODE = 0o644, 0o640, 0o600
FOLDER_MODE = 0o755  # of a new folder, whatever the umask: the pages read the files
POLL = 1.0  # seconds


class CertificateError(GatewayError):
    """Raised if a certificate cannot be used or was not issued."""


def run(args: Namespace) -> int:
    match args.action:
        case "name":
            return _name(args.zone)
        case "get":
            return _get(args)
        case "renew":
            return _renew(args)
    https = _https(args)
    chain, key = args.chain or Path(https.certificate), args.key or Path(https.key)
    found, now = examine_files(https.name, chain, key), datetime.now(UTC)
    problems = found.all_problems(now)
    for line in problems:
        print(output.clean(line))
    if problems:
        if args.action == "check":
            return 1
        msg = f"certificate: nothing was installed for {https.name}; fix the problems above"
        raise CertificateError(msg)
    if args.action == "install":
        _install(https, chain, key)
    assert found.until is not None
    days = found.days_left(now)
    print(f"The certificate of {https.name} is valid until {found.until:%Y-%m-%d}, {days} days from now.")
    return 0


def _https(args: Namespace) -> Https:
    path = config_path(args)
    https = read_config(path).web.https
    if https is None:
        msg = f"certificate: {path} has none; write web: {{https: {{name, certificate, key}}}} there"
        raise CertificateError(msg)
    return https


def _get(args: Namespace) -> int:
    """Make the daemon get a certificate through a DNS provider and turn HTTPS on; wait for the result.

    Print the pages' new address and return 0. Raises CertificateError if the certificate is not issued, other
    GatewayErrors if the daemon refuses or the token cannot be read.
    """
    token = _token(args.token_file)
    client, values = daemon(args), {"name": args.name, "provider": args.provider, "email": args.email}
    more = {"server": args.server} if args.server else {}
    state = client.ask(TRUSTED_NAME, action="get", token=token, **values, **more)
    print("Getting a certificate. This takes about a minute.")
    while state.running:
        time.sleep(POLL)
        state = client.ask(TRUSTED_NAME, action="look")
    if state.problem:
        problem = AcmeProblem(state.problem) if state.problem in set(AcmeProblem) else AcmeProblem.OTHER
        msg = f"certificate: {SENTENCES[problem]}"
        raise CertificateError(msg)
    print(f"The pages are at https://{output.clean(state.name)} soon; the daemon renews the certificate")
    return 0


def _token(file: Path | None) -> str:
    """Return the DNS provider's token: the first line of ``file``, or for None as typed at the terminal.

    Raises CertificateError if the file is not UTF-8 text, PolicyError if it cannot be read.
    """
    if file is None:
        return getpass.getpass("Token of the DNS provider: ").strip()
    try:
        return read_bounded(file).decode().partition("\n")[0].strip()
    except UnicodeDecodeError:
        msg = f"certificate: {file} is not UTF-8 text; save the file as UTF-8"
        raise CertificateError(msg) from None


def _renew(args: Namespace) -> int:
    """Renew the certificate that ``qalqan certificate get`` got, if it is due, and install it. Return 0.

    The daemon runs this each day with ``--steps``, and for the first certificate. Raises CertificateError,
    MissingPackageError, or PolicyError if the configuration is unusable.
    """
    path = config_path(args)
    config = read_config(path)
    folder = Path(config.state) / FOLDER
    account = read_account(folder)
    if account is None:
        msg = "certificate: there is no account; get a certificate first: qalqan certificate get"
        raise CertificateError(msg)
    https = config.web.https
    if https is None or https.name != account.name:
        installed_chain, installed_key = default_files(path)
        https = Https(account.name, str(installed_chain), str(installed_key))
    try:
        require("cryptography", "certificates")  # else a new one could not be checked
        chain, key = get_certificate(account, folder)
    except MissingPackageError:
        _report(args, AcmeProblem.CLIENT)
        raise
    except AcmeError as error:
        _report(args, error.problem)
        detail = f": {output.clean(error.detail)}" if error.detail else ""
        msg = f"certificate: {error}{detail}"
        raise CertificateError(msg) from None
    found = examine_files(account.name, chain, key)
    if problems := found.all_problems(datetime.now(UTC)):
        msg = f"certificate: the new one was not installed: {problems[0]}"
        raise CertificateError(msg)
    if not _is_installed(https, chain):
        _install(https, chain, key)
    return 0


def _report(args: Namespace, problem: AcmeProblem) -> None:
    if args.steps:
        print(json.dumps({"problem": problem.value}), flush=True)


def _is_installed(https: Https, chain: Path) -> bool:
    installed = Path(https.certificate)
    return installed.exists() and installed.read_bytes() == chain.read_bytes()


def _name(zone: str) -> int:
    try:
        under = normalise(zone)
    except HostError as error:
        msg = f"certificate: {zone!r} {error.problem}; {error.fix}"
        raise CertificateError(msg) from None
    print(f"{''.join(secrets.choice(LETTERS) for _ in range(ID))}.{under}")
    return 0


def _install(https: Https, chain: Path, key: Path) -> None:
    """Copy the key, then the chain, to the files that the settings name, each atomically.

    Between the two writes the files do not match. The web server uses them only if they match.
    """
    new_key, new_chain = read_bounded(key, MOST), read_bounded(chain, MOST)
    web = WebUser.found()
    if web is not None and os.geteuid() and web.gid not in os.getgroups():
        web = None  # this user may not give the key to the pages' group
    mode, group = (OWN_KEY_MODE, os.getegid()) if web is None else (KEY_MODE, web.gid)
    for path, data, attributes in (
        (Path(https.key), new_key, _like(mode, group)),
        (Path(https.certificate), new_chain, _like(CHAIN_MODE, os.getegid())),
    ):
        if not path.parent.exists():
            make_folder(path.parent)
            path.parent.chmod(FOLDER_MODE)
        write_atomically(path, data, attributes)
        sync_folder(path.parent)


def _like(mode: int, group: int) -> os.stat_result:
    """Return file attributes with this mode and group, and this process's user as owner."""
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, os.geteuid(), group, 0, 0, 0, 0))
