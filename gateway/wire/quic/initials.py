"""What the Initial packets of one UDP flow say: the client's hellos, and the server's."""

from __future__ import annotations

from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.quic.crypto import InitialKeys, initial_keys
from gateway.wire.quic.frames import CryptoStream, crypto_frames
from gateway.wire.quic.packet import Kind, LongPacket, long_packets
from gateway.wire.tls.hello import ClientHello, ServerHello, parse_client_hello, parse_server_hello
from gateway.wire.tls.records import CLIENT_HELLO, SERVER_HELLO

# One flow holds one connection, two after a Retry. The rest is for decoys: a tool sends one or two beside the
# real one, each of which is judged. Some apps connect again and again from one port: what was judged makes
# room.
MAX_CONNECTIONS = 8
_MAX_HELLOS = 2  # the second after a HelloRetryRequest, of which there is one at most (RFC 8446 4.1.4)


class Answer(NamedTuple):
    """A server's hello, and the client's that it answers."""

    hello: ServerHello
    asked: ClientHello


class _Connection:
    """One set of Initial keys, and the two handshake streams under it."""

    __slots__ = ("_keys", "_numbers", "answered", "asked", "client", "dcid", "server")

    def __init__(self, dcid: bytes) -> None:
        self.dcid = dcid
        self._keys: dict[tuple[int, bool], InitialKeys] = {}
        # The numbers that opened, of the client and of the server: as many as datagrams before a decision.
        self._numbers: dict[bool, set[int]] = {False: set(), True: set()}
        self.client = CryptoStream(CLIENT_HELLO)
        self.server = CryptoStream(SERVER_HELLO)
        self.asked: list[ClientHello] = []  # at most _MAX_HELLOS
        self.answered = 0

    def open(self, datagram: bytes, packet: LongPacket, *, server: bool) -> bytes | None:
        """The payload, or None when the packet is not of this connection.

        A side that changes to another version keeps the connection id that the keys come from (RFC 9369 4.1).
        """
        which = (packet.version, server)
        keys = self._keys.get(which)
        if keys is None:
            keys = self._keys[which] = initial_keys(packet.version, self.dcid, server=server)
        numbers = self._numbers[server]
        whole = datagram[packet.start : packet.end]
        opened = keys.open(whole, packet.number - packet.start, max(numbers, default=-1), numbers)
        if opened is None:
            return None
        numbers.add(opened.number)
        return opened.payload

    def ask(self, frames: list[tuple[int, bytes]]) -> list[ClientHello]:
        """The ClientHellos that the client's CRYPTO ``frames`` complete."""
        messages = self.client.feed(frames)
        hellos = [hello for message in messages if (hello := parse_client_hello(message)) is not None]
        self.asked += hellos
        if len(self.asked) > _MAX_HELLOS:
            msg = f"more than {_MAX_HELLOS} ClientHellos on one QUIC connection"
            raise WireError(msg)
        return hellos

    @property
    def half_read(self) -> bool:
        """Whether parts of a hello were read that is not whole yet."""
        return self.client.has_rest

    def answer(self, payload: bytes) -> list[Answer]:
        """The ServerHellos that the server's ``payload`` completes, as far as there is one to be answered."""
        answers = []
        for message in self.server.feed(crypto_frames(payload)):
            hello = parse_server_hello(message)
            if hello is not None and self.answered < len(self.asked):
                answers.append(Answer(hello, self.asked[self.answered]))
                self.answered += 1
        return answers


class Initials:
    """Collects one flow (client address and port, server address and port) until it is decided.

    Feed it every datagram of both directions. What does not open with Initial keys is passed over: anyone can
    send noise. What does and is malformed, contradicts itself or goes past a limit is a WireError.
    """

    __slots__ = ("_connections", "frames", "opened", "unopened")

    def __init__(self) -> None:
        self._connections: list[_Connection] = []  # at most MAX_CONNECTIONS
        self.opened = 0  # Initials of the client that opened
        self.unopened = 0  # and those that did not
        self.frames = 0  # CRYPTO frames of the client

    def from_client(self, datagram: bytes) -> list[ClientHello]:
        """The ClientHellos that this datagram completes; more than one only with decoys about."""
        hellos = []
        for packet in long_packets(datagram):
            if packet.kind is not Kind.INITIAL:
                continue
            found = self._open_client(datagram, packet)
            if found:
                self.opened += 1
            else:
                self.unopened += 1
            for connection, payload in found:
                frames = crypto_frames(payload)
                self.frames += len(frames)
                hellos += connection.ask(frames)
        return hellos

    def half_read(self) -> Initials | None:
        """The connections with half a hello by themselves, as when another one on these ports is decided."""
        halves = [connection for connection in self._connections if connection.half_read]
        if not halves:
            return None
        rest = Initials()
        rest._connections = halves
        rest.opened = len(halves)
        return rest

    def from_server(self, datagram: bytes) -> list[Answer]:
        """The ServerHellos that this datagram completes.

        Only those that answer a ClientHello given out before, the second (after a HelloRetryRequest) a second
        one: a ServerHello here means that all that the client has asked for on that connection was judged.
        """
        answers = []
        for packet in long_packets(datagram):
            if packet.kind is not Kind.INITIAL:
                continue
            for connection in self._connections:
                payload = connection.open(datagram, packet, server=True)
                if payload is not None:
                    answers += connection.answer(payload)
        return answers

    def _open_client(self, datagram: bytes, packet: LongPacket) -> list[tuple[_Connection, bytes]]:
        """Every connection that the packet can belong to, with its payload there."""
        for connection in self._connections:
            if connection.dcid == packet.dcid:
                payload = connection.open(datagram, packet, server=False)
                return [] if payload is None else [(connection, payload)]
        # Either a new connection, or one whose server has given the client another id to write to. One packet
        # can be made to open under two keys (GCM commits to none), so nobody's claim to it ends the search.
        fresh = _Connection(packet.dcid)
        found = [
            (connection, payload)
            for connection in [*self._connections, fresh]
            if (payload := connection.open(datagram, packet, server=False)) is not None
        ]
        if found and found[-1][0] is fresh:
            self._make_room()
            self._connections.append(fresh)
        return found

    def _make_room(self) -> None:
        """One that was judged goes, the longest known first: its packets would only be judged again."""
        if len(self._connections) < MAX_CONNECTIONS:
            return
        judged = next((one for one in self._connections if one.asked and not one.half_read), None)
        if judged is None:
            msg = f"more than {MAX_CONNECTIONS} QUIC connections on one flow, none of them judged"
            raise WireError(msg)
        self._connections.remove(judged)
