"""What the verb `guardian` is given in tests: a clock that a test moves, a home with known devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.control.guardians import Guardians
from gateway.control.proofs import Proofs
from gateway.control.protocol import ControlRequest
from gateway.control.router import Router
from gateway.control.schema import is_record, values_of
from gateway.control.surroundings import Around, Requester
from gateway.policy.accounts.people import AccountRegister
from gateway.web import passkeys

START = datetime(2026, 11, 24, 14, 40, tzinfo=UTC)
LABEL = "K7QM-3XPR"


@dataclass
class Scene:
    now: float = 0.0
    start: datetime = START
    known: bool = True
    label: str = LABEL
    unclaimed: bool = True
    children: bool = False
    child_uses: Callable[[str, str], bool] = lambda _ip, _device: False
    host: str = ""  # the trusted name
    audit: list[tuple[str, str, str, str]] = field(default_factory=list)
    devices: dict[str, Requester] = field(
        default_factory=lambda: {"192.168.1.7": Requester("02:00:00:00:00:0c", "Galaxy-S23")}
    )

    def wall(self) -> datetime:
        return self.start + timedelta(seconds=self.now)

    def around(self) -> Around:
        return Around(
            lambda: self.now,
            self.wall,
            lambda: self.known,
            lambda *line: self.audit.append(line),
            lambda origin: self.devices.get(origin, Requester()),
            lambda: self.label,
            lambda: self.unclaimed,
            lambda: self.children,
            lambda ip, device: self.child_uses(ip, device),
            lambda: self.host,
            _check_passkey,
        )


def _check_passkey(work: Mapping[str, object], done: Callable[[Mapping[str, Any]], None]) -> None:
    """Verify an answer at once, in this process."""
    try:
        done(passkeys.answer(work))
    except passkeys.PasskeyRefusedError as error:
        done({"refused": str(error)})


def guardians_of(register: AccountRegister, scene: Scene) -> Guardians:
    around = scene.around()
    return Guardians(register, around, Proofs(register, around.now, around.wall, around.clock_known))


def account_verb(guardians: Guardians) -> Callable[[ControlRequest], dict[str, Any]]:
    """Return the verb `guardian`. Its answers have objects and lists in place of records."""
    router = Router()
    guardians.register(router)

    def ask(request: ControlRequest) -> dict[str, Any]:
        answer = router.verbs["guardian"](request)
        assert isinstance(answer, Mapping)
        return {key: _plain(value) for key, value in answer.items()}

    return ask


def _plain(value: Any) -> Any:
    if is_record(value):
        return {key: _plain(inner) for key, inner in values_of(value).items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
