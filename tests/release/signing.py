"""Signs files of a release with an OpenPGP key, by gpg."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "QALQAN_SIGN_KEY"
COMMAND_S = 60.0


class SigningError(Exception):
    """A key that cannot be used; one line with the way to fix it."""


class SigningKey:
    """One secret key. ``home`` is a keyring folder of gpg; None: the user's own."""

    def __init__(self, name: str, home: Path | None = None) -> None:
        self._home = home
        self.fingerprint = self._find(name)

    def sign_inline(self, source: Path, signed: Path) -> None:
        """Write the text of ``source`` with the signature around it, as apt's InRelease."""
        self._run("--armor", "--clearsign", "--output", str(signed), str(source))

    def sign_apart(self, source: Path, signature: Path) -> None:
        """Write an armoured signature of ``source`` into a file of its own."""
        self._run("--armor", "--detach-sign", "--output", str(signature), str(source))

    def export(self, path: Path) -> None:
        """Write the public key, in the binary form that apt's `Signed-By` accepts."""
        path.unlink(missing_ok=True)
        self._run("--export-options", "export-minimal", "--output", str(path), "--export", self.fingerprint)

    def _find(self, name: str) -> str:
        words = ("--with-colons", "--list-secret-keys", *((name,) if name else ()))
        for line in gpg(self._home, *words).splitlines():
            fields = line.split(":")
            if fields[0] == "fpr":
                return fields[9]
        msg = (
            f"{VARIABLE}: {name or 'the file'} has no secret key; export one with: "
            "gpg --export-secret-keys NAME"
        )
        raise SigningError(msg)

    def _run(self, *words: str) -> None:
        gpg(self._home, "--yes", "--local-user", self.fingerprint, "--digest-algo", "SHA512", *words)


def gpg(home: Path | None, *words: str) -> str:
    """Run gpg with a keyring folder and return its output. Raises SigningError with gpg's last line."""
    folder = () if home is None else ("--homedir", str(home))
    argv = ["gpg", "--batch", "--no-tty", "--quiet", *folder, *words]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"gpg did not run: {error}"
        raise SigningError(msg) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        msg = f"gpg: {lines[-1].removeprefix('gpg: ')}"
        raise SigningError(msg)
    return done.stdout


def create_key(path: Path, name: str) -> None:
    """Create a key without passphrase and write its secret part to ``path``. For tests."""
    with _keyring() as home:
        words = ("--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never")
        gpg(home, *words)
        gpg(home, "--armor", "--output", str(path), "--export-secret-keys", name)


@contextmanager
def signing_key(named: str | None = None) -> Iterator[SigningKey]:
    """The key that ``named`` or QALQAN_SIGN_KEY names: a file with a secret key, or a key in the keyring.

    Raises SigningError without a usable key.
    """
    name = os.environ.get(VARIABLE, "") if named is None else named
    if not name:
        msg = (
            f"{VARIABLE} is not set, so the release cannot be signed; set it to a file from "
            "gpg --export-secret-keys, or to the name of a key in your keyring"
        )
        raise SigningError(msg)
    if not Path(name).is_file():
        yield SigningKey(name)
        return
    with _keyring() as home:
        gpg(home, "--import", name)
        yield SigningKey("", home)


@contextmanager
def _keyring() -> Iterator[Path]:
    """A keyring folder that is removed at the end, together with its agent."""
    # Directly below the temporary folder: the agent's socket path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="qq-", dir="/tmp", ignore_cleanup_errors=True) as name:
        try:
            yield Path(name)
        finally:
            argv = ["gpgconf", "--homedir", name, "--kill", "all"]
            subprocess.run(argv, capture_output=True, timeout=COMMAND_S, check=False)
