"""The daemon's checks of passkeys: real processes on a real loop, one after the other, and what fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import ControlError
from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Loop
from gateway.core.reason_codes import Code
from gateway.features.accounts import passkey_checks
from gateway.features.accounts.passkey_checks import WAITING_LIMIT, PasskeyChecks
from tests.web.authenticator import Authenticator, encode

HOST = "home.example.org"
OPTIONS = {"challenge": encode(bytes(32)), "attestation": "none", "user": {"id": "dXNlcg"}}


class Checking:
    def __init__(self) -> None:
        self.loop = Loop()
        self.checks = PasskeyChecks(self.loop)
        self.results: list[Mapping[str, Any]] = []

    def start(self, **flaws: Any) -> None:
        answer = Authenticator(HOST).create(OPTIONS, **flaws)
        work = {"do": "register", "host": HOST, "challenge": OPTIONS["challenge"], **answer}
        self.checks.start(work, self._done)

    def _done(self, result: Mapping[str, Any]) -> None:
        self.results.append(result)

    def wait(self, number: int) -> list[Mapping[str, Any]]:
        """Run the loop until there are so many results."""
        late = self.loop.call_later(60, lambda: pytest.fail("no result"))

        def look() -> None:
            if len(self.results) >= number:
                self.loop.stop()
            else:
                self.loop.call_later(0.02, look)

        self.loop.call_later(0.0, look)
        self.loop.run()
        late.cancel()
        return self.results


@pytest.fixture
def checking() -> Iterator[Checking]:
    made = Checking()
    yield made
    made.checks.close()
    made.loop.close()


def test_answers_are_verified_one_after_the_other_and_few_wait(checking: Checking) -> None:
    checking.start()
    checking.start(flags=0)
    for _ in range(WAITING_LIMIT - 1):
        checking.start()
    with pytest.raises(ControlError) as caught:
        checking.start()
    assert caught.value.code == Code.PASSKEY_UNCHECKED
    first, second, *others = checking.wait(WAITING_LIMIT + 1)
    assert first["count"] == 0
    assert list(second) == ["refused"]
    assert all("key" in other for other in others)
    checking.start()
    assert len(checking.wait(WAITING_LIMIT + 2)) == WAITING_LIMIT + 2, "there is room again"


def test_a_verifier_that_fails_or_hangs_does_not_stop_the_next(
    checking: Checking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "broken.py").write_text("raise SystemExit(3)")
    (tmp_path / "hanging.py").write_text("import time\ntime.sleep(60)")
    monkeypatch.setattr(passkey_checks, "VERIFIER", "broken")
    checking.start()
    assert checking.wait(1)[-1] == {}
    monkeypatch.setattr(passkey_checks, "VERIFIER", "hanging")
    monkeypatch.setattr(checking.checks._process, "_timeout", 0.5)
    checking.start()
    assert checking.wait(2)[-1] == {}
    monkeypatch.undo()
    monkeypatch.setattr(checking.checks._process, "_timeout", 30.0)
    with monkeypatch.context() as patch:

        def no_process(*_: object) -> None:
            raise BlockingIOError(11, "no process can be made")

        patch.setattr(HelperProcess, "start", no_process)
        checking.start()
        assert checking.wait(3)[-1] == {}
    checking.start()
    assert "key" in checking.wait(4)[-1]
