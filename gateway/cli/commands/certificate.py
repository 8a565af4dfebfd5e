"""`qalqan certificate`: whether the trusted name's certificate is good, and a new one put in its place."""

from __future__ import annotations

import os
import secrets
import stat
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from gateway.cli import output
from gateway.cli.settings import config_path, read_config
from gateway.control.listener import WebUser
from gateway.core.errors import GatewayError
from gateway.core.files import make_folder, read_bounded, sync_folder, write_atomically
from gateway.policy.config.web import Https
from gateway.policy.names.hosts import HostError, normalise
from gateway.web.certificates import MOST, examine_files

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"  # base32's: none is taken for another
ID = 16  # letters, 80 bits: no list of all certificates leads to a home by guessing
CHAIN_MODE, KEY_MODE, OWN_KEY_MODE = 0o644, 0o640, 0o600


class CertificateError(GatewayError):
    """Why a certificate is not taken."""


def run(args: Namespace) -> int:
    if args.action == "name":
        return _name(args.zone)
    https = _https(args)
    chain, key = args.chain or Path(https.certificate), args.key or Path(https.key)
    found, now = examine_files(https.name, chain, key), datetime.now(UTC)
    problems = found.all_problems(now)
    for line in problems:
        print(output.clean(line))
    if problems:
        if args.action == "check":
            return 1
        msg = f"certificate: nothing was installed for {https.name}; mend what is said above"
        raise CertificateError(msg)
    if args.action == "install":
        _install(https, chain, key)
    assert found.until is not None
    days = found.days_left(now)
    print(f"The certificate of {https.name} is good until {found.until:%Y-%m-%d}, {days} days from now.")
    return 0


def _https(args: Namespace) -> Https:
    path = config_path(args)
    https = read_config(path).web.https
    if https is None:
        msg = f"certificate: {path} names none; write web: {{https: {{name, certificate, key}}}} there"
        raise CertificateError(msg)
    return https


def _name(zone: str) -> int:
    try:
        under = normalise(zone)
    except HostError as error:
        msg = f"certificate: {zone!r} {error.problem}; {error.fix}"
        raise CertificateError(msg) from None
    print(f"{''.join(secrets.choice(LETTERS) for _ in range(ID))}.{under}")
    return 0


def _install(https: Https, chain: Path, key: Path) -> None:
    """The key, then the chain; each whole. The front takes neither before both fit."""
    new_key, new_chain = read_bounded(key, MOST), read_bounded(chain, MOST)
    web = WebUser.found() if os.geteuid() == 0 else None
    mode, group = (OWN_KEY_MODE, os.getegid()) if web is None else (KEY_MODE, web.gid)
    for path, data, attributes in (
        (Path(https.key), new_key, _like(mode, group)),
        (Path(https.certificate), new_chain, _like(CHAIN_MODE, os.getegid())),
    ):
        make_folder(path.parent)
        write_atomically(path, data, attributes)
        sync_folder(path.parent)


def _like(mode: int, group: int) -> os.stat_result:
    """What a file of ours shall be: its mode, its owner."""
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, os.geteuid(), group, 0, 0, 0, 0))
