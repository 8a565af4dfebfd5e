"""The verb `home_automation`: what is stored where, whose token it is, and what is never returned."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.features.home_automation import verbs
from gateway.features.home_automation.verbs import PASSWORD, SILENT_AFTER, TOKEN
from gateway.policy.accounts.people import PersonRole, digest
from gateway.policy.accounts.tokens import TOKENS_LIMIT, Token
from tests.features.backup.backed_up import furnish, web
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk

VERB = "home_automation"
SECRET = "a quiet word"
SET: dict[str, Any] = {
    "action": "set", "address": "192.168.1.5", "user": "qalqan", "password": SECRET,
    "label": "Home automation",
}  # fmt: skip


@pytest.fixture
def desk(make: Make) -> Desk:
    made = make(NOON)
    furnish(made)
    return made


def settings(desk: Desk) -> Any:
    return yaml.safe_load(Path(desk.rules.path).read_text()).get("mqtt")


def file(desk: Desk, name: str) -> Path:
    return Path(desk.rules.path).with_name(name)


def token(desk: Desk) -> Token:
    key = digest(file(desk, TOKEN).read_text().strip())
    return next(found for found in desk.store.people.tokens.all() if found.key == key)


def test_a_guardian_turns_it_on_and_off_and_everyone_sees_it(desk: Desk) -> None:
    assert web(desk, VERB) == {
        "on": False, "address": "", "port": 0, "tls": False, "user": "", "has_password": False, "rights": "",
        "installed": True, "state": "",
    }  # fmt: skip
    found = web(desk, VERB, **SET)
    assert found == {
        "on": True, "address": "192.168.1.5", "port": 1883, "tls": False, "user": "qalqan",
        "has_password": True, "rights": "helper", "installed": True, "state": "",
    }  # fmt: skip
    assert settings(desk) == {
        "address": "192.168.1.5", "user": "qalqan", "password_file": str(file(desk, PASSWORD)),
        "token_file": str(file(desk, TOKEN)),
    }  # fmt: skip
    assert file(desk, PASSWORD).read_text() == f"{SECRET}\n"
    group = Path(desk.rules.path).stat().st_gid
    for name in (PASSWORD, TOKEN):
        state = file(desk, name).stat()
        assert (state.st_mode & 0o777, state.st_gid) == (0o640, group), name
    assert (token(desk).name, token(desk).role, token(desk).until) == ("Mum", "helper", None)
    assert [entry["told"] for entry in desk.ask("status")["announced"]] == ["token"]
    assert web(desk, VERB, action="off")["on"] is False
    assert settings(desk) is None
    assert not file(desk, PASSWORD).exists()
    assert not file(desk, TOKEN).exists()
    assert desk.store.people.tokens.all() == ()
    audit = [(line["what"], line["detail"]) for line in desk.ask("audit_log")["lines"]]
    assert audit[:2] == [(VERB, "off"), (VERB, "192.168.1.5 helper")]


def test_each_change_has_a_new_token_and_keeps_the_password(desk: Desk) -> None:
    web(desk, VERB, **SET)
    before = token(desk)
    changed = {key: value for key, value in SET.items() if key != "password"} | {"rights": "guardian"}
    found = web(desk, VERB, **changed, port=8884, tls=True)
    assert (found["rights"], found["port"], found["tls"], found["has_password"]) == (
        "guardian", 8884, True, True,
    )  # fmt: skip
    assert file(desk, PASSWORD).read_text() == f"{SECRET}\n"
    assert token(desk).key != before.key
    assert desk.store.people.tokens.all() == (token(desk),)


def test_another_user_or_none_does_not_get_the_stored_password(desk: Desk) -> None:
    web(desk, VERB, **SET)
    found = web(desk, VERB, action="set", address="192.168.1.5", user="other", label="x")
    assert found["has_password"] is False
    assert not file(desk, PASSWORD).exists()
    web(desk, VERB, **SET)
    found = web(desk, VERB, action="set", address="192.168.1.5", label="x")
    assert (found["user"], found["has_password"]) == ("", False)
    assert settings(desk).keys() == {"address", "token_file"}
    assert not file(desk, PASSWORD).exists()


def test_settings_made_by_hand_stay_where_the_page_does_not_show_them(desk: Desk) -> None:
    path = Path(desk.rules.path)
    own = "mqtt: {address: broker, tls: true, ca: /ca.pem, topic: flat, names: true, token_file: /none}\n"
    path.write_text(path.read_text() + own)
    desk.reload()
    assert web(desk, VERB)["rights"] == ""
    web(desk, VERB, **SET, tls=True)
    assert settings(desk).items() >= {"ca": "/ca.pem", "topic": "flat", "names": True, "tls": True}.items()
    web(desk, VERB, **SET)
    assert "ca" not in settings(desk), "it is for encrypted connections only"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"address": None}, Code.INVALID),
        ({"address": "a b"}, Code.BAD_RULE),
        ({"address": "mqtt://192.168.1.5"}, Code.BAD_RULE),
        ({"port": 0}, Code.INVALID),
        ({"user": None}, Code.INVALID),
        ({"password": "two\nlines"}, Code.INVALID),
        ({"rights": "support"}, Code.INVALID),
        ({"label": None}, Code.INVALID),
        ({"by": "Nobody"}, Code.NO_GUARDIAN),
    ],
)
def test_what_cannot_be_used_changes_nothing(desk: Desk, values: dict[str, object], code: Code) -> None:
    before = Path(desk.rules.path).read_bytes()
    with pytest.raises(GatewayError) as refused:
        web(desk, VERB, **{**SET, **values})
    assert refused.value.code == code
    assert Path(desk.rules.path).read_bytes() == before
    assert not file(desk, PASSWORD).exists()
    assert not file(desk, TOKEN).exists()
    assert desk.store.people.tokens.all() == ()


def test_one_token_too_many_is_refused(desk: Desk) -> None:
    for number in range(TOKENS_LIMIT):
        made = Token(digest(str(number)), "Mum", "x", PersonRole.SUPPORT, desk.clock.now())
        desk.store.people.tokens.add(made)
    with pytest.raises(GatewayError) as refused:
        web(desk, VERB, **SET)
    assert refused.value.code == Code.TOO_MANY_TOKENS
    assert not file(desk, TOKEN).exists(), "nothing is started"
    assert settings(desk) is None


def test_a_change_replaces_the_last_of_all_tokens(desk: Desk) -> None:
    web(desk, VERB, **SET)
    before = token(desk)
    for number in range(TOKENS_LIMIT - 1):
        made = Token(digest(str(number)), "Mum", "x", PersonRole.SUPPORT, desk.clock.now())
        desk.store.people.tokens.add(made)
    assert web(desk, VERB, **SET, port=8884)["port"] == 8884
    assert token(desk).key != before.key
    assert len(desk.store.people.tokens.all()) == TOKENS_LIMIT


def test_the_end_of_the_token_is_shown(desk: Desk) -> None:
    web(desk, VERB, **SET)
    desk.store.people.tokens.end("Mum")
    assert web(desk, VERB)["rights"] == ""


def test_the_process_reports_and_silence_is_no_state(desk: Desk) -> None:
    web(desk, VERB, **SET)
    desk.ask(VERB, Role.WEB, action="report", state="refused")
    assert web(desk, VERB)["state"] == "refused"
    desk.go(timedelta(seconds=SILENT_AFTER - 1))
    assert web(desk, VERB)["state"] == "refused"
    desk.go(timedelta(seconds=1))
    assert web(desk, VERB)["state"] == ""
    desk.ask(VERB, Role.WEB, action="report", state="connected")
    web(desk, VERB, **SET)
    assert web(desk, VERB)["state"] == "", "what was before a change says nothing about it"
    with pytest.raises(GatewayError):
        desk.ask(VERB, Role.WEB, action="report", state="fine")


def test_only_guardians_see_the_settings(desk: Desk) -> None:
    for values in ({"action": "show"}, {"action": "off"}, SET):
        with pytest.raises(GatewayError) as refused:
            desk.ask(VERB, Role.WEB, **values)
        assert refused.value.code == Code.INVALID, "there is no way without a name"


def test_no_answer_log_history_or_backup_has_a_secret(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    answers = [web(desk, VERB, **SET), web(desk, VERB), web(desk, VERB, **SET)]
    secrets = (SECRET, file(desk, TOKEN).read_text().strip())
    answers += [desk.ask(verb) for verb in ("audit_log", "family", "status", "backup")]
    texts = [json.dumps(answers, default=str), caplog.text]
    texts += [path.read_text() for path in Path(desk.rules.path).parent.rglob("*.yaml")]
    for secret in secrets:
        assert not [text for text in texts if secret in text]
    assert "mqtt" not in json.dumps(answers[-1], default=str), "it depends on the machine"


def test_without_the_packages_it_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "is_installed", lambda module: module != "paho")
    assert web(desk, VERB)["installed"] is False


def test_a_file_that_cannot_be_written_is_one_line(desk: Desk) -> None:
    file(desk, TOKEN).mkdir()
    with pytest.raises(GatewayError) as refused:
        web(desk, VERB, **SET)
    assert str(file(desk, TOKEN)) in str(refused.value)
