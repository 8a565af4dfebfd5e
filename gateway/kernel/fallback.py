"""Queueing by iptables-nft, for kernels without nft's own ``queue``: our table decides, iptables queues.

Where the table's native form says ``queue``, its other form leaves a mark on the packet: the slot code, and
below it the failure mode in two bits. iptables' mangle chains run at -150, after ours at -160 and -155,
before ours at -140. Chains of our own there take the two bits off and hand the packet to the queue. Where
they are missing, our table refuses a closed slot's packet and passes an open slot's, as without a daemon.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from gateway.errors import KernelError
from gateway.kernel.marks import GROUPS, SLOT_CODE_BITS, STATE_MASK, Kind, MarkLayout, queue_number
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset_words import FALLBACK_CLOSED, FALLBACK_EVERYONE
from gateway.programs import find_program

TABLES = (("ip", "mangle"), ("ip6", "mangle"))
"""Where the rules live, as nftables sees it (watch.py)."""

_HOOKS = ("PREROUTING", "FORWARD", "POSTROUTING")
_PREFIX = "QALQAN_"
_PROGRAMS = ("iptables-nft", "ip6tables-nft")
_TIMEOUT = 30.0  # seconds; a transaction waits for other programs' transactions


def native_queue(nft: Nft) -> bool:
    """Whether this kernel takes nft's ``queue``. Asks the kernel, changes nothing.

    Raises KernelError where nothing at all can be loaded, for instance without root.
    """
    table = "table inet qalqan_probe {{\n chain probe {{\n {}\n }}\n}}\n"
    nft.check(table.format("accept"))
    try:
        nft.check(table.format("queue to 0"))
    except KernelError:
        return False
    return True


class IptablesQueue:
    """The chains QALQAN_* in mangle, IPv4 and IPv6. Nothing of anyone else is flushed or moved."""

    def __init__(self, layout: MarkLayout, queue_base: int, lan: tuple[str, ...]) -> None:
        """Raises KernelError where iptables-nft is not installed."""
        for program in _PROGRAMS:
            if find_program(program) is None:
                msg = f"no nft queue in this kernel, and no {program}; install kmod-nft-queue or iptables"
                raise KernelError(msg)
        self._layout, self._base, self._lan = layout, queue_base, lan
        self._installed: dict[str, list[str]] = {}

    def install(self) -> None:
        """Put the chains in place, afresh where they are there already. Raises KernelError."""
        text = restore_text(self._layout, self._base, self._lan)
        for program in _PROGRAMS:
            present = set(_ours(program))
            jumps = [jump for jump in _jumps(self._layout) if jump not in present]
            _restore(program, f"{text}{_lines(jumps)}COMMIT\n")
            self._installed[program] = _ours(program)

    def intact(self) -> bool:
        """Whether every rule that ``install`` put there is still there, in its order."""
        return bool(self._installed) and all(_ours(p) == lines for p, lines in self._installed.items())

    def remove(self) -> None:
        """Take the chains away; no error where there are none. Raises KernelError."""
        for program in _PROGRAMS:
            lines = _ours(program)
            jumps = [f"-D {jump.removeprefix('-A ')}" for jump in _jumps(self._layout) if jump in lines]
            chains = [line.split()[0].removeprefix(":") for line in lines if line.startswith(":")]
            if not chains:
                continue
            emptied = [f"-F {chain}" for chain in chains] + [f"-X {chain}" for chain in chains]
            _restore(program, f"*mangle\n{_lines([*jumps, *emptied])}COMMIT\n")
        self._installed.clear()


def restore_text(layout: MarkLayout, queue_base: int, lan: tuple[str, ...]) -> str:
    """What ``iptables-restore --noflush`` reads, but for jumps and ``COMMIT``; the same for both families."""
    queues = {
        queue_number(queue_base, group << SLOT_CODE_BITS, kind): kind
        for group in range(GROUPS)
        for kind in Kind
    }
    names = [
        *(f"{_PREFIX}{hook}" for hook in _HOOKS),
        f"{_PREFIX}QUEUE",
        *(f"{_PREFIX}{number}" for number in queues),
    ]
    rules = [*_entrances(layout, lan), *_choices(layout, queue_base)]
    state = STATE_MASK << layout.packet_shift
    for number, kind in queues.items():
        bypass = "" if kind in (Kind.CLOSED_TCP, Kind.CLOSED_UDP) else " --queue-bypass"
        rules.append(f"-A {_PREFIX}{number} -j MARK --set-xmark 0x0/{state:#x}")
        rules.append(f"-A {_PREFIX}{number} -j NFQUEUE --queue-num {number}{bypass}")
    return "*mangle\n" + _lines(f":{name} - [0:0]" for name in names) + _lines(rules)


def _entrances(layout: MarkLayout, lan: tuple[str, ...]) -> Iterator[str]:
    queue = f"-g {_PREFIX}QUEUE"
    for name in lan:
        yield f"-A {_PREFIX}PREROUTING -i {name} -p udp -m udp --dport 53 {queue}"
        of_dns = "-m conntrack --ctorigdstport 53 --ctdir REPLY"
        yield f"-A {_PREFIX}POSTROUTING -o {name} -p udp {of_dns} {queue}"
    passes = f"{1 << layout.ct_shift:#x}/{STATE_MASK << layout.ct_shift:#x}"
    slots = f"-m connmark ! --mark 0x0/{layout.slot:#x} -m connmark ! --mark {passes}"
    yield f"-A {_PREFIX}FORWARD {slots} {queue}"


def _choices(layout: MarkLayout, queue_base: int) -> Iterator[str]:
    """By the failure mode on the packet, the transport, and the upper two bits of the slot."""
    state, upper = STATE_MASK << layout.packet_shift, (GROUPS - 1) << layout.slot_shift + SLOT_CODE_BITS
    everyone = f"-m mark --mark {FALLBACK_EVERYONE << layout.packet_shift:#x}/{state:#x}"
    yield f"-A {_PREFIX}QUEUE {everyone} -g {_PREFIX}{queue_base + Kind.OPEN_UDP}"
    for group in range(GROUPS):
        slots = f"-m connmark --mark {group << layout.slot_shift + SLOT_CODE_BITS:#x}/{upper:#x}"
        for kind in Kind:
            closed = kind in (Kind.CLOSED_TCP, Kind.CLOSED_UDP)
            mode = f"-m mark --mark {(FALLBACK_CLOSED if closed else 0) << layout.packet_shift:#x}/{state:#x}"
            transport = "-p tcp" if kind in (Kind.OPEN_TCP, Kind.CLOSED_TCP) else "-p udp"
            number = queue_number(queue_base, group << SLOT_CODE_BITS, kind)
            yield f"-A {_PREFIX}QUEUE {transport} {mode} {slots} -g {_PREFIX}{number}"


def _jumps(layout: MarkLayout) -> list[str]:
    """Appended, not put first: a queued packet skips the rest of the chain, which is others'.

    Only packets whose byte our table has just cleared and set: nobody else's bits lead to a queue. And the
    others, nearly all, pass with one comparison a hook; in the chains it cost 0.4 us a packet.
    """
    return [f"-A {hook} -m mark ! --mark 0x0/{layout.packet:#x} -j {_PREFIX}{hook}" for hook in _HOOKS]


def _lines(items: Iterator[str] | list[str]) -> str:
    return "".join(f"{item}\n" for item in items)


def _ours(program: str) -> list[str]:
    """Our lines of ``iptables-save``, counters left out."""
    lines = _run([f"{program}-save", "-t", "mangle"]).splitlines()
    return [line.split(" [")[0] for line in lines if _PREFIX in line]


def _restore(program: str, text: str) -> None:
    _run([f"{program}-restore", "--noflush"], text)


def _run(command: list[str], text: str = "") -> str:
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=_TIMEOUT, check=True)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        msg = f"{command[0]} refused the queue rules: {said[0] if said else 'no reason given'}"
        raise KernelError(msg) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"{command[0]} did not run: {error}"
        raise KernelError(msg) from error
    return done.stdout.decode(errors="replace")
