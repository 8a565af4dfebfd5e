"""What is said of a bypass test's device, how long it lasts, and what undoes it. The kernel: tests/lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.control.protocol import ANSWER_LIMIT, ControlRequest, Role, decode, encode
from gateway.control.router import Router
from gateway.core.bus import Bus, ControlEvent
from gateway.core.errors import ControlError, KernelError
from gateway.features.filter_tests.probe_device import FILE, MAX_SEEN, SECONDS, FilterPath, ProbeDevice
from gateway.features.filter_tests.probe_device_verbs import ProbeDeviceVerbs
from gateway.household.context import HomeContext, HomeInterfaces
from gateway.path.subject import Subject
from gateway.policy.judge.decide import REFUSED_FOR_EVERYONE
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from tests.features.decisions import new_decision_log
from tests.household.a_home import NOON, PHONE, TABLET, Home

MAC = "02:5a:91:c3:07:e4"
LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])


class Noted:
    """Stands for a part of the daemon that works on the kernel: what was asked of it, in order."""

    def __init__(self, told: list[str], name: str) -> None:
        self._told = told
        self._name = name
        self.broken = ""

    def __getattr__(self, what: str) -> Callable[..., Any]:
        def call(*_: object, **__: object) -> None:
            self._told.append(f"{self._name}.{what}")
            if what == self.broken:
                raise KernelError("the kernel says no")

        return call


class Gateway:
    """A daemon whose family, store and journal are real."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.told: list[str] = []
        self.timers: dict[str, Any] = {}
        self.events: list[object] = []
        bus = Bus()
        bus.subscribe(ControlEvent, self.events.append)
        self.decision_log = new_decision_log(
            self.home.store, self.home.family, lambda: NOON, self.home.rules, bus
        )
        self.runtime = folder / "run"
        self.presence = SimpleNamespace(
            ignore=lambda mac: self.told.append(f"ignore {mac}"),
            neighbours=list,
            inventory=SimpleNamespace(sight=lambda _: None),
        )
        self.table = Noted(self.told, "table")
        self.table.conntrack = self.table.snapshot = SimpleNamespace(layout=None)  # type: ignore[attr-defined]
        self.broken = False
        parts = "packets", "enforcer", "flow_table", "live", "proxy", "own_answers", "services", "dns"
        noted: dict[str, Any] = {name: Noted(self.told, name) for name in parts}
        path = FilterPath(
            noted["packets"],
            cast(Any, self.table),
            noted["enforcer"],
            noted["flow_table"],
            noted["live"],
            noted["proxy"],
            noted["own_answers"],
            self.home.names,
            caches=(self.home.book, noted["services"], noted["own_answers"], noted["dns"]),
        )
        effects: Any = SimpleNamespace(sync_table=self.sync_table, sync_gates=noted["enforcer"].sync)
        loop: Any = SimpleNamespace(call_later=self.call_later)
        clock: Any = SimpleNamespace(now=lambda: NOON)
        context = HomeContext(loop, clock, cast(Any, None), self.home.rules, bus)
        presence, store = cast(Any, self.presence), self.home.store
        self.audit = ProbeDevice(
            context, effects, self.home.family, presence, path, HomeInterfaces(self.home.rules), store.slots
        )
        self.audit.start()
        router = Router()
        ProbeDeviceVerbs(context, self.audit, store.devices, self.home.family, presence).register(router)
        self.verbs = router.verbs
        self.gone: list[Callable[[], None]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        self.timers[f"{delay}"] = callback
        return SimpleNamespace(cancel=lambda: self.timers.pop(f"{delay}", None))

    def sync_table(self) -> None:
        self.told.append("sync_table")
        if self.broken:
            self.broken = False
            raise KernelError("the kernel says no")

    def ask(self, do: str, role: Role = Role.OWNER, /, **values: object) -> dict[str, Any]:
        request = ControlRequest(do, role, 0, values, self.gone.append)
        answer = self.verbs[do](request)
        assert isinstance(answer, Mapping)
        return decode(encode(answer))

    def begin(self, who: str = "daughter") -> dict[str, Any]:
        return self.ask("probe_begin", who=who, mac=MAC)

    def decide(self, host: str | None, decision: Decision | None = None) -> None:
        member = self.home.family.probe_member
        assert member is not None
        subject: Subject = self.home.family.subjects[member.slot]
        seen = Observation(Proto.TLS, host, bytes([198, 18, 0, 1]), 443)
        self.decision_log.decided(subject, seen, decision or subject.decide(seen, NOON), NOON)

    @property
    def is_clean(self) -> bool:
        family = self.home.family
        slots = {key: number for key, number in self.home.store.slots.all().items() if key == MAC}
        return (
            family.probe_member is None
            and not slots
            and not (self.runtime / FILE).exists()
            and not self.timers
        )


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(tmp_path)
    yield made
    made.home.store.close()


def test_what_is_decided_is_told_here_and_nowhere_else(gateway: Gateway) -> None:
    gateway.begin()
    gateway.decide("www.tiktok.com")
    gateway.decide(None)
    answer = gateway.ask("probe_seen")
    assert answer["lost"] == 0
    assert answer["seen"][0] == {
        "proto": "tls",
        "host": "www.tiktok.com",
        "dst": "198.18.0.1",
        "dport": 443,
        "verdict": "block",
        "reason": "family_block",
        "rule": "block: service:tiktok",
    }
    assert answer["seen"][1]["host"] is None
    assert gateway.events == []
    assert gateway.decision_log.verdicts == {}
    assert gateway.home.store.figures()["pending"] == 0
    gateway.ask("probe_end")
    gateway.begin()
    assert gateway.ask("probe_seen") == {"seen": [], "lost": 0}


def test_of_what_is_refused_for_everyone_no_rule_is_told(gateway: Gateway) -> None:
    gateway.begin()
    gateway.decide("sealed.example", REFUSED_FOR_EVERYONE)
    (told,) = gateway.ask("probe_seen")["seen"]
    assert (told["verdict"], told["reason"], told["rule"]) == ("block", "refused_for_everyone", None)


def test_the_latest_decisions_fit_one_answer(gateway: Gateway) -> None:
    gateway.begin()
    rule = Decision(Verdict.BLOCK, Reason.FAMILY_BLOCK, f"block: {LONGEST}", "family")
    for number in range(MAX_SEEN + 5):
        gateway.decide(f"{number}" if number < 6 else LONGEST, rule)
    answer = gateway.ask("probe_seen")
    assert answer["lost"] == 5
    assert len(answer["seen"]) == MAX_SEEN
    assert answer["seen"][0]["host"] == "5"
    assert len(encode({"ok": True, **answer})) < ANSWER_LIMIT


def test_it_ends_by_itself(gateway: Gateway) -> None:
    assert gateway.begin()["seconds"] == SECONDS
    assert (gateway.runtime / FILE).exists()
    gateway.timers[f"{SECONDS}"]()
    assert gateway.is_clean


def test_it_ends_with_its_own_connection_alone(gateway: Gateway) -> None:
    gateway.begin()
    gateway.ask("probe_end")
    gateway.begin()
    first, second = gateway.gone
    first()
    assert gateway.home.family.probe_member is not None
    second()
    assert gateway.is_clean


def test_where_it_cannot_begin_all_is_as_it_was(gateway: Gateway) -> None:
    gateway.broken = True
    with pytest.raises(KernelError, match="says no"):
        gateway.begin()
    assert gateway.is_clean
    assert gateway.gone == []
    gateway.begin()


def test_what_cannot_be_undone_keeps_nothing_else_from_it(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.begin()
    gateway.broken = True
    gateway.table.broken = "hand_over"
    gateway.ask("probe_end")
    assert gateway.is_clean
    assert "table.forget_rates" in gateway.told
    assert [record.message for record in caplog.records] == ["the kernel says no"] * 2
    assert MAC not in caplog.text


def test_the_rest_of_the_family_is_not_judged_anew(gateway: Gateway) -> None:
    gateway.begin()
    gateway.ask("probe_pause", paused=True)
    gateway.ask("probe_clear")
    gateway.ask("probe_end")
    assert not [one for one in gateway.told if one in ("enforcer.rejudge", "enforcer.renew")]
    assert "own_answers.teach" in gateway.told


@pytest.mark.parametrize(("slot", "handed"), [(" 4", True), (" 0", False), (" 999", False), ("", False)])
def test_after_a_kill_its_traces_are_nobody_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slot: str, handed: bool
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / FILE).write_text(f"{MAC}{slot}")
    gateway = Gateway(tmp_path)
    assert gateway.told == [*(["table.hand_over"] if handed else []), f"ignore {MAC}"]
    assert gateway.is_clean
    gateway.home.store.close()


@pytest.mark.parametrize("do", ["probe_begin", "probe_seen", "probe_pause", "probe_clear", "probe_end"])
def test_root_alone_may(gateway: Gateway, do: str) -> None:
    gateway.begin()
    with pytest.raises(ControlError, match="only root may do this"):
        gateway.ask(do, Role.WEB, who="daughter", mac=MAC, paused=True)
    assert gateway.home.family.probe_member is not None


@pytest.mark.parametrize("do", ["probe_seen", "probe_pause", "probe_clear"])
def test_without_an_audit_it_is_said(gateway: Gateway, do: str) -> None:
    with pytest.raises(ControlError, match="no bypass test runs, or it has ended"):
        gateway.ask(do, paused=True)
    assert gateway.ask("probe_end") == {}


def test_a_pause_is_one_or_none(gateway: Gateway) -> None:
    gateway.begin()
    for wrong in (1, "yes"):
        with pytest.raises(ControlError, match='"paused" must be true or false'):
            gateway.ask("probe_pause", paused=wrong)
    with pytest.raises(ControlError, match='"paused" is missing'):
        gateway.ask("probe_pause")


def test_what_it_has_is_told_at_once(gateway: Gateway) -> None:
    told = gateway.begin(PHONE)
    assert (told["profile"], told["name"], told["band"]) == ("son", "Son", "13-15")
    assert (told["strict"], told["mode"]) == (False, "block-list")
    ways = gateway.home.rules.household.profiles["son"].rules.ways
    assert told["ways"] == {
        way: "block" if way in ways and ways[way].value == "block" else "allow" for way in told["ways"]
    }
    assert len(told["ways"]) == 7
    assert TABLET not in str(told)
