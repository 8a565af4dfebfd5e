"""Both ends of the talks: ``call VERSION ID…`` on a device, ``serve FOLDER`` on the pretended internet.

A call prints one JSON object: what became of each talk, an empty text where all was said and heard.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from tests.lab import names
from tests.lab.certs import Authority
from tests.lab.internet.udp import Peer, UdpPort
from tests.ordinary.catalogue import TALKS
from tests.ordinary.channels import Channel, DatagramChannel, Mismatch, StreamChannel
from tests.ordinary.talks import Act, Line, Talk

PATIENCE = 10.0  # seconds for what the other side says next
REST = 300.0  # seconds that a server waits for a client, which may rest
SILENCE = 10.0  # seconds after which no more media comes
ARRIVES = 0.97  # of media: a queue may drop a few while a flow is decided
REDIRECTED = {443: 40443, 80: 40080}  # ports on which the pretended internet itself listens
_ORIGINAL_DST = 80  # SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST
_COUNT = struct.Struct("!I")


async def play(talk: Talk, mine: Act, channel: Channel) -> None:
    for number, line in enumerate(talk.lines):
        try:
            await _PLAYS.get(line.act, _say)(line, mine, channel)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, Mismatch) as error:
            msg = f"line {number}, {line.act.value}: {type(error).__name__} {error}"
            raise Mismatch(msg) from error


async def _say(line: Line, mine: Act, channel: Channel) -> None:
    if line.act is mine:
        return await channel.send(line.data)
    wait = PATIENCE if mine is Act.CLIENT else REST
    data = await asyncio.wait_for(channel.receive(len(line.data)), wait)
    if data != line.data:
        raise Mismatch(f"heard {data[:32].hex()} for {line.data[:32].hex()}")
    return None


async def _secure(line: Line, mine: Act, channel: Channel) -> None:
    await asyncio.wait_for(channel.secure(), PATIENCE)


async def _rest(line: Line, mine: Act, channel: Channel) -> None:
    if mine is Act.CLIENT:
        await asyncio.sleep(line.every)


async def _both(line: Line, mine: Act, channel: Channel) -> None:
    if mine is Act.SERVER:
        await _media(line, channel, echo=True)
        return
    counting = asyncio.ensure_future(_media(line, channel, echo=False))
    await _stream(line, channel)
    _enough(await counting, line)


async def _upward(line: Line, mine: Act, channel: Channel) -> None:
    if mine is Act.SERVER:
        await channel.send(_COUNT.pack(await _media(line, channel, echo=False)))
        return
    await _stream(line, channel)
    (count,) = _COUNT.unpack(await asyncio.wait_for(channel.receive(4), PATIENCE))
    _enough(count, line)


async def _downward(line: Line, mine: Act, channel: Channel) -> None:
    if mine is Act.SERVER:
        await _stream(line, channel)
    else:
        _enough(await _media(line, channel, echo=False), line)


async def _stream(line: Line, channel: Channel) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(line.times):
        await channel.send(line.data + _COUNT.pack(number))
        await asyncio.sleep(max(0.0, began + (number + 1) * line.every - loop.time()))


async def _media(line: Line, channel: Channel, *, echo: bool) -> int:
    """How many came."""
    came, wait = 0, REST if echo else PATIENCE
    try:
        while came < line.times:
            data = await asyncio.wait_for(channel.receive(len(line.data) + 4), wait)
            came, wait = came + data.startswith(line.data), SILENCE
            if echo:
                await channel.send(data)
    except TimeoutError:
        pass
    return came


def _enough(came: int, line: Line) -> None:
    if came < line.times * ARRIVES:
        raise Mismatch(f"{came} of {line.times} datagrams")


_PLAYS: dict[Act, Callable[[Line, Act, Channel], Awaitable[None]]] = {
    Act.TLS: _secure,
    Act.REST: _rest,
    Act.BOTH: _both,
    Act.UPWARD: _upward,
    Act.DOWNWARD: _downward,
}


# ---------------------------------------------------------------- the device


async def call(talk: Talk, version: int) -> str:
    """Empty where all was said and heard."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        where = names.ipv4_of(talk.host) if version == 4 else names.ipv6_of(talk.host)
        for name in talk.before:
            await loop.getaddrinfo(name, talk.port, family=family)
        if talk.asks:
            found = await loop.getaddrinfo(talk.host, talk.port, family=family)
            where = str(found[0][4][0])
        if talk.transport == "udp":
            made = await loop.create_datagram_endpoint(DatagramChannel, remote_addr=(where, talk.port))
            await play(talk, Act.CLIENT, made[1])
            return ""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if talk.alpn:
            context.set_alpn_protocols(list(talk.alpn))
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(where, talk.port)
        await play(talk, Act.CLIENT, StreamChannel(reader, writer, context, talk.host))
        writer.close()
    except (OSError, Mismatch) as error:
        return f"{type(error).__name__}: {error}"
    return ""


