"""The household's settings as a command needs them: the file alone, or the way to the daemon."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.control.client import Client
from gateway.core.files import DEFAULT_CONFIG, SOCKET
from gateway.household import config_file as homeconfig
from gateway.policy.config.config import Config

if TYPE_CHECKING:
    from argparse import Namespace


def config_path(args: Namespace) -> Path:
    return DEFAULT_CONFIG if args.config is None else args.config


def read_config(path: Path) -> Config:
    """Its own meaning alone, under the router's own settings; neither profiles nor the product's data are
    read. Raises PolicyError.
    """
    return homeconfig.read_config(path, _is_public_suffix)


def _is_public_suffix(name: str) -> bool:
    # Reading the list takes 30 ms, and few configurations have a host name to check.
    from gateway.lists.public_suffixes import public_suffix_check

    return public_suffix_check()(name)


def control_socket(config: Config) -> Path:
    return Path(config.runtime) / SOCKET


def daemon(args: Namespace) -> Client:
    """The running daemon of this household."""
    return Client(control_socket(read_config(config_path(args))))


def when(text: object) -> str:
    """A moment that the daemon told, for people: ``Tue 20:45``, with the date where it is not this week."""
    if not isinstance(text, str):
        return ""
    moment = datetime.fromisoformat(text)
    days = abs((moment - datetime.now(moment.tzinfo)).days)
    return f"{moment:%a %H:%M}" if days < 6 else f"{moment:%d %b %Y %H:%M}"
