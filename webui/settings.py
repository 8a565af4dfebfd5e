"""What the web process is told when it starts."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from gateway.web.listen import SettingsError
from webui.brand import Brand

OWN_NAME = "qalqan.home.arpa"  # answered on every device's DNS; port 80 there leads here
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Https:
    """The home's trusted name: where the front listens, and the files that it shows."""

    name: str
    certificate: str
    key: str
    port: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a provider would have set-up propose."""

    lists: tuple[str, ...] = ()  # ids of lists, or kinds of sites
    bands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    control: Path  # the daemon's socket
    state: Path | None = None  # a directory of the web process alone; None: sessions end with the process
    lan: tuple[str, ...] = ()  # interfaces that face the home
    port: int = 8080
    listen: str | None = None  # "ADDR:PORT" instead of the interfaces
    allow_wan: bool = False  # listen may be reachable from elsewhere
    https: Https | None = None  # beside plain HTTP, which goes on
    country: str = ""  # of the help lines, until the daemon tells some; empty: those for everywhere
    language: str = ""  # the family's, until the daemon tells it; for a browser that asks for none of ours
    names: frozenset[str] = field(default_factory=lambda: frozenset({OWN_NAME, "localhost"}))
    brand: Brand = field(default_factory=Brand)
    propose: Proposal = field(default_factory=Proposal)
    age_trust: tuple[str, str] | None = None  # the file that says whose adult proofs count, and its key


def session_key(state: Path | None) -> bytes:
    """The key that signs sessions: made once and kept, readable by the web process alone."""
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
        msg = f"{path}: {error.strerror}; give the web process a state directory that it may write"
        raise SettingsError(msg) from error
    return key
