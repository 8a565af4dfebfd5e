"""The settings of the web process. `qalqan web` passes them from the configuration, as JSON."""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from gateway.core.files import UNWRITABLE, write_error_text
from gateway.web.listen import SettingsError
from webui.brand import PageBrand

# The gateway's DNS resolves it for every device. Page loads of blocked sites are redirected to it.
OWN_NAME = "qalqan.home.arpa"
MDNS_NAME = "qalqan.local"  # for a gateway that announces itself by mDNS, before devices use its DNS
SECRET_BYTES = 32

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """The settings of the TLS front: the trusted HTTPS name, its certificate files, and the port."""

    name: str
    certificate: str
    key: str
    port: int


@dataclass(frozen=True, slots=True)
class FirstRunProposal:
    """What the provider proposes in the first run: lists to turn on, and age groups of the children."""

    lists: tuple[str, ...] = ()  # ids of lists, or categories
    bands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    control: Path  # the daemon's socket
    state: Path | None = None  # a directory of the web process; None: sessions end with the process
    lan: tuple[str, ...] = ()  # interfaces of the home
    port: int = 8080
    listen: str | None = None  # "ADDR:PORT" instead of the interfaces
    allow_wan: bool = False  # listen may be reachable from outside of the home
    https: FrontSettings | None = None  # in addition to plain HTTP
    country: str = ""  # its help lines are shown until the daemon has sent some; empty: international ones
    # The family's language until the daemon reports it, for browsers that prefer none of ours.
    language: str = ""
    names: frozenset[str] = field(default_factory=lambda: frozenset({OWN_NAME, MDNS_NAME, "localhost"}))
    brand: PageBrand = field(default_factory=PageBrand)
    propose: FirstRunProposal = field(default_factory=FirstRunProposal)
    # The path of the trust list for adult proofs, and its key; None: no wallet can be used.
    age_trust: tuple[str, str] | None = None


def session_key(state: Path | None) -> bytes:
    """Return the secret key that signs cookies. It is created once, and only the web process can read it.

    On a full disk or a read-only file system, and without ``state``, the key lasts until the web process
    ends. Raises SettingsError if the state directory cannot be read or written for another reason.
    """
    if state is None:
        return secrets.token_bytes(SECRET_BYTES)
    path = state / "session.key"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = path.read_bytes() if path.exists() else b""
        if len(key) != SECRET_BYTES:
            key = secrets.token_bytes(SECRET_BYTES)
            fresh = path.with_suffix(".new")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
    except OSError as error:
        if error.errno in UNWRITABLE:
            _log.error("%s: %s; sessions end with this process", path, write_error_text(error))
            return secrets.token_bytes(SECRET_BYTES)
        msg = f"{path}: {error.strerror}; give the web process a state directory that it may write"
        raise SettingsError(msg) from error
    return key
