"""What the web process is told when it starts."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from gateway.errors import GatewayError
from webui.brand import Brand

OWN_NAME = "qalqan.home.arpa"  # answered on every device's DNS; port 80 there leads here
SECRET_BYTES = 32


class SettingsError(GatewayError):
    """A setting that cannot be used."""


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


def parse_listen(text: str, *, allow_wan: bool) -> tuple[str, int]:
    """``192.168.1.1:8080`` or ``[fd00::1]:8080`` becomes address and port."""
    address, _, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    try:
        parsed = ip_address(address)
        number = int(port)
    except ValueError:
        msg = (
            f'web.listen: {text!r} is no address and port; write it as "192.168.1.1:8080" or "[fd00::1]:8080"'
        )
        raise SettingsError(msg) from None
    if not 0 <= number < 65536:
        msg = f"web.listen: {number} is no port; ports go from 1 to 65535"
        raise SettingsError(msg)
    if not allow_wan and (parsed.is_unspecified or not parsed.is_private):
        msg = f"web.listen: {address} may be reachable from outside the home; web.allow_wan: true allows it"
        raise SettingsError(msg)
    return address, number


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
