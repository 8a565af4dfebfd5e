"""Files with a password or token: the first line of a small text file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.mqtt.broker import SECRET_LIMIT, BrokerError, read_secret


def test_a_secret_is_the_first_line(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b" secret\r\n" + b"more\n" * SECRET_LIMIT)
    assert read_secret("token_file", str(file)) == "secret"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"x" * (SECRET_LIMIT + 1), "is no password or token: its first line is longer than"),
        (b"\xff\xfet\0", "is not UTF-8 text"),
        (b"\n", "is empty"),
    ],
)
def test_a_file_that_is_no_secret(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(BrokerError) as refused:
        read_secret("token_file", str(file))
    assert str(refused.value).startswith(f"mqtt.token_file: {file}")
    assert problem in str(refused.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "token"
    os.mkfifo(file)
    with pytest.raises(BrokerError, match="is not a regular file"):
        read_secret("token_file", str(file))
