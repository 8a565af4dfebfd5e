"""The switch of a state's register: off at once, told with who and when, taken back, and written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.household.list_library import read_library
from gateway.lists.own_lists import OwnLists
from gateway.policy.accounts.people import Account
from gateway.policy.values import Reason
from tests.features.conftest import Make
from tests.features.desk import Desk, Running
from tests.household.a_home import TABLET
from tests.lists.served import fetcher

LISTED = "listed.example"
NOON = "2026-11-24T12:00"  # a Tuesday


@pytest.fixture
def desk(make: Make, tmp_path: Path) -> Desk:
    """A home whose provider named a register, which nobody turned on; its names are in the table."""
    names = tmp_path / "register.txt"
    names.write_text(f"{LISTED}\n")
    made = make(NOON, daughter={"band": "10-12", "name": "Daughter", "devices": [TABLET], "log_level": 2})
    config = made.rules.path
    said = yaml.safe_load(config.read_text()) | {"registers": {"kz": {"file": str(names)}}}
    config.write_text(yaml.safe_dump(said))
    made.reload()
    made.store.people.put(Account("Mum", secret="stamp"))
    made.list_updates.runner._process = cast("Any", Running())
    return made


def errand(desk: Desk) -> Running:
    return cast("Running", desk.list_updates.runner._process)


def switch(desk: Desk, on: str, by: str = "Mum", country: str = "kz") -> dict[str, Any]:
    return desk.ask("register", Role.WEB, country=country, on=on, by=by, origin="192.168.77.7")


def fetched(desk: Desk) -> None:
    """What the program does that the daemon starts."""
    config = desk.rules.household.config
    library = read_library(Path(config.state), None, config.registers)
    off = OwnLists(off=frozenset(library.published) - {"law-kz"})
    library = type(library)(
        library.published, library.seeds, library.canaries, library.state, off, library.registers
    )
    library.fetch((), fetcher(sleep=lambda _: None), desk.local_now())
    library.build(desk.local_now())
    desk.reload()


def test_the_web_process_may_ask_and_a_guardian_alone_may_switch(desk: Desk) -> None:
    assert {"registers", "register"} <= WEB_VERBS
    with pytest.raises(ControlError) as refused:
        switch(desk, "yes", by="Nobody")
    assert refused.value.code == Code.NO_GUARDIAN
    with pytest.raises(ControlError) as refused:
        switch(desk, "yes", country="ru")
    assert refused.value.code == Code.NO_REGISTER
    with pytest.raises(ControlError):
        switch(desk, "maybe")


def test_nothing_is_on_by_itself(desk: Desk) -> None:
    (one,) = desk.ask("registers", Role.WEB)["registers"]
    assert (one["id"], one["name"], one["on"], one["by"], one["since"]) == (
        "law:kz", "Register of Kazakhstan", False, "", None,
    )  # fmt: skip
    assert desk.reason(TABLET, LISTED) is not Reason.REGISTER


def test_on_then_off_at_once(desk: Desk) -> None:
    done = switch(desk, "yes")
    assert done["on"] is True
    assert errand(desk).running, "it is fetched at once"
    fetched(desk)
    assert desk.reason(TABLET, LISTED) is Reason.REGISTER
    assert desk.rules.binds_everyone
    (one,) = desk.ask("registers", Role.WEB)["registers"]
    assert (one["on"], one["by"], one["since"], one["names"]) == (True, "Mum", "2026-11-24", 1)
    switch(desk, "no")
    assert desk.reason(TABLET, LISTED) is not Reason.REGISTER
    assert not desk.rules.world.registers
    assert yaml.safe_load(desk.rules.path.read_text())["registers"]["kz"].keys() == {"file"}


def test_who_and_when_are_written_down_and_it_is_taken_back(desk: Desk) -> None:
    switch(desk, "yes")
    line = desk.store.audit.lines()[0]
    assert (line.who, line.what, line.detail, line.origin) == ("Mum", "register_on", "kz", "192.168.77.7")
    changes = desk.ask("changes", Role.WEB)["changes"]
    one = next(one for one in changes if one["what"] == "settings")
    assert [edit["key"] for edit in one["edits"]] == ["registers/kz"]
    assert one["undo"]["do"] == "unedit_family"
    undo = {key: value for key, value in one["undo"].items() if key != "do"}
    desk.ask("unedit_family", Role.WEB, by="Mum", origin="192.168.77.7", **undo)
    assert not desk.ask("registers")["registers"][0]["on"]
    switch(desk, "no")
    assert desk.store.audit.lines()[0].what == "unedit_family", "what changes nothing is no change"
    switch(desk, "yes")
    switch(desk, "no")
    assert desk.store.audit.lines()[0].what == "register_off"


def test_nobody_writes_it_by_the_settings(desk: Desk) -> None:
    """So nobody turns one on in somebody else's name."""
    with pytest.raises(PolicyError, match="not for the pages to change"):
        desk.ask("edit_family", Role.WEB, set={"registers/kz": {"file": "/a", "on": True}}, by="Mum")


