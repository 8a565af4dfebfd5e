"""`qalqan mqtt` with Home Assistant itself: `make home-assistant` installs it and runs this file.

Not collected by other runs, as its name does not begin with ``test_``.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests import pace
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, BLOCKED, REFUSED, fetch, set_time
from tests.lab.home import ROOT, Home
from tests.mqtt.broker import PASSWORD, USER, Mosquitto
from tests.mqtt.conftest import PROFILES, Connect

pytestmark = pytest.mark.lab

PYTHON = ROOT / ".run/home-assistant/bin/python"
# Seconds: Home Assistant subscribes to topics some time after it shows the entity; events are not retained.
SUBSCRIBED = 3.0
DOCUMENT = ROOT / "docs/families/home-assistant.md"
DRIVER = Path(__file__).parent / "hass_driver.py"
ENTITIES = {
    *("binary_sensor.qalqan_problem", "binary_sensor.qalqan_internet", "switch.qalqan_filter"),
    *("sensor.daughter_state", "sensor.daughter_time_left", "sensor.daughter_next_change"),
    *("binary_sensor.daughter_bedtime", "sensor.daughter_open_requests", "event.daughter_request"),
    *("button.daughter_pause_internet", "button.daughter_resume_internet", "button.daughter_15_minutes_more"),
    *("button.daughter_allow_the_oldest_request", "button.daughter_decline_the_oldest_request"),
}


class HomeAssistant:
    """Home Assistant with the broker set up as a person does it: address, user and password.

    ``automation``: one in YAML, as in its file `automations.yaml`.
    """

    def __init__(self, broker: Mosquitto, folder: Path, automation: str = "") -> None:
        self._folder = folder / "hass"
        self._folder.mkdir()
        if automation:
            (self._folder / "automation.yaml").write_text(automation)
        self._command = [str(PYTHON), str(DRIVER), str(self._folder), str(broker.port), USER, PASSWORD]

    def __enter__(self) -> HomeAssistant:
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._line() == "ready", (self._folder / "log").read_text()[-2000:]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()  # it then ends
            try:
                process.wait(pace.longest(20.0))
            finally:
                process.kill()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def ask(self, do: str, entity: str = "") -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "entity": entity}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._line())

    def states(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.ask("states")
        return found

    def state(self, entity: str) -> str:
        return str(self.states().get(entity, {}).get("state"))

    def press(self, entity: str) -> None:
        self.ask("button.press", entity)

    def await_(self, condition: Callable[[], object], what: str, seconds: float = 5.0) -> None:
        assert pace.until(condition, seconds, 0.2) is not None, f"{what}: {self.states()}"

    def await_state(self, entity: str, state: str) -> None:
        self.await_(lambda: self.state(entity) == state, f"{entity} is not {state}")


@pytest.fixture
def hass(broker: Mosquitto, folder: Path) -> Iterator[HomeAssistant]:
    with HomeAssistant(broker, folder) as started:
        yield started


def test_entities_appear_and_a_button_pauses_a_real_device(
    home: Home, daemon: Daemon, hass: HomeAssistant, connect: Connect
) -> None:
    connect(children=["daughter"], filter_switch=True)
    hass.await_(lambda: hass.states().keys() >= ENTITIES, "entities are missing")
    tablet = home.devices["tablet"]
    hass.await_state("sensor.daughter_state", "open")
    assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
    assert hass.state("sensor.daughter_time_left") == "120"
    assert hass.state("binary_sensor.daughter_bedtime") == "off"
    assert hass.state("binary_sensor.qalqan_problem") == "off"

    hass.press("button.daughter_pause_internet")
    hass.await_state("sensor.daughter_state", "paused")
    assert not fetch(tablet, f"https://{ALLOWED}/", 4).reached
    assert fetch(home.devices["phone"], f"https://{ALLOWED}/", 4).reached
    hass.press("button.daughter_resume_internet")
    hass.await_state("sensor.daughter_state", "open")
    assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
    hass.press("button.daughter_15_minutes_more")
    hass.await_state("sensor.daughter_time_left", "135")


def test_a_request_is_an_event_and_is_allowed_by_its_button(
    daemon: Daemon, hass: HomeAssistant, connect: Connect
) -> None:
    connect(children=["daughter"])
    allow = "button.daughter_allow_the_oldest_request"
    hass.await_state(allow, "unavailable")
    hass.await_state("event.daughter_request", "unknown")
    time.sleep(SUBSCRIBED)
    asked = daemon.client.call("request", device=names.TABLET.mac, minutes=20)["request"]["id"]
    hass.await_(lambda: hass.states()["event.daughter_request"].get("event_type") == "requested", "no event")
    assert hass.states()["event.daughter_request"]["id"] == asked
    hass.await_state("sensor.daughter_open_requests", "1")
    hass.await_(lambda: hass.state(allow) != "unavailable", "no button")
    hass.press(allow)
    hass.await_state("sensor.daughter_open_requests", "0")
    hass.await_state("sensor.daughter_time_left", "140")
    hass.await_state(allow, "unavailable")
    answered = daemon.client.call("requests")["requests"][0]
    assert (answered["id"], answered["answer"], answered["by"]) == (asked, "once", "Mum")


@pytest.fixture
def clock(daemon: Daemon) -> Iterator[None]:
    """The test moves the household's clock; afterwards it is right again."""
    yield
    daemon.client.call("clock", offset=0)