async def calls(talks: Iterable[Talk], version: int) -> dict[str, str]:
    talks = list(talks)
    results = await asyncio.gather(*(call(talk, version) for talk in talks))
    return {talk.id: result for talk, result in zip(talks, results, strict=True)}


# ---------------------------------------------------------------- the pretended internet


class Servers:
    """Every talk at the address of its host, on its port; others hear nothing."""

    def __init__(self, folder: Path) -> None:
        alpn = sorted({one for talk in TALKS for one in talk.alpn})
        self._context = Authority(folder).server_context(alpn)
        self._at = {
            (address, talk.transport, talk.port): talk
            for talk in TALKS
            for address in (names.ipv4_of(talk.host), names.ipv6_of(talk.host))
        }
        self._open: dict[tuple[int, Peer], DatagramChannel] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for port in sorted({talk.port for talk in TALKS if talk.transport == "tcp"}):
            for address in ("0.0.0.0", "::"):
                handler = self._handler(port)
                await asyncio.start_server(handler, address, REDIRECTED.get(port, port), backlog=256)
        for port in sorted({talk.port for talk in TALKS if talk.transport == "udp"}):
            self._listen(port)

    def _handler(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talk = self._at.get((_called(writer), "tcp", port))
            try:
                if talk is not None:
                    await play(talk, Act.SERVER, StreamChannel(reader, writer, self._context))
            except Mismatch as error:
                print(talk.id if talk else "", error, flush=True)
            finally:
                writer.close()

        return serve

    def _listen(self, port: int) -> None:
        def receive(data: bytes, peer: Peer) -> None:
            channel = self._open.get((port, peer))
            if channel is None:
                family = socket.AF_INET if len(peer[2]) == 4 else socket.AF_INET6
                talk = self._at.get((socket.inet_ntop(family, peer[2]), "udp", port))
                if talk is None:
                    return
                channel = DatagramChannel(lambda reply: udp.sendto(reply, peer))
                self._open[port, peer] = channel
                task = asyncio.ensure_future(self._play(talk, channel))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            channel.datagram_received(data, None)

        udp = UdpPort(port, receive)

    async def _play(self, talk: Talk, channel: DatagramChannel) -> None:
        try:
            await play(talk, Act.SERVER, channel)
        except Mismatch as error:
            print(talk.id, error, flush=True)


def _called(writer: asyncio.StreamWriter) -> str:
    """The address that was called, before it was redirected."""
    sock: socket.socket = writer.get_extra_info("socket")
    where = writer.get_extra_info("sockname")
    if where[1] not in REDIRECTED.values():
        return str(where[0])
    if sock.family == socket.AF_INET:
        return socket.inet_ntoa(sock.getsockopt(socket.SOL_IP, _ORIGINAL_DST, 16)[4:8])
    return socket.inet_ntop(socket.AF_INET6, sock.getsockopt(socket.IPPROTO_IPV6, _ORIGINAL_DST, 28)[8:24])


def redirects() -> str:
    """The rules of the pretended internet, for nft."""
    rules = [
        f"{family} daddr {address} tcp dport {talk.port} redirect to :{REDIRECTED[talk.port]}"
        for talk in TALKS
        if talk.transport == "tcp" and talk.port in REDIRECTED
        for family, address in (("ip", names.ipv4_of(talk.host)), ("ip6", names.ipv6_of(talk.host)))
    ]
    hook = "type nat hook prerouting priority dstnat;"
    return "\n".join(("table inet talks {", "chain called {", hook, *rules, "}", "}", ""))


async def serve(folder: Path) -> None:
    servers = Servers(folder)
    await servers.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("call", "serve"))
    parser.add_argument("where", help="the IP version of a call, the servers' folder")
    parser.add_argument("ids", nargs="*")
    chosen = parser.parse_args()
    if chosen.what == "serve":
        asyncio.run(serve(Path(chosen.where)))
        return
    wanted = [talk for talk in TALKS if talk.id in chosen.ids]
    print(json.dumps(asyncio.run(calls(wanted, int(chosen.where)))))


if __name__ == "__main__":
    main()