def test_the_child_is_told_and_cannot_ask_for_it(desk: Desk) -> None:
    switch(desk, "yes")
    fetched(desk)
    rules = desk.ask("profile", Role.WEB, id="daughter")["profile"]["refused"]
    assert {"target": "law:kz", "name": "Register of Kazakhstan", "owner": "law:kz:Mum"}.items() <= rules[
        0
    ].items()
    desk.jump(timedelta(days=2))
    told = desk.ask("why", Role.WEB, host=LISTED, profile="daughter")
    assert (told["reason"], told["owner"]) == ("register", "law:kz:Mum")
    assert told["sentence"].endswith("the register of Kazakhstan. Mum turned it on, on Tuesday.")
    with pytest.raises(ControlError) as refused:
        desk.ask("request", Role.WEB, profile="daughter", topic="site", site=LISTED, device=TABLET)
    assert refused.value.code == Code.ON_REGISTER


def test_what_a_host_is_on_names_the_register_and_it_is_no_wrong_entry(desk: Desk) -> None:
    switch(desk, "yes")
    fetched(desk)
    found = desk.ask("list_lookup", Role.WEB, host=LISTED)
    assert found["categories"] == [{"id": "law:kz", "name": "Register of Kazakhstan"}]
    with pytest.raises(ControlError) as refused:
        desk.ask("list_report", Role.WEB, host=LISTED, by="Mum")
    assert refused.value.code == Code.ON_REGISTER


def by_hand(desk: Desk, **keys: object) -> None:
    said = yaml.load(desk.rules.path.read_text(), yaml.BaseLoader) | keys  # "on" is no truth there
    desk.rules.path.write_text(yaml.safe_dump(said))
    desk.reload()


def test_no_undo_takes_out_what_root_wrote_since(desk: Desk, tmp_path: Path) -> None:
    """What is blocked for everyone has no switch, and the way back of a page is none either."""
    sealed = [{"file": str(tmp_path / "set"), "issuer_key": "ab" * 32, "set_key_file": str(tmp_path / "key")}]
    done = desk.ask("edit_family", set={"country": "de"}, by="Mum")
    registers = {"kz": {"file": str(tmp_path / "another.txt"), "on": True, "by": "console"}}
    by_hand(desk, sealed=sealed, registers=registers, day_starts="05:00")
    desk.ask("unedit_family", Role.WEB, by="Mum", revision=done["undo"])
    said = yaml.safe_load(desk.rules.path.read_text())
    assert said["country"] == "kz"
    assert said["sealed"] == sealed
    assert said["registers"]["kz"]["file"] == str(tmp_path / "another.txt")
    assert desk.rules.household.config.registers[0].on
    assert said["day_starts"] == "05:00"
    again = desk.ask("edit_family", set={"country": "fr"}, by="Mum")
    by_hand(desk, sealed=[])
    desk.ask("unedit_family", Role.WEB, by="Mum", revision=again["undo"])
    assert not desk.rules.household.config.sealed, "nor brings it back what root took out"


def test_an_undo_of_an_edit_is_the_very_file_with_its_comments(desk: Desk) -> None:
    desk.rules.path.write_text(f"# ours\n{desk.rules.path.read_text()}")
    desk.reload()
    before = desk.rules.path.read_bytes()
    done = desk.ask("edit_family", set={"country": "de"}, by="Mum")
    desk.ask("unedit_family", Role.WEB, by="Mum", revision=done["undo"])
    assert desk.rules.path.read_bytes() == before


def test_a_register_is_on_though_no_program_can_fetch_it(desk: Desk) -> None:
    class Failing(Running):
        def start(self, arguments: Sequence[str]) -> None:
            raise OSError(12, "Cannot allocate memory")

    desk.list_updates.runner._process = cast("Any", Failing())
    done = switch(desk, "yes")
    assert done["on"] is True
    assert done["undo"] != done["revision"]
    assert desk.rules.household.config.registers[0].on
    update = desk.list_updates.runner.state()
    assert update.problems == ("lists update: no program can be started: Cannot allocate memory",)
    assert desk.list_updates.plan().failures == 1
