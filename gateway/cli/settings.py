"""The household's settings for a command: the configuration file and the control socket."""

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


def read_config(path: Path, *, lenient: bool = False) -> Config:
    """Return the configuration from ``path``; on a router, its UCI options override the file.

    Neither profiles nor the packaged data are read. Raises PolicyError, with file and line, for any invalid
    setting. ``lenient``: one that filtering does not need gets its default instead, and a line in
    ``problems``.
    """
    return homeconfig.read_config(path, _is_public_suffix, lenient=lenient)


def config_in_use(path: Path) -> Config:
    """Return the configuration that the daemon and the pages use.

    An invalid setting that filtering does not need gets its default, and a line in ``problems``. If a file is
    unusable otherwise, this is the last good configuration. Raises PolicyError if there is none.
    """
    return homeconfig.config_in_use(path, _is_public_suffix)


def _is_public_suffix(name: str) -> bool:
    # Imported late: the list takes 30 ms to read, and few configurations have a host name to check.
    from gateway.lists.public_suffixes import public_suffix_check

    return public_suffix_check()(name)


def control_socket(config: Config) -> Path:
    return Path(config.runtime) / SOCKET


def daemon(args: Namespace) -> Client:
    """Return a client for the control socket of this household's daemon. It does not connect yet.

    Raises PolicyError if no usable configuration says where the socket is.
    """
    return Client(control_socket(config_in_use(config_path(args))))


def when(time: object) -> str:
    """Return a time from the daemon as ``Tue 20:45``, or as a date and time if it is not near.

    A date is shown from six days ahead, and for more than five days ago. ``time``: a datetime or ISO text.
    Return an empty text for a value of another type, such as None. Raises ValueError for another text.
    """
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    if not isinstance(moment, datetime):
        return ""
    days = abs((moment - datetime.now(moment.tzinfo)).days)
    return f"{moment:%a %H:%M}" if days < 6 else f"{moment:%d %b %Y %H:%M}"


def describe_tier(*, chosen: bool) -> str:
    """Return the text why the gateway uses its tier (its set of lists).

    ``chosen``: it is set in qalqan.yaml; otherwise the memory decides it.
    """
    return "as set" if chosen else "which fits the memory; change it with lists: {tier: …} in qalqan.yaml"
