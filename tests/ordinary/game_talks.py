"""Games and consoles: the first bytes as their documents lay them out, and what follows at their pace."""

from __future__ import annotations

from gateway.age.bands import AgeBand
from tests.ordinary.talks import Act, Talk, heard, media, noise, rest, said

# RakNet's offline messages (github.com/facebookarchive/RakNet, "MessageIdentifiers.h"; the fields of
# Minecraft's edition as wiki.vg, "Raknet Protocol", has them).
_MAGIC = bytes.fromhex("00ffff00fefefefefdfdfdfd12345678")
_GUID, _TIME = bytes.fromhex("b1a5ed0123456789"), bytes.fromhex("0000000000a1b2c3")
_MTU = 1464
_MOTD = b"MCPE;A world;827;1.21.90;3;10;13253860892328930865;Bedrock level;Survival;1;19132;19133;"
_PONG = b"\x1c" + _TIME + _GUID + _MAGIC + len(_MOTD).to_bytes(2, "big") + _MOTD
_ADDRESS = b"\x04\x3f\x57\xfe\xfd\x4a\xbc"
BEDROCK = (
    said(b"\x01" + _TIME + _MAGIC + _GUID),
    heard(_PONG),
    said(b"\x05" + _MAGIC + b"\x0b" + bytes(_MTU - 18)),
    heard(b"\x06" + _MAGIC + _GUID + b"\x00" + _MTU.to_bytes(2, "big")),
    said(b"\x07" + _MAGIC + _ADDRESS + _MTU.to_bytes(2, "big") + _GUID),
    heard(b"\x08" + _MAGIC + _GUID + _ADDRESS + _MTU.to_bytes(2, "big") + b"\x00"),
    said(b"\x84" + bytes.fromhex("0000004000900000000900000000") + _GUID + _TIME + b"\0"),
    heard(bytes.fromhex("c00001010000")),
    media(Act.BOTH, b"\x84" + noise("bedrock", 40), 150, 0.01),
)
# The same with a first byte of its own (Roblox, as packet dissectors of its community have it).
ROBLOX = (
    said(b"\x7b\x00" + _MAGIC[1:] + b"\x05" + bytes(1428)),
    heard(b"\x78" + _MAGIC + _GUID + b"\x00\x05\xb6"),
    media(Act.BOTH, b"\x84" + noise("roblox", 90), 180, 1 / 60),
)
# Valve, "Server queries" and "Connectionless packets" (developer.valvesoftware.com).
_QUERY = b"\xff\xff\xff\xffTSource Engine Query\x00"
SOURCE = (
    said(_QUERY),
    heard(b"\xff\xff\xff\xffA\x0b\x8d\x0c\x0d"),
    said(_QUERY + b"\x0b\x8d\x0c\x0d"),
    heard(b"\xff\xff\xff\xffI\x11A server\x00de_dust2\x00csgo\x00Counter-Strike 2\x00\xda\x02\x05\x10\x00dl"),
    said(b"\xff\xff\xff\xffqconnect0x0b8d0c0d\x00"),
    heard(b"\xff\xff\xff\xffB0x0b8d0c0d\x00"),
    media(Act.BOTH, b"\x0a\x00\x00\x00" + noise("source", 60), 256, 1 / 128),
)
# Valve, GameNetworkingSockets, "steamnetworkingsockets_udp.h": the message and padding to 512 bytes or more.
DATAGRAM_RELAY = (
    said(b"\x20\xfc\x01" + noise("challenge", 21) + bytes(488)),
    heard(b"\x21" + noise("reply", 28)),
    said(b"\x22" + noise("connect", 511)),
    heard(b"\x23" + noise("accept", 200)),
    media(Act.BOTH, b"\x84" + noise("relay", 120), 200, 0.01),
)
# Epic, "StatelessConnectHandlerComponent.cpp": a handshake of bits; later packets have no fixed start.
UNREAL = (
    said(b"\x01" + bytes(27) + b"\x08"),
    heard(b"\x01" + noise("cookie", 27) + b"\x08"),
    said(b"\x01" + noise("cookie", 27) + b"\x0a"),
    heard(b"\x01" + noise("answer", 27) + b"\x0a"),
    media(Act.BOTH, noise("unreal", 70), 180, 1 / 60),
)
# The same behind a cipher: whatever first bytes, at 0xc0 and above too, as long headers of QUIC have them.
SCRAMBLED = (
    said(b"\xd3\x51" + noise("first", 1230)),
    heard(b"\xe7" + noise("second", 900)),
    media(Act.BOTH, b"\xc6" + noise("third", 300), 120, 1 / 60),
)
# Skywind, KCP, "protocol.txt": conversation, command, fragments, window, time, numbers; a hello ahead of it.
KCP = (
    said(bytes.fromhex("000000ff0000000000000000499602d2ffffffff")),
    heard(bytes.fromhex("0000014500a1b2c300d4e5f6499602d214514545")),
    media(Act.BOTH, bytes.fromhex("00a1b2c300d4e5f65100000100000b80") + noise("kcp", 64), 120, 1 / 60),
)
# ENet (enet.bespin.org, "protocol.h"): peer, time, CONNECT; the server verifies it.
ENET = (
    said(bytes.fromhex("8fff123482ff000100000000") + noise("enet", 40)),
    heard(bytes.fromhex("8000123483ff0001") + noise("verify", 36)),
    media(Act.BOTH, bytes.fromhex("80004321") + noise("enet data", 48), 120, 1 / 60),
)
QUAKE = (
    said(b"\xff\xff\xff\xffgetchallenge 12345678"),
    heard(b"\xff\xff\xff\xffchallengeResponse -1234567 12345678"),
    media(Act.BOTH, bytes.fromhex("01000000") + noise("quake", 50), 120, 1 / 60),
)
# Discord, "Voice Connections: IP Discovery"; then RTP (RFC 3550) with sealed Opus, 50 a second, and RTCP.
_SSRC = bytes.fromhex("0004c5aa")
DISCORD = (
    said(b"\x00\x01\x00\x46" + _SSRC + bytes(66)),
    heard(b"\x00\x02\x00\x46" + _SSRC + b"203.0.113.2".ljust(64, b"\0") + b"\xc3\x50"),
    media(Act.BOTH, b"\x80\x78\x27\xc4\x1b\x90\xde\xad" + _SSRC + noise("opus", 80), 100, 0.02),
    said(b"\x81\xc9\x00\x07" + _SSRC + noise("report", 28)),
    rest(2.0),
    media(Act.DOWNWARD, b"\x90\x78\x27\xc5\x1b\x91\xde\xad" + _SSRC + noise("them", 80), 100, 0.02),
)
# STUN (RFC 8489), then another's console, who is no server and has no name.
_STUN = bytes.fromhex("000100002112a442") + noise("stun", 12)
_STUN_ANSWER = (
    bytes.fromhex("0101000c2112a442") + noise("stun", 12) + bytes.fromhex("002000080001a147e112a643")
)
CONSOLE = (
    said(_STUN),
    heard(_STUN_ANSWER),
    media(Act.BOTH, bytes.fromhex("0100000000") + noise("peer", 60), 60, 0.02),
)

