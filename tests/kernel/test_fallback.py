"""The iptables chains: they come, mend, go, and leave what is not theirs alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.errors import KernelError
from gateway.kernel.fallback import IptablesQueue, native_queue
from gateway.kernel.marks import MarkLayout
from gateway.kernel.nft import Nft
from tests.kernel.home import Namespace

PROGRAMS = pytest.mark.parametrize("program", ["iptables-nft", "ip6tables-nft"])
JUMP = "FORWARD -m mark ! --mark 0x0/0xff -j QALQAN_FORWARD"  # one comparison for nearly every packet
OTHERS = "-A FORWARD -p tcp -m tcp --dport 25 -j DROP"


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace()
    with made.inside():
        yield made
    made.close()


@pytest.fixture
def queue(namespace: Namespace) -> IptablesQueue:
    return IptablesQueue(MarkLayout(), 8200, ("br-lan",))


def saved(namespace: Namespace, program: str) -> list[str]:
    lines = namespace.run(f"{program}-save", "-t", "mangle").splitlines()
    return [line for line in lines if line.startswith("-A")]


@pytest.mark.lab
@PROGRAMS
def test_chains_come_and_go_and_spare_the_rest(
    namespace: Namespace, queue: IptablesQueue, program: str
) -> None:
    namespace.run(program, "-t", "mangle", *OTHERS.split())
    queue.install()
    rules = saved(namespace, program)
    assert rules.index(OTHERS) < rules.index(f"-A {JUMP}")
    assert {f"-A {JUMP.replace('FORWARD', hook)}" for hook in ("PREROUTING", "POSTROUTING")} <= set(rules)
    queued = [rule for rule in rules if "NFQUEUE" in rule]
    assert [f"--queue-num {number}" in rule for number, rule in zip(range(8200, 8216), queued, strict=True)]
    assert ["--queue-bypass" in rule for rule in queued] == [True, True, False, False] * 4
    queue.remove()
    assert saved(namespace, program) == [OTHERS]
    assert "QALQAN" not in namespace.run(f"{program}-save", "-t", "mangle")


@pytest.mark.lab
@PROGRAMS
def test_install_and_remove_may_be_repeated(namespace: Namespace, queue: IptablesQueue, program: str) -> None:
    queue.remove()
    queue.install()
    once = saved(namespace, program)
    queue.install()
    assert saved(namespace, program) == once
    queue.remove()
    queue.remove()
    assert saved(namespace, program) == []


@pytest.mark.lab
@PROGRAMS
@pytest.mark.parametrize(
    "damage",
    [
        f"-D {JUMP}",
        "-F QALQAN_8202",
        "-F",
        "-I QALQAN_QUEUE -j ACCEPT",
    ],
)
def test_damage_is_seen_and_mended(
    namespace: Namespace, queue: IptablesQueue, program: str, damage: str
) -> None:
    assert not queue.intact()
    queue.install()
    whole = saved(namespace, program)
    assert queue.intact()
    namespace.run(program, "-t", "mangle", *damage.split())
    assert not queue.intact()
    queue.install()
    assert queue.intact()
    assert saved(namespace, program) == whole


@pytest.mark.lab
def test_what_a_dead_daemon_left_is_replaced(namespace: Namespace, queue: IptablesQueue) -> None:
    IptablesQueue(MarkLayout(), 300, ("br-old",)).install()
    queue.install()
    assert not [rule for rule in saved(namespace, "iptables-nft") if "br-old" in rule]
    queue.remove()
    assert saved(namespace, "iptables-nft") == []


@pytest.mark.lab
def test_probe_leaves_no_table(namespace: Namespace) -> None:
    nft = Nft()
    native_queue(nft)
    assert nft.list("list tables") == []
    nft.close()


def test_missing_program_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("gateway.programs._SYSTEM", ())
    with pytest.raises(KernelError, match="install kmod-nft-queue or iptables"):
        IptablesQueue(MarkLayout(), 8200, ("br-lan",))


@pytest.mark.lab
def test_refusal_is_one_clear_line(namespace: Namespace) -> None:
    with pytest.raises(KernelError, match="iptables-nft-restore refused the queue rules: ") as raised:
        IptablesQueue(MarkLayout(), 8200, ("a name that is much too long",)).install()
    assert "\n" not in str(raised.value)
