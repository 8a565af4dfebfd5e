"""A backup as one file that only its password opens; docs/families/backup.md has the format.

``python -m gateway.web.backup_seal seal`` and ``… open`` do it in a process of their own: what the key costs
is given back when it ends. Standard input: a line of JSON, ``{"password": …}``, then the bytes; they come out
again on standard output, or why not as a line of JSON on standard error.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import zlib
from dataclasses import dataclass

from gateway.core.errors import GatewayError
from gateway.core.optional_packages import MissingPackageError, require
from gateway.core.reason_codes import Code

MAGIC = b"QALQANBK"
VERSION = 1
SCRYPT = 1
LOG_N, R, P = 14, 8, 5  # 16 MiB, and half a second here; a small router needs some ten seconds
MOST_LOG_N, MOST_R, MOST_P = 16, 8, 16  # of a file that somebody else made: 64 MiB
SALT, NONCE, TAG = 16, 12, 16  # bytes
MOST_CONTENT = 1 << 20  # bytes: 64 profiles, calendars and lists
MOST_FILE = (
    256 << 10
)  # bytes of a sealed one: text is a fifth of its size then; it is sent to the pages whole
PASSWORD_LEAST, PASSWORD_MOST = 8, 200  # characters; a file may be tried on for years

SEALED = "backups"  # what needs a cipher, as a sentence has it

_HEADER = struct.Struct(f">8sBBBBB3x{SALT}s{NONCE}s")


class SealError(GatewayError):
    """Why a file cannot be opened, or not be made, in one line."""


@dataclass(frozen=True, slots=True)
class Header:
    log_n: int
    r: int
    p: int
    salt: bytes
    nonce: bytes

    @property
    def data(self) -> bytes:
        return _HEADER.pack(MAGIC, VERSION, SCRYPT, self.log_n, self.r, self.p, self.salt, self.nonce)


def seal(content: bytes, password: str) -> bytes:
    """Raises MissingPackageError, SealError for a password that anybody guesses, or too much of it all."""
    require("cryptography", SEALED)
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        msg = f"a backup's password has {PASSWORD_LEAST} to {PASSWORD_MOST} characters"
        raise SealError(msg).coded(Code.BACKUP_PASSWORD, least=PASSWORD_LEAST, most=PASSWORD_MOST)
    if len(content) > MOST_CONTENT:
        raise _too_large()
    header = Header(LOG_N, R, P, os.urandom(SALT), os.urandom(NONCE))
    packed = zlib.compress(content, 9)
    if len(packed) > MOST_FILE - _HEADER.size - TAG:
        raise _too_large()
    return header.data + ChaCha20Poly1305(_key(password, header)).encrypt(header.nonce, packed, header.data)


def unseal(data: bytes, password: str) -> bytes:
    """Raises SealError."""
    require("cryptography", SEALED)
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    header = read_header(data)
    body = data[_HEADER.size :]
    try:
        packed = ChaCha20Poly1305(_key(password, header)).decrypt(header.nonce, body, header.data)
    except InvalidTag:
        msg = "this is not its password, or the file is damaged"
        raise SealError(msg).coded(Code.BACKUP_LOCKED) from None
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, MOST_CONTENT + 1)
    except zlib.error:
        raise _no_backup() from None
    if len(content) > MOST_CONTENT or not unpacker.eof:
        raise _no_backup()
    return content


def read_header(data: bytes) -> Header:
    """Raises SealError for what is no backup, or one of a later version."""
    if len(data) < _HEADER.size + TAG or len(data) > MOST_FILE or not data.startswith(MAGIC):
        raise _no_backup()
    _, version, kind, log_n, r, p, salt, nonce = _HEADER.unpack_from(data)
    if version > VERSION or (version == VERSION and kind != SCRYPT):
        msg = "this backup was made by a newer Qalqan; install that one first"
        raise SealError(msg).coded(Code.BACKUP_NEWER)
    header = Header(log_n, r, p, salt, nonce)
    bounded = 1 <= log_n <= MOST_LOG_N and 1 <= r <= MOST_R and 1 <= p <= MOST_P
    if not bounded or header.data != data[: _HEADER.size]:
        raise _no_backup()
    return header


def _key(password: str, header: Header) -> bytes:
    import hashlib
    import unicodedata

    n = 1 << header.log_n
    room = 128 * header.r * (n + header.p + 4)
    # The same word is typed in several ways: with a letter of its own for ё, or е and two dots.
    typed = unicodedata.normalize("NFC", password).encode("utf-8", "replace")
    return hashlib.scrypt(typed, salt=header.salt, n=n, r=header.r, p=header.p, maxmem=room, dklen=32)


def _too_large() -> SealError:
    most = MOST_CONTENT >> 20
    msg = f"there is more than {most} MiB to keep; look for a large calendar"
    return SealError(msg).coded(Code.BACKUP_LARGE, most=most)


def _no_backup() -> SealError:
    return SealError("this is no backup of Qalqan, or it is damaged").coded(Code.BACKUP_BROKEN)


def main() -> int:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # whose memory has a password in it
    work = {"seal": seal, "open": unseal}[sys.argv[1]]
    line, _, data = sys.stdin.buffer.read().partition(b"\n")
    try:
        sys.stdout.buffer.write(work(data, str(json.loads(line)["password"])))
    except (MissingPackageError, SealError) as error:
        told = {"error": str(error), "code": error.code, "values": dict(error.values)}
        sys.stderr.write(f"{json.dumps(told)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
