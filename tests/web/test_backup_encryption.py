"""A sealed backup: opened by hand as docs/families/backup.md says, and by nothing but its password."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from gateway.core.reason_codes import Code
from gateway.web.backup_encryption import (
    MOST_CONTENT,
    MOST_FILE,
    BackupFileError,
    decrypt_backup,
    encrypt_backup,
)
from tests.core_dumps import NONE, core_limits
from tests.pace import until

PASSWORD = "four quiet words"
CONTENT = b'{"format": 1}'


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return encrypt_backup(CONTENT, PASSWORD)


def test_it_opens_by_the_document_alone(sealed: bytes) -> None:
    header, body = sealed[:44], sealed[44:]
    assert header[:8] == b"QALQANBK"
    assert (header[8], header[9], header[13:16]) == (1, 1, bytes(3))
    salt, nonce = header[16:32], header[32:44]
    key = Scrypt(salt=salt, length=32, n=2 ** header[10], r=header[11], p=header[12]).derive(
        PASSWORD.encode()
    )
    assert zlib.decompress(ChaCha20Poly1305(key).decrypt(nonce, body, header)) == CONTENT


def test_each_is_another(sealed: bytes) -> None:
    assert decrypt_backup(sealed, PASSWORD) == CONTENT
    other = encrypt_backup(CONTENT, PASSWORD)
    assert other[16:] != sealed[16:]
    assert CONTENT not in sealed


def test_a_letter_may_be_typed_in_two_ways() -> None:
    assert decrypt_backup(encrypt_backup(CONTENT, "\u0451 " * 4), "\u0435\u0308 " * 4) == CONTENT


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), Code.BACKUP_LOCKED),
        (lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:], Code.BACKUP_LOCKED),
        (lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:], Code.BACKUP_LOCKED),
        (lambda data: data[:-5], Code.BACKUP_LOCKED),
        (lambda data: data + b"x", Code.BACKUP_LOCKED),
        (
            lambda data: data[:10] + b"\x0d" + data[11:],
            Code.BACKUP_LOCKED,
        ),  # other costs than it was made with
        (lambda data: data[:8] + b"\x02" + data[9:], Code.BACKUP_NEWER),
        (lambda data: data[:9] + b"\x02" + data[10:], Code.BACKUP_NEWER),
        (lambda data: data[:8] + b"\x00" + data[9:], Code.BACKUP_BROKEN),
        (lambda data: data[:10] + b"\x1f" + data[11:], Code.BACKUP_BROKEN),  # 16 GiB of memory
        (lambda data: data[:10] + b"\x10" + data[11:], Code.BACKUP_BROKEN),  # 64 MiB
        (lambda data: data[:12] + b"\x09" + data[13:], Code.BACKUP_BROKEN),
        (lambda data: data[:11] + b"\x00" + data[12:], Code.BACKUP_BROKEN),
        (lambda data: data[:12] + b"\xff" + data[13:], Code.BACKUP_BROKEN),
        (lambda data: data[:14] + b"\x01" + data[15:], Code.BACKUP_BROKEN),
        (lambda data: b"PK\x03\x04" + data[4:], Code.BACKUP_BROKEN),
        (lambda data: data[:50], Code.BACKUP_BROKEN),
        (lambda data: b"", Code.BACKUP_BROKEN),
        (lambda data: data + bytes(MOST_FILE), Code.BACKUP_BROKEN),
    ],
)
def test_what_was_damaged_says_so_in_one_line(
    sealed: bytes, spoil: Callable[[bytes], bytes], code: Code
) -> None:
    with pytest.raises(BackupFileError) as refused:
        decrypt_backup(spoil(sealed), PASSWORD)
    assert refused.value.code == code
    assert "\n" not in str(refused.value)


def test_another_password_opens_nothing(sealed: bytes) -> None:
    with pytest.raises(BackupFileError) as refused:
        decrypt_backup(sealed, "Four quiet words")
    assert refused.value.code == Code.BACKUP_LOCKED


@pytest.mark.parametrize("password", ["", "1234567", "x" * 201])
def test_a_password_that_is_none_makes_no_file(password: str) -> None:
    with pytest.raises(BackupFileError) as refused:
        encrypt_backup(CONTENT, password)
    assert refused.value.code == Code.BACKUP_PASSWORD


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackupFileError) as refused:
        encrypt_backup(bytes(MOST_CONTENT + 1), PASSWORD)
    assert refused.value.code == Code.BACKUP_LARGE
    monkeypatch.setattr("gateway.web.backup_encryption.MOST_CONTENT", 8 * MOST_CONTENT)
    bomb = encrypt_backup(bytes(4 * MOST_CONTENT), PASSWORD)
    monkeypatch.undo()
    with pytest.raises(BackupFileError) as refused:
        decrypt_backup(bomb, PASSWORD)
    assert refused.value.code == Code.BACKUP_BROKEN


def run(what: str, data: bytes, password: str) -> subprocess.CompletedProcess[bytes]:
    request = json.dumps({"password": password}).encode() + b"\n" + data
    return subprocess.run(
        [sys.executable, "-m", "gateway.web.backup_encryption", what],
        input=request,
        capture_output=True,
        check=False,
    )


def test_a_process_of_its_own_does_it_too() -> None:
    made = run("encrypt", CONTENT + b"\n\n", PASSWORD)
    assert run("decrypt", made.stdout, PASSWORD).stdout == CONTENT + b"\n\n"
    refused = run("decrypt", made.stdout, "another password")
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert json.loads(refused.stderr)["code"] == Code.BACKUP_LOCKED


def test_the_process_that_hears_the_password_leaves_no_core_dump() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "gateway.web.backup_encryption", "encrypt"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert until(lambda: core_limits(process.pid) == NONE, 20.0) is not None
        process.communicate(json.dumps({"password": PASSWORD}).encode() + b"\n" + CONTENT)
    assert process.returncode == 0