# RFC 4380 5.1: what consoles of Xbox talk through, between addresses of Teredo alone; and what is no console.
_OURS, _THEIRS = (
    bytes.fromhex("200100004136e3788000ec77347ffefd"),
    bytes.fromhex("200100004136e3788000f3abc0a7ee45"),
)
_SITE = bytes.fromhex("2a001450400108000000000000002004")
_LOCAL = bytes.fromhex("fe80000000000000ffffffffffffffff")
_NONCE = b"\0\1\0\0" + noise("nonce", 8) + b"\0"
_ORIGIN = bytes.fromhex("000013883480fe02")


def _ipv6(inside: int, source: bytes, target: bytes, body: bytes = b"") -> bytes:
    return b"\x60\0\0\0" + len(body).to_bytes(2, "big") + bytes([inside, 21]) + source + target + body


_ADVERTISED = bytes.fromhex("8600c9a8000000000000000000000000") + bytes.fromhex(
    "030440c0ffffffffffffffff00000000"
)
TEREDO = (
    said(
        _NONCE
        + _ipv6(
            58, _LOCAL, bytes.fromhex("ff020000000000000000000000000002"), bytes.fromhex("8500ea1b00000000")
        )
    ),
    heard(
        _NONCE
        + _ORIGIN
        + _ipv6(58, _LOCAL, _LOCAL, _ADVERTISED + bytes.fromhex("200100004136e3780000000000000000"))
    ),
    said(_ipv6(59, _OURS, _THEIRS)),
    heard(_ORIGIN + _ipv6(59, _THEIRS, _OURS)),
)
PARTY = (
    said(_ipv6(59, _OURS, _THEIRS)),
    heard(_ipv6(59, _THEIRS, _OURS)),
    said(_ipv6(17, _OURS, _THEIRS, bytes.fromhex("01f401f4") + noise("authip", 400))),
    heard(_ipv6(17, _THEIRS, _OURS, bytes.fromhex("01f401f4") + noise("authip back", 400))),
    media(Act.BOTH, _ipv6(50, _OURS, _THEIRS, noise("party", 140)), 100, 0.02),
)
RELAYED = (said(_ipv6(59, _OURS, _SITE)), heard(_ipv6(59, _SITE, _OURS)))

