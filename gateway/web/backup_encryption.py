"""Encrypts a backup with a password; docs/families/backup.md describes the format.

``python -m gateway.web.backup_encryption encrypt``, ``… decrypt`` and ``… derive`` run in a process of their
own, which frees the memory of the key derivation when it ends. Standard input: a line of JSON,
``{"password": …}``, then the bytes. Standard output: the result. Standard error: an error as a line of JSON.

``derive`` returns a key for automatic backups, as text. It encrypts files that the password decrypts.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import zlib
from dataclasses import dataclass

from gateway.core.errors import ControlError
from gateway.core.optional_packages import MissingPackageError, require
from gateway.core.reason_codes import Code

MAGIC = b"QALQANBK"
VERSION = 1
SCRYPT = 1
LOG_N, R, P = 14, 8, 5  # 16 MiB, and half a second here; a small router needs some ten seconds
MOST_LOG_N, MOST_R, MOST_P = 15, 8, 8  # limits for foreign files: 32 MiB, and three times as long
SALT, NONCE, TAG = 16, 12, 16  # bytes
MOST_CONTENT = 1 << 20  # bytes: 64 profiles, calendars and lists
MOST_FILE = 256 << 10  # bytes of an encrypted file; text compresses to a fifth. The pages hold it in memory
PASSWORD_LEAST, PASSWORD_MOST = 8, 200  # characters; an attacker has years to guess

PARAMETERS = 32  # bytes of the header before the nonce
STORED_KEY = re.compile(r"[0-9a-f]{64}:[0-9a-f]{64}", re.ASCII)  # those bytes, and the key

SEALED = "backups"  # the feature in the message about a missing package

_HEADER = struct.Struct(f">8sBBBBB3x{SALT}s{NONCE}s")


class BackupFileError(ControlError):
    """Raised if a backup cannot be made or opened. The message is one line."""


@dataclass(frozen=True, slots=True)
class BackupHeader:
    """The unencrypted start of a backup file: the parameters of scrypt with the salt, and the nonce."""

    log_n: int  # scrypt's N is 2 to the power of this
    r: int
    p: int
    salt: bytes  # SALT bytes
    nonce: bytes  # NONCE bytes

    @property
    def data(self) -> bytes:
        return _HEADER.pack(MAGIC, VERSION, SCRYPT, self.log_n, self.r, self.p, self.salt, self.nonce)


def encrypt_backup(content: bytes, password: str) -> bytes:
    """Return ``content`` as a backup file, compressed and encrypted with a key from the password.

    Raises MissingPackageError, or BackupFileError for a password of the wrong length or too much content.
    """
    require("cryptography", SEALED)
    header = _new_header(password)
    return _sealed(content, header, _key(password, header))


def derive_key(_content: bytes, password: str) -> bytes:
    """Return what is stored to encrypt automatic backups: scrypt parameters and the password's key, in hex.

    The salt in them is new, so that each call returns another key. The first argument is not used.
    Raises BackupFileError for a password of the wrong length.
    """
    header = _new_header(password)
    return f"{header.data[:PARAMETERS].hex()}:{_key(password, header).hex()}".encode()


def encrypt_with_key(content: bytes, stored: str) -> bytes:
    """Return ``content`` as a backup file, encrypted with a key that `derive_key` returned (``stored``).

    Raises MissingPackageError, or BackupFileError for a damaged key or too much content.
    """
    require("cryptography", SEALED)
    if not STORED_KEY.fullmatch(stored):
        msg = "the stored key is damaged. Type the passphrase again"
        raise BackupFileError(msg)
    parameters, _, key = stored.partition(":")
    nonce = os.urandom(NONCE)
    padding = bytes(_HEADER.size + TAG - PARAMETERS - NONCE)
    return _sealed(content, read_header(bytes.fromhex(parameters) + nonce + padding), bytes.fromhex(key))


def _new_header(password: str) -> BackupHeader:
    """Return a backup file's header with a new random salt and nonce.

    Raises BackupFileError for a password of the wrong length.
    """
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise BackupFileError.of(Code.BACKUP_PASSWORD, least=PASSWORD_LEAST, most=PASSWORD_MOST)
    return BackupHeader(LOG_N, R, P, os.urandom(SALT), os.urandom(NONCE))


def _sealed(content: bytes, header: BackupHeader, key: bytes) -> bytes:
    """Return a backup file: the header, then ``content`` compressed and encrypted with ``key``.

    Raises BackupFileError for too much content.
    """
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if len(content) > MOST_CONTENT:
        raise _too_large()
    packed = zlib.compress(content, 9)
    if len(packed) > MOST_FILE - _HEADER.size - TAG:
        raise _too_large()
    return header.data + ChaCha20Poly1305(key).encrypt(header.nonce, packed, header.data)


def decrypt_backup(data: bytes, password: str) -> bytes:
    """Return the decrypted, unpacked content of a backup file.

    Raises MissingPackageError, or BackupFileError for a wrong password, a file that is no backup, and one of
    a later version.
    """
    require("cryptography", SEALED)
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    header = read_header(data)
    body = data[_HEADER.size :]
    try:
        packed = ChaCha20Poly1305(_key(password, header)).decrypt(header.nonce, body, header.data)
    except InvalidTag:
        raise BackupFileError.of(Code.BACKUP_LOCKED) from None
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, MOST_CONTENT + 1)
    except zlib.error:
        raise _no_backup() from None
    if len(content) > MOST_CONTENT or not unpacker.eof:
        raise _no_backup()
    return content


def read_header(data: bytes) -> BackupHeader:
    """Return the header at the start of a backup file.

    Raises BackupFileError for data that is not a backup, or is from a later version.
    """
    if len(data) < _HEADER.size + TAG or len(data) > MOST_FILE or not data.startswith(MAGIC):
        raise _no_backup()
    _, version, kind, log_n, r, p, salt, nonce = _HEADER.unpack_from(data)
    if version > VERSION or (version == VERSION and kind != SCRYPT):
        raise BackupFileError.of(Code.BACKUP_NEWER)
    header = BackupHeader(log_n, r, p, salt, nonce)
    bounded = 1 <= log_n <= MOST_LOG_N and 1 <= r <= MOST_R and 1 <= p <= MOST_P
    if not bounded or header.data != data[: _HEADER.size]:
        raise _no_backup()
    return header


def _key(password: str, header: BackupHeader) -> bytes:
    import hashlib
    import unicodedata

    n = 1 << header.log_n
    room = 128 * header.r * (n + header.p + 4)
    # Keyboards produce the same text in several forms: ё as one character, or as е with a combining mark.
    typed = unicodedata.normalize("NFC", password).encode("utf-8", "replace")
    return hashlib.scrypt(typed, salt=header.salt, n=n, r=header.r, p=header.p, maxmem=room, dklen=32)


def _too_large() -> BackupFileError:
    return BackupFileError.of(Code.BACKUP_LARGE, most=MOST_CONTENT >> 20)


def _no_backup() -> BackupFileError:
    return BackupFileError.of(Code.BACKUP_BROKEN)


def main() -> int:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain the password
    work = {"encrypt": encrypt_backup, "decrypt": decrypt_backup, "derive": derive_key}[sys.argv[1]]
    line, _, data = sys.stdin.buffer.read().partition(b"\n")
    try:
        sys.stdout.buffer.write(work(data, str(json.loads(line)["password"])))
    except (MissingPackageError, BackupFileError) as error:
        refusal = {"error": str(error), "code": error.code, "values": dict(error.values)}
        sys.stderr.write(f"{json.dumps(refusal)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
