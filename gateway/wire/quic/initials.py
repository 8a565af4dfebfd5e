"""Reads the hellos of client and server in the Initial packets of one UDP flow."""

from __future__ import annotations

from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.quic.crypto import InitialKeys, initial_keys
from gateway.wire.quic.frames import CryptoStream, crypto_frames
from gateway.wire.quic.packet import DatagramKind, LongPacket, long_packets
from gateway.wire.tls.hello import ClientHello, ServerHello, parse_client_hello, parse_server_hello
from gateway.wire.tls.records import CLIENT_HELLO, SERVER_HELLO

# One flow has one connection, two after a Retry. The rest is for decoys: an evasion tool sends one or two
# next to the real one, and each is judged. Some apps connect repeatedly from one port, so judged connections
# are evicted.
MAX_CONNECTIONS = 8
_MAX_HELLOS = 2  # the second follows a HelloRetryRequest, at most one of which is valid (RFC 8446 §4.1.4)


class HelloAnswer(NamedTuple):
    """A server's hello, and the client's hello that it answers."""

    hello: ServerHello
    asked: ClientHello


class _Connection:
    """One set of Initial keys, and its two handshake streams."""

    __slots__ = ("_keys", "_numbers", "answered", "asked", "client", "dcid", "server")

    def __init__(self, dcid: bytes) -> None:
        self.dcid = dcid
        self._keys: dict[tuple[int, bool], InitialKeys] = {}
        # The decrypted packet numbers of client and server: as many as datagrams before a decision.
        self._numbers: dict[bool, set[int]] = {False: set(), True: set()}
        self.client = CryptoStream(CLIENT_HELLO)
        self.server = CryptoStream(SERVER_HELLO)
        self.asked: list[ClientHello] = []  # at most _MAX_HELLOS
        self.answered = 0

    def open(self, datagram: bytes, packet: LongPacket, *, server: bool) -> bytes | None:
        """Return the payload; None if the packet is not of this connection.

        A side that changes the version keeps the connection id that the keys depend on (RFC 9369 §4.1).
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

    def feed_client(self, frames: list[tuple[int, bytes]]) -> list[ClientHello]:
        """Return the ClientHellos that the client's CRYPTO ``frames`` complete. Raises WireError."""
        messages = self.client.feed(frames)
        hellos = [hello for message in messages if (hello := parse_client_hello(message)) is not None]
        self.asked += hellos
        if len(self.asked) > _MAX_HELLOS:
            msg = f"more than {_MAX_HELLOS} ClientHellos on one QUIC connection"
            raise WireError(msg)
        return hellos

    @property
    def half_read(self) -> bool:
        """Whether part of an incomplete hello was read."""
        return self.client.has_partial

    def feed_server(self, payload: bytes) -> list[HelloAnswer]:
        """Return the ServerHellos that ``payload`` completes, as far as there are hellos to answer."""
        answers = []
        for message in self.server.feed(crypto_frames(payload)):
            hello = parse_server_hello(message)
            if hello is not None and self.answered < len(self.asked):
                answers.append(HelloAnswer(hello, self.asked[self.answered]))
                self.answered += 1
        return answers


class Initials:
    """Collects one flow (client address and port, server address and port) until it is decided.

    Feed it every datagram of both directions. Packets that do not decrypt with Initial keys are ignored:
    anyone can send random data. Raises WireError for a packet that decrypts but is malformed, contradicts
    earlier ones or exceeds a limit.
    """

    __slots__ = ("_connections", "frames", "opened", "unopened")

    def __init__(self) -> None:
        self._connections: list[_Connection] = []  # at most MAX_CONNECTIONS
        self.opened = 0  # Initials of the client that decrypted
        self.unopened = 0  # Initials of the client that did not decrypt
        self.frames = 0  # CRYPTO frames of the client

    def from_client(self, datagram: bytes) -> list[ClientHello]:
        """Return the ClientHellos that this datagram completes; more than one only with decoys."""
        hellos = []
        for packet in long_packets(datagram):
            if packet.kind is not DatagramKind.INITIAL:
                continue
            found = self._open_client(datagram, packet)
            if found:
                self.opened += 1
            else:
                self.unopened += 1
            for connection, payload in found:
                frames = crypto_frames(payload)
                self.frames += len(frames)
                hellos += connection.feed_client(frames)
        return hellos

    def half_read(self) -> Initials | None:
        """Return the connections with an incomplete hello, after another one on these ports was decided."""
        halves = [connection for connection in self._connections if connection.half_read]
        if not halves:
            return None
        rest = Initials()
        rest._connections = halves
        rest.opened = len(halves)
        return rest

    def from_server(self, datagram: bytes) -> list[HelloAnswer]:
        """Return the ServerHellos that this datagram completes.

        Only those that answer a ClientHello returned earlier; the second one, after a HelloRetryRequest,
        answers a second. So a ServerHello here means that all hellos of the client on that connection were
        judged.
        """
        answers = []
        for packet in long_packets(datagram):
            if packet.kind is not DatagramKind.INITIAL:
                continue
            for connection in self._connections:
                payload = connection.open(datagram, packet, server=True)
                if payload is not None:
                    answers += connection.feed_server(payload)
        return answers

    def _open_client(self, datagram: bytes, packet: LongPacket) -> list[tuple[_Connection, bytes]]:
        """Return every connection that the packet can belong to, with the decrypted payload."""
        for connection in self._connections:
            if connection.dcid == packet.dcid:
                payload = connection.open(datagram, packet, server=False)
                return [] if payload is None else [(connection, payload)]
        # Either a new connection, or one to which the server gave another id. One packet can be made to
        # decrypt under two keys (GCM is not key-committing), so a match does not end the search.
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
        """Evict the oldest judged connection: its packets would only be judged again."""
        if len(self._connections) < MAX_CONNECTIONS:
            return
        judged = next((known for known in self._connections if known.asked and not known.half_read), None)
        if judged is None:
            msg = f"more than {MAX_CONNECTIONS} QUIC connections on one flow, none of them judged"
            raise WireError(msg)
        self._connections.remove(judged)
