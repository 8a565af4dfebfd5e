"""Detects which features an older kernel lacks, and replaces nft's ``queue`` statement if it is missing.

Packets are queued on kernels without nft's ``queue`` by iptables' NFQUEUE target and nft_compat.
nft's text cannot express the target. The table therefore jumps to one chain per queue, and this module adds
the target to these chains by netlink. Until then a closed queue's chain drops and an open one accepts, as
without a daemon. An update of the table does not change these chains.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

from gateway.core.errors import KernelError
from gateway.core.netlink import attribute, attributes
from gateway.kernel.marks import GROUPS, OPEN_QUEUES, SLOT_CODE_BITS, QueueKind, queue_number
from gateway.kernel.netlink import BE32, NESTED, NFPROTO_INET, Netlink
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.expressions import SERVER_HELLO, queue_target
from gateway.kernel.ruleset.table import NAME

_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN = 0xA00, 0xA02, 0xA03  # subsystem 10; linux/netfilter/nf_tables.h
_NEW_RULE, _GET_RULE = 0xA06, 0xA07
_CREATE = 0x400
_TABLE, _CHAIN_NAME, _RULE_CHAIN, _RULE_EXPRESSIONS = 1, 3, 2, 4
_LIST_ELEMENT, _EXPRESSION_NAME, _EXPRESSION_DATA = 1, 1, 2
_TARGET_NAME, _TARGET_REVISION, _TARGET_INFO = 1, 2, 3
_INFO = struct.Struct("=HHHxx")  # struct xt_NFQ_info_v3, aligned for xt: first queue, count, flags
_REVISION = 3
_BYPASS = 1
_PROBE = "table inet qalqan_probe {{\n chain probe {{\n {}\n }}\n}}\n"


def native_queue(nft: Nft) -> bool:
    """Return whether this kernel has nft's ``queue`` statement. Changes nothing.

    Raises KernelError if no rules can be loaded at all, for instance without root.
    """
    nft.check(_PROBE.format("accept"))
    return _accepts(nft, "queue to 0")


def reads_answers(nft: Nft) -> bool:
    """Return whether nft can match the payload behind a TCP header, as of a server's first answer.

    Linux can since 5.16. False also if no rules can be loaded. Changes nothing.
    """
    return _accepts(nft, f"{SERVER_HELLO} accept")


def _accepts(nft: Nft, statement: str) -> bool:
    try:
        nft.check(_PROBE.format(statement))
    except KernelError:
        return False
    return True


def has_target() -> bool:
    """Return whether this kernel has iptables' NFQUEUE target and accepts it in nft; False without root.

    Loads a probe table and deletes it in one transaction.
    """
    table = attribute(_TABLE, b"qalqan_probe\0")
    chain = table + attribute(_CHAIN_NAME, b"probe\0")
    netlink = Netlink()
    try:
        netlink.transaction(
            [
                (_NEW_TABLE, _CREATE, NFPROTO_INET, table),
                (_NEW_CHAIN, _CREATE, NFPROTO_INET, chain),
                (_NEW_RULE, _CREATE, NFPROTO_INET, _rule("qalqan_probe", "probe", _INFO.pack(0, 1, 0))),
                (_DELETE_TABLE, 0, NFPROTO_INET, table),
            ]
        )
    except OSError:
        return False
    finally:
        netlink.close()
    return True


class TargetQueue:
    """Queues packets by iptables' NFQUEUE target, for kernels without nft's ``queue`` statement.

    It adds the targets to chains of the loaded nftables table, and checks them. They are removed
    with the table.
    """

    def __init__(self, queue_base: int) -> None:
        self._netlink = Netlink()
        self._targets = dict(_targets(queue_base))

    def close(self) -> None:
        self._netlink.close()

    def install(self) -> None:
        """Add missing NFQUEUE targets to the start of the queues' chains, in one transaction.

        Raises KernelError if the kernel refuses them.
        """
        rules = [
            (_NEW_RULE, _CREATE, NFPROTO_INET, _rule(NAME, chain, info))
            for chain, info in self._targets.items()
            if not self._is_first(chain, info)
        ]
        try:
            self._netlink.transaction(rules)
        except OSError as error:
            fix = "install kmod-nft-queue, or xt_NFQUEUE and nft_compat"
            if error.errno == errno.EPERM:
                fix = "run as root or with CAP_NET_ADMIN"
            msg = f"this kernel has no nft queue and refuses the NFQUEUE target ({error.strerror}); {fix}"
            raise KernelError(msg) from error

    def intact(self) -> bool:
        """Return whether the chain of each queue starts with its NFQUEUE target; False if unreadable."""
        return all(self._is_first(chain, info) for chain, info in self._targets.items())

    def _is_first(self, chain: str, info: bytes) -> bool:
        named = attribute(_TABLE, NAME.encode() + b"\0") + attribute(_RULE_CHAIN, chain.encode() + b"\0")
        try:
            rules = [bytes(rule) for rule in self._netlink.dump(_GET_RULE, NFPROTO_INET, named)]
        except OSError:
            return False
        return bool(rules) and _target_info(memoryview(rules[0])) == info


def _targets(queue_base: int) -> Iterator[tuple[str, bytes]]:
    for group in range(GROUPS):
        for kind in QueueKind:
            number = queue_number(queue_base, group << SLOT_CODE_BITS, kind)
            bypass = _BYPASS if kind in OPEN_QUEUES else 0
            yield queue_target(number), _INFO.pack(number, 1, bypass)


def _rule(table: str, chain: str, info: bytes) -> bytes:
    target = (
        attribute(_TARGET_NAME, b"NFQUEUE\0")
        + attribute(_TARGET_REVISION, BE32.pack(_REVISION))
        + attribute(_TARGET_INFO, info)
    )
    expression = attribute(_EXPRESSION_NAME, b"target\0") + attribute(_EXPRESSION_DATA | NESTED, target)
    return (
        attribute(_TABLE, table.encode() + b"\0")
        + attribute(_RULE_CHAIN, chain.encode() + b"\0")
        + attribute(_RULE_EXPRESSIONS | NESTED, attribute(_LIST_ELEMENT | NESTED, expression))
    )


def _target_info(rule: memoryview) -> bytes | None:
    """Return the parameters of the NFQUEUE target in a rule's first expression; None if it has none."""
    empty = memoryview(b"")
    expressions = dict(attributes(rule)).get(_RULE_EXPRESSIONS, empty)
    first = next((value for _, value in attributes(expressions)), empty)
    target = dict(attributes(dict(attributes(first)).get(_EXPRESSION_DATA, empty)))
    if bytes(target.get(_TARGET_NAME, empty)).rstrip(b"\0") != b"NFQUEUE":
        return None
    return bytes(target.get(_TARGET_INFO, empty))[: _INFO.size]
