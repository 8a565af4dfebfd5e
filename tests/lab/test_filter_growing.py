"""A step into the next band on a real path: what was refused opens; at 18 nothing is filtered or kept."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import yaml

from gateway.age.bands import AgeBand
from gateway.control.client import Unreachable
from gateway.policy.profile.age_transitions import ANSWER_DAYS, month_after, months_on
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import BLOCKED, MUM, ZONE, fetch, fresh, set_time, until
from tests.lab.home import Home

pytestmark = pytest.mark.lab

SOCIAL = "www.instagram.com"  # of a kind that is asked for to 15, and open from 16 on
GORE = "bestgore.com"  # of one that is asked for at 16 and 17
REASON = "a-reason-that-is-to-be-forgotten"
TEEN: dict[str, Any] = {
    "name": "Aru", "band": "13-15", "devices": [names.TABLET.mac], "block": [BLOCKED], "bedtime": {},
}  # fmt: skip
KILLS = 6


def next_month() -> date:
    return months_on(datetime.now(ZONE).date(), 1)


def of_month(month: date, days: int = 0) -> str:
    return f"{month + timedelta(days=days):%Y-%m-%d}T15:00:00"


def says(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((daemon.profiles / "aru.yaml").read_text())
    return found


def stage(daemon: Daemon) -> str:
    steps = daemon.client.call("status")["steps"]
    return str(steps[0]["stage"]) if steps else ""


def written(daemon: Daemon) -> bytes:
    """The database, with what was not written into its main file yet."""
    return b"".join(path.read_bytes() for path in daemon.state.glob("qalqan.db*"))


def reaches(home: Home, host: str) -> bool:
    return fetch(home.devices["tablet"], f"https://{host}/", 4).reached


def test_a_kind_opens_with_the_step_and_at_18_nothing_is_filtered_and_nothing_is_kept(home: Home) -> None:
    month = next_month()
    teen = {**TEEN, "next_step": f"{month:%Y-%m}"}
    with fresh(home, {"aru": teen, "mum": MUM}) as daemon:
        set_time(daemon, of_month(month, -1))
        assert not reaches(home, SOCIAL)
        assert stage(daemon) == ""
        set_time(daemon, of_month(month))
        assert stage(daemon) == "proposed"
        set_time(daemon, of_month(month, ANSWER_DAYS - 1))
        assert not reaches(home, SOCIAL)
        set_time(daemon, of_month(month, ANSWER_DAYS))
        assert (stage(daemon), says(daemon)["band"]) == ("taken", "16-17")
        assert until(lambda: reaches(home, SOCIAL), 5.0) is not None
        assert not reaches(home, BLOCKED), "what the family set stays"
        last = month_after(AgeBand.AGE_16_17, teen["next_step"])
        assert says(daemon)["next_step"] == last
        assert last is not None

        grown = date(int(last[:4]), int(last[5:]), 1)
        set_time(daemon, of_month(grown))
        assert (stage(daemon), daemon.client.call("status")["steps"][0]["then"]) == ("proposed", "adult")
        set_time(daemon, of_month(grown, ANSWER_DAYS - 1))
        daemon.client.call("request", device=names.TABLET.mac, site=GORE, reason=REASON)
        daemon.client.call("pause", who="aru", minutes=7 * 24 * 60, by="Mum")
        assert not reaches(home, SOCIAL), "paused over the day on which control ends"
        assert {GORE, REASON} == {one for one in (GORE, REASON) if one.encode() in written(daemon)}
        set_time(daemon, of_month(grown, ANSWER_DAYS))
        assert says(daemon) == {"name": "Aru", "band": "adult", "devices": [names.TABLET.mac]}
        assert until(lambda: reaches(home, BLOCKED), 5.0) is not None
        assert reaches(home, SOCIAL)
        told = daemon.client.call("device", mac=names.TABLET.mac)
        assert (told["profile"], told["step"]["stage"]) == ("adult", "taken")
        assert daemon.client.call("status")["profiles"] == []
        for marker in (BLOCKED, SOCIAL, GORE, REASON):
            assert marker.encode() not in written(daemon)
        # Of this child alone: the folder has what other tests' families changed.
        files = (path for path in daemon.profiles.rglob("*") if path.is_file() and "aru" in path.name)
        assert not [path for path in files if BLOCKED.encode() in path.read_bytes()]


def _moved(daemon: Daemon, due: str) -> None:
    """Over the day on which the step is due; the daemon may be killed before it answers."""
    with contextlib.suppress(Unreachable):
        set_time(daemon, due)


def test_killed_around_the_step_it_happens_once(home: Home) -> None:
    """By `kill -9`, at moments that nobody chose."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    now = datetime.now(ZONE)
    child = {**TEEN, "band": "10-12", "next_step": f"{now:%Y-%m}"}
    due = f"{now.date() + timedelta(days=ANSWER_DAYS + 1)}T15:00:00"
    with fresh(home, {"aru": child}) as daemon:
        for _ in range(KILLS):
            daemon.client.call("clock", offset=0)
            moving = threading.Thread(target=_moved, args=(daemon, due))
            moving.start()
            time.sleep(chance.uniform(0.0, 0.1))
            daemon.kill()
            moving.join()
            daemon.start()
            if says(daemon)["band"] == "13-15":
                break
        set_time(daemon, due)
        assert says(daemon)["band"] == "13-15"
        assert says(daemon)["next_step"] == f"{now.year + 3}-{now.month:02}"
        lines = daemon.client.call("audit_log", limit=50)["lines"]
        assert [one["what"] for one in lines].count("step by itself") == 1