@pytest.mark.usefixtures("clock")
def test_bedtime_and_the_next_change_are_shown(daemon: Daemon, hass: HomeAssistant, connect: Connect) -> None:
    daemon.write_profile("daughter", {**PROFILES["daughter"], "bedtime": "20:45-07:00"})
    daemon.client.call("reload")
    set_time(daemon, "2026-11-25T20:30:00")
    connect(children=["daughter"])
    hass.await_state("sensor.daughter_next_change", "2026-11-25T15:45:00+00:00")
    assert hass.state("binary_sensor.daughter_bedtime") == "off"
    set_time(daemon, "2026-11-25T20:50:00")
    hass.await_state("binary_sensor.daughter_bedtime", "on")
    hass.await_state("sensor.daughter_state", "bedtime")
    hass.await_state("sensor.daughter_next_change", "2026-11-26T02:00:00+00:00")


def test_a_problem_of_the_filter_is_on_with_its_code(
    daemon: Daemon, hass: HomeAssistant, connect: Connect
) -> None:
    connect(children=["daughter"])
    problem = "binary_sensor.qalqan_problem"
    hass.await_state(problem, "off")
    (code,) = _break(daemon)
    try:
        hass.await_state(problem, "on")
        hass.await_(lambda: hass.states()[problem].get("problems") == [code], "no code")
    finally:
        (daemon.profiles / "wrong.yaml").unlink()
        daemon.client.call("reload")
    hass.await_state(problem, "off")


def _break(daemon: Daemon) -> set[str]:
    """Add a file that cannot be used. Return the codes of the problems that the daemon then has."""
    daemon.write_profile("wrong", "band: 99\n")
    daemon.client.call("reload")
    return {problem["code"] for problem in daemon.client.call("status")["coded_problems"]}


def _asked(daemon: Daemon, hass: HomeAssistant, site: str = REFUSED) -> int:
    """Send a request of the daughter's, and return its number once its event is there."""
    hass.await_state("event.daughter_request", "unknown")
    time.sleep(SUBSCRIBED)
    number = int(daemon.client.call("request", device=names.TABLET.mac, site=site)["request"]["id"])
    hass.await_(lambda: _event(hass) == ("requested", number), "no event")
    return number


def _event(hass: HomeAssistant) -> tuple[object, object]:
    found = hass.states()["event.daughter_request"]
    return found.get("event_type"), found.get("id")


def test_a_request_is_declined_by_its_button(daemon: Daemon, hass: HomeAssistant, connect: Connect) -> None:
    connect(children=["daughter"])
    number = _asked(daemon, hass)
    decline = "button.daughter_decline_the_oldest_request"
    hass.await_(lambda: hass.state(decline) != "unavailable", "no button")
    hass.press(decline)
    hass.await_(lambda: _event(hass) == ("answered", number), "no event")
    assert hass.states()["event.daughter_request"]["answer"] == "no"
    hass.await_state(decline, "unavailable")
    answered = daemon.client.call("requests")["requests"][0]
    assert (answered["id"], answered["answer"], answered["by"]) == (number, "no", "Mum")


@pytest.mark.usefixtures("clock")
def test_a_request_without_an_answer_reminds_and_expires(
    daemon: Daemon, hass: HomeAssistant, connect: Connect
) -> None:
    set_time(daemon, "2026-11-25T12:00:00")
    connect(children=["daughter"])
    number = _asked(daemon, hass)
    set_time(daemon, "2026-11-26T13:00:00")
    hass.await_(lambda: _event(hass) == ("reminder", number), "no reminder")
    set_time(daemon, "2026-12-02T13:00:00")
    hass.await_(lambda: _event(hass) == ("expired", number), "not expired")
    hass.await_state("sensor.daughter_open_requests", "0")


@pytest.mark.parametrize(
    ("action", "answer", "site"),
    [("ALLOW", "once", BLOCKED), ("DENY", "no", REFUSED)],  # it is then open
)
def test_the_automation_of_the_document_answers_from_a_phone(
    daemon: Daemon, broker: Mosquitto, folder: Path, connect: Connect, action: str, answer: str, site: str
) -> None:
    (text,) = re.findall(r"```yaml\n(alias: .*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    with HomeAssistant(broker, folder, text) as hass:
        connect(children=["daughter"])
        hass.await_(lambda: hass.states().keys() >= {"event.daughter_request"}, "entities are missing")
        number = _asked(daemon, hass, site)
        hass.await_(lambda: hass.ask("notified"), "no notification")
        (sent,) = hass.ask("notified")
        assert sent["message"] == "A request: site"
        assert [choice["action"] for choice in sent["data"]["actions"]] == [
            f"ALLOW_{number}",
            f"DENY_{number}",
        ]
        hass.ask("tap", f"{action}_{number}")
        hass.await_(lambda: _event(hass) == ("answered", number), "no answer")
        assert daemon.client.call("requests")["requests"][0]["answer"] == answer


def test_the_filter_is_a_switch_and_unavailable_without_the_process(
    hass: HomeAssistant, connect: Connect
) -> None:
    connection = connect(children=["daughter"], filter_switch=True)
    hass.await_state("switch.qalqan_filter", "on")
    hass.ask("switch.turn_off", "switch.qalqan_filter")
    hass.await_state("switch.qalqan_filter", "off")
    hass.ask("switch.turn_on", "switch.qalqan_filter")
    hass.await_state("switch.qalqan_filter", "on")
    connection.kill()
    hass.await_state("switch.qalqan_filter", "unavailable")
    connection.start()
    hass.await_state("switch.qalqan_filter", "on")
    connection.write(None)  # switched off: the entities are gone
    hass.await_(lambda: not hass.states().keys() & ENTITIES, "kept", 10.0)
