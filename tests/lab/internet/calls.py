"""Calls between two browsers: a page that calls, and a mailbox by which both find each other.

``/call/page?room=R&role=offer`` (or ``answer``) is the page; ``/call/told/R/offer?…`` hears what it measured.
``POST /call/box/R/ROLE`` puts a message there, ``GET /call/box/R/ROLE/N`` is the N-th one, or 204.
"""

from __future__ import annotations

from collections import defaultdict
from urllib.parse import urlsplit

from tests.lab.internet.walks import Answer

PREFIX = "/call/"

# `ice` in the query: servers and policy, as RTCPeerConnection takes them. `sends=0`: this side only watches.
# `family`: 4 or 6, of the addresses by which this side may be reached. `dead`: addresses of the other side
# that nobody answers at.
_PAGE = b"""<!doctype html><meta charset=utf-8><title>a call</title>
<video id=them autoplay muted playsinline></video>
<script>
const query = new URLSearchParams(location.search), room = query.get("room"), role = query.get("role");
const other = role === "offer" ? "answer" : "offer", wait = ms => new Promise(done => setTimeout(done, ms));
const put = message => fetch(`/call/box/${room}/${role}`, {method: "POST", body: JSON.stringify(message)});
const tell = what => fetch(`/call/told/${room}/${role}?` + new URLSearchParams(what));
async function* theirs() {
  for (let number = 0; ; ) {
    const answer = await fetch(`/call/box/${room}/${other}/${number}`);
    if (answer.status === 200) { number++; yield await answer.json(); } else await wait(100);
  }
}
async function measure(call) {
  const rows = [...(await call.getStats()).values()];
  const find = kind => rows.filter(row => row.type === kind);
  const pair = find("candidate-pair").find(row => row.nominated && row.state === "succeeded") || {};
  const mine = rows.find(row => row.id === pair.localCandidateId) || {};
  const video = find("inbound-rtp").find(row => row.kind === "video") || {};
  const audio = find("inbound-rtp").find(row => row.kind === "audio") || {};
  return {kind: mine.candidateType, relay: mine.relayProtocol || "", frames: video.framesDecoded || 0,
    video: video.packetsReceived || 0, lost: (video.packetsLost || 0) + (audio.packetsLost || 0),
    audio: audio.packetsReceived || 0, sent: pair.bytesSent || 0, checks: find("candidate-pair").length};
}
(async () => {
  const call = new RTCPeerConnection(JSON.parse(query.get("ice")));
  call.onicecandidate = ({candidate}) => {
    const family = query.get("family"), isOf = candidate?.address?.includes(":") ? "6" : "4";
    if (candidate && (!family || family === isOf)) put({candidate});
  };
  call.ontrack = event => { document.getElementById("them").srcObject = event.streams[0]; };
  const words = {audio: true, video: {width: 320, height: 240, frameRate: 15}};
  const own = await navigator.mediaDevices.getUserMedia(words);
  if (query.get("sends") !== "0") own.getTracks().forEach(track => call.addTrack(track, own));
  if (role === "offer") { await call.setLocalDescription(); await put({description: call.localDescription}); }
  (async () => {
    const early = [];  // candidates that overtook their description
    for await (const message of theirs()) {
      if (message.description) {
        await call.setRemoteDescription(message.description);
        if (role === "answer") {
          await call.setLocalDescription();
          await put({description: call.localDescription});
        }
        const dead = JSON.parse(query.get("dead") || "[]");
        for (const [number, address] of dead.entries()) {
          const candidate = `candidate:9${number} 1 udp 2122260223 ${address} ${40000 + number} typ host`;
          await call.addIceCandidate({candidate, sdpMid: "0", sdpMLineIndex: 0});
        }
        for (const one of early) await call.addIceCandidate(one);
      } else if (!call.remoteDescription) early.push(message.candidate);
      else await call.addIceCandidate(message.candidate);
    }
  })();
  for (let second = 0; call.connectionState !== "connected"; second++) {
    if (second > 40 || call.connectionState === "failed") return tell({failed: call.connectionState});
    await wait(1000);
  }
  const seconds = Number(query.get("seconds") || 4);
  await wait(1500);
  const before = await measure(call);
  await wait(seconds * 1000);
  const after = await measure(call);
  for (const key of ["frames", "video", "audio", "lost", "sent"]) after[key] -= before[key];
  await tell({...after, state: call.connectionState});
})().catch(error => tell({failed: String(error)}));
</script>"""


class Calls:
    """``answer`` is None for what belongs to no call."""

    def __init__(self) -> None:
        self._boxes: dict[str, list[bytes]] = defaultdict(list)

    def answer(self, method: str, target: str, body: bytes) -> Answer | None:
        path = urlsplit(target).path
        if path == PREFIX + "page":
            return _PAGE, "text/html; charset=utf-8"
        box, _, number = path.removeprefix(f"{PREFIX}box/").rpartition("/")
        if method == "POST":
            self._boxes[f"{box}/{number}"].append(body)
            return b"{}", "application/json"
        if path.startswith(PREFIX + "told/"):
            return b"{}", "application/json"
        found = self._boxes[box][int(number) :][:1] if number.isdigit() else []
        return (found[0], "application/json") if found else None
