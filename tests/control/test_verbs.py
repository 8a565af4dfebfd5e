"""Declared verbs: decoding of requests and answers, on a router and through a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from gateway.control.client import Client
from gateway.control.protocol import Call, ControlRequest, Role
from gateway.control.router import Router
from gateway.control.schema import Whole, record
from gateway.control.verbs import Sender, Verb
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.control.running import running

AT = datetime(2026, 11, 24, 20, 45, tzinfo=UTC)


@record
class Wish:
    minutes: Annotated[int, Whole(1, 60)]
    gate: Literal["play", "internet"]
    from_: date | None = None


@record
class Part:
    at: datetime
    day: date


@record
class Given:
    minutes: int
    parts: tuple[Part, ...]
    from_: date | None


GIVE = Verb("give", Wish, Given, senders=frozenset({Sender.GUARDIAN}))


def give(call: Call[Wish]) -> Given:
    part = Part(at=AT, day=AT.date())
    return Given(minutes=call.args.minutes, parts=(part, part), from_=call.args.from_)


@pytest.fixture
def router() -> Router:
    router = Router()
    router.serve(GIVE, give)
    return router


@pytest.fixture
def client(router: Router, tmp_path: Path) -> Iterator[Client]:
    with running(tmp_path / "control.sock", router.verbs) as daemon:
        yield Client(daemon.path)


def request(**values: Any) -> ControlRequest:
    return ControlRequest("give", Role.OWNER, 0, values)


def test_a_handler_gets_decoded_arguments_and_the_keys_of_the_sender(router: Router) -> None:
    seen: list[Call[Wish]] = []

    def keep(call: Call[Wish]) -> Given:
        seen.append(call)
        return give(call)

    own = Router()
    own.serve(GIVE, keep)
    own.verbs["give"](request(minutes=5, gate="play", by="Mum", **{"from": "2026-11-24"}))
    (call,) = seen
    assert (call.args.minutes, call.args.gate, call.args.from_) == (5, "play", date(2026, 11, 24))
    assert call.text("by") == "Mum"


@pytest.mark.parametrize(
    ("values", "key", "problem"),
    [
        ({"gate": "play"}, "minutes", "is missing"),
        ({"minutes": None, "gate": "play"}, "minutes", "is missing"),
        ({"minutes": 0, "gate": "play"}, "minutes", "must be a whole number from 1 to 60"),
        ({"minutes": "5", "gate": "play"}, "minutes", "must be a whole number from 1 to 60"),
        ({"minutes": 5, "gate": "work"}, "gate", "must be one of play, internet"),
        ({"minutes": 5, "gate": "play", "from": "soon"}, "from", "must be a date such as 2026-11-24"),
    ],
)
def test_a_wrong_argument_is_refused_by_its_key(
    router: Router, values: dict[str, Any], key: str, problem: str
) -> None:
    with pytest.raises(ControlError) as refused:
        router.verbs["give"](request(**values))
    assert str(refused.value) == f'give: "{key}" {problem}'
    assert refused.value.code == Code.INVALID
    assert refused.value.values == {"key": key}


def test_an_answer_comes_back_as_the_record_that_was_sent(client: Client) -> None:
    given = client.ask(GIVE, minutes=5, gate="play", **{"from": "2026-11-24"})
    assert isinstance(given, Given)
    assert (given.minutes, given.from_) == (5, date(2026, 11, 24))
    assert [(part.at, part.day) for part in given.parts] == [(AT, AT.date())] * 2


def test_a_refusal_reaches_the_client(client: Client) -> None:
    with pytest.raises(ControlError, match='give: "minutes" is missing'):
        client.ask(GIVE, gate="play")


def test_answers_of_another_version() -> None:
    """Unknown keys are ignored, and texts, numbers and lists that are missing are empty."""
    newer = GIVE.decode_response({"minutes": 5, "parts": [], "from": None, "news": 1})
    older = GIVE.decode_response({"minutes": 5})
    assert (newer.minutes, older.parts, older.from_) == (5, (), None)
    with pytest.raises(ControlError, match="the daemon's answer to 'give' has an unexpected '/minutes'"):
        GIVE.decode_response({"minutes": "5"})


def test_two_features_cannot_have_the_same_verb(router: Router) -> None:
    with pytest.raises(ValueError, match="registered twice"):
        router.serve(GIVE, give)
