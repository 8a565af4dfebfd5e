"""Detects changes of our nftables table by other programs, so that they can be undone within a second.

The kernel reports every change in nftables, transaction by transaction; a message of its own ends each
transaction. Changes that arrive during one of ours are taken as ours, unless our table changes twice.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

from gateway.core.netlink import PendingDatagrams, attributes, frames
from gateway.kernel.netlink import (
    ADD_MEMBERSHIP,
    BE32,
    GENERIC,
    NETLINK_NETFILTER,
    RECEIVE,
    SOL_NETLINK,
    SUBSYSTEM_NFTABLES,
    Netlink,
)

_GROUP_NFTABLES = 7  # NFNLGRP_NFTABLES, linux/netfilter/nfnetlink.h
_NEW_GENERATION, _GET_GENERATION = 0xA0F, 0xA10  # NFT_MSG_NEWGEN, NFT_MSG_GETGEN
_SET_GONE, _ELEMENTS_GONE = 0xA0B, 0xA0E  # NFT_MSG_DELSET, NFT_MSG_DELSETELEM
_TABLE_NAME = 1  # the same number in tables, chains, rules, sets, elements, objects and flow tables
_GENERATION_ID = 1
_SO_RCVBUFFORCE = 33
_BUFFER = 1 << 20  # bytes: an update of the whole table causes some thousand messages
_FAMILIES = {1: "inet", 2: "ip", 7: "bridge", 10: "ip6"}

Table = tuple[str, str]
"""Family and name, such as ("inet", "qalqan")."""

Gone = Callable[[memoryview, bool], None]
"""A callback for removals: gets the message's netlink attributes, and whether it is about a whole set."""


class TableWatch:
    """Watches nftables for changes that other programs make to Qalqan's tables.

    The file descriptor (``fileno``) is readable after any change; ``changed()`` returns whether one
    of these tables is concerned.
    """

    def __init__(self, tables: frozenset[Table], gone: Gone | None = None) -> None:
        """Start to watch ``tables`` (family and name).

        ``gone`` is called for elements and sets of these tables that are removed, also by this program, when
        a method reads the kernel's messages. Raises OSError if the kernel refuses a socket.
        """
        self._tables = tables
        self._gone = gone
        self._generations = Netlink()
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETLINK_NETFILTER
        )
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, _GROUP_NFTABLES)
        self._suspect = False

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()
        self._generations.close()

    def changed(self) -> bool:
        """Return whether another program has changed one of Qalqan's tables since the last call.

        Also True if it is not known, since messages of the kernel were lost. Never blocks.
        """
        transactions, lost = self._drain()
        suspect = self._suspect or lost or any(transactions)
        self._suspect = False
        return suspect

    def catch_up(self) -> None:
        """Read the pending messages of the kernel now. The next ``changed()`` includes what they report."""
        transactions, lost = self._drain()
        self._suspect |= lost or any(transactions)

    @contextlib.contextmanager
    def ours(self) -> Iterator[None]:
        """Return a context manager for a change that this program makes: ``changed()`` does not report it.

        At most one transaction per table counts as this program's; a second one is reported. If messages were
        lost, a second transaction of any table is reported.
        """
        before = self._generation()
        self.catch_up()
        try:
            yield
        finally:
            transactions, lost = self._drain()
            if lost:  # too many messages: the number of transactions is still known
                self._suspect |= self._generation() - before & 0xFFFFFFFF > 1
            else:
                touched = [table for transaction in transactions for table in transaction]
                self._suspect |= len(touched) > len(set(touched))

    def _generation(self) -> int:
        for answer in self._generations.ask(_GET_GENERATION, 0, b""):
            for kind, value in attributes(memoryview(answer)):
                if kind == _GENERATION_ID:
                    return int(BE32.unpack(value)[0])
        return 0

    def _drain(self) -> tuple[list[set[Table]], bool]:
        """Return which of our tables each pending transaction changed, and whether messages were lost.

        Calls ``gone`` for removals.
        """
        transactions: list[set[Table]] = [set()]
        waiting = PendingDatagrams(self._socket, RECEIVE)
        for data in waiting:
            for kind, table, body in _events(data):
                if kind == _NEW_GENERATION:
                    transactions.append(set())
                elif table in self._tables:
                    transactions[-1].add(table)
                    if self._gone is not None and kind in (_ELEMENTS_GONE, _SET_GONE):
                        self._gone(body, kind == _SET_GONE)
        return transactions, waiting.lost


def _events(data: memoryview) -> Iterator[tuple[int, Table, memoryview]]:
    """Yield message type, table (family, name) and attributes of each nftables message in a datagram."""
    for kind, _, _, body in frames(data):
        if kind >> 8 == SUBSYSTEM_NFTABLES and len(body) >= GENERIC.size:
            family = _FAMILIES.get(body[0], "")
            values = body[GENERIC.size :]
            yield kind, (family, _table_name(values)), values


def _table_name(body: memoryview) -> str:
    for kind, value in attributes(body):
        if kind == _TABLE_NAME:
            return bytes(value).rstrip(b"\0").decode("ascii", "replace")
    return ""