# wiki.vg, "Protocol": length, id 0, version, the server's name, port, next state; then the player's name.
_NAME = b"mc.hypixel.net"
_HANDSHAKE = b"\x00\x87\x06" + bytes([len(_NAME)]) + _NAME + b"\x63\xdd\x02"
_LOGIN = b"\x00\x05Anna7" + noise("uuid", 16)
JAVA = (
    said(bytes([len(_HANDSHAKE)]) + _HANDSHAKE + bytes([len(_LOGIN)]) + _LOGIN),
    heard(noise("encryption request", 180)),
    said(noise("encryption response", 262)),
    heard(noise("world", 9000)),
)
# SteamKit, "Steam3 CM": length, magic.
STEAM = (
    said(b"\x9c\x00\x00\x00VT01" + noise("cm", 156)),
    heard(b"\x18\x00\x00\x00VT01" + noise("cm answer", 24)),
    rest(3.0),
    heard(b"\x40\x00\x00\x00VT01" + noise("news", 64)),
)
# wowdev.wiki, "CMD_AUTH_LOGON_CHALLENGE".
LOGON = (
    said(
        bytes.fromhex("0008260057 6f5700 0a0207 b1b40000363878006e695700454e6564b40000007f00000108")
        + b"DAUGHTER"
    ),
    heard(bytes.fromhex("000000") + noise("srp", 116)),
    said(b"\x01" + noise("proof", 74)),
    heard(bytes.fromhex("0100") + noise("proven", 30)),
)

XBOX = ("user.auth.xboxlive.com",)

GAMES = (
    Talk("minecraft-bedrock", "udp", "play.nethergames.org", 19132, BEDROCK, "RakNet; wiki.vg"),
    Talk("minecraft-realm", "udp", "realm.minecraft.net", 19133, BEDROCK, "RakNet; wiki.vg", AgeBand.AGE_6_9),
    Talk("roblox", "udp", "rbx.example", 53640, ROBLOX, "RakNet", asks=False, before=("www.roblox.com",)),
    Talk("source", "udp", "de.cs.example", 27015, SOURCE, "Valve, Server queries", asks=False),
    Talk("steam-datagram", "udp", "fra.sdr.example", 27028, DATAGRAM_RELAY, "Valve", asks=False),
    Talk("unreal", "udp", "fn.epic.example", 9017, UNREAL, "Epic", asks=False),
    Talk("scrambled", "udp", "war.game.example", 20001, SCRAMBLED, "RFC 8999, by contrast", asks=False),
    Talk("kcp", "udp", "genshin.example", 22102, KCP, "KCP", asks=False),
    Talk("enet", "udp", "league.example", 5107, ENET, "ENet", asks=False),
    Talk("quake", "udp", "quake.example", 27960, QUAKE, "id Tech 3, ioquake3", asks=False),
    # Known by its first bytes, and Discord is blocked or asked for below 16.
    Talk(
        "discord-voice", "udp", "voice.discord.example", 50004, DISCORD, "Discord, Voice", AgeBand.AGE_16_17,
        asks=False,
    ),
    Talk("xbox-teredo", "udp", "win1910.ipv6.microsoft.com", 3544, TEREDO, "RFC 4380 5.2", before=XBOX),
    Talk("xbox-party", "udp", "player.xbox.example", 61234, PARTY, "RFC 4380 5.2", asks=False, before=XBOX),
    Talk("teredo-relay", "udp", "relay.example", 3545, RELAYED, "RFC 4380 5.4", AgeBand.ADULT, False, XBOX),
    Talk("console-peer", "udp", "peer.console.example", 9308, CONSOLE, "RFC 8489", asks=False),
    Talk("minecraft-java", "tcp", "mc.hypixel.net", 25565, JAVA, "wiki.vg", AgeBand.AGE_6_9),
    Talk("steam", "tcp", "cm.steam.example", 27017, STEAM, "SteamKit", asks=False),
    Talk("warcraft-logon", "tcp", "eu.actual.battle.net", 3724, LOGON, "wowdev.wiki", AgeBand.AGE_6_9),
    Talk(
        "game-that-rests", "udp", "chess.example", 7777,
        (*QUAKE[:2], rest(25.0), *QUAKE[2:], *QUAKE[2:], rest(100.0), *ENET[:2]), "RFC 4787 4.3",
        asks=False, slow=True,
    ),
)  # fmt: skip
