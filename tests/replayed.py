"""Run captures through `replay` in this process."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from gateway.policy.judge.world import World
from gateway.replay.engine import FrameTally, Replay, ReplayedRequest, UnreadFrame
from gateway.replay.frames import CaptureError, frames
from tests.policy.homes import CALENDAR, a_profile, the_world

AFTERNOON = datetime(2026, 11, 24, 11, tzinfo=UTC)  # 16:00 at home, a school day
ADULT = "band: adult"
CHILD = "band: 10-12"


class Replayed:
    """What became of a capture: ``asked`` in order, ``broken`` as the command would say it."""

    def __init__(
        self,
        capture: bytes,
        rules: str = ADULT,
        *,
        at: datetime | None = AFTERNOON,
        world: World | None = None,
        chunk: int = 1 << 18,
    ) -> None:
        self.asked: list[ReplayedRequest] = []
        self.unread: list[UnreadFrame] = []
        self.broken = ""
        replay = Replay(
            a_profile(rules),
            world or the_world(),
            CALENDAR,
            self.asked.append,
            now=AFTERNOON,
            at=at,
            unread=self.unread.append,
        )
        stream = io.BytesIO(capture)
        try:
            for frame in frames(lambda size: stream.read(min(size, chunk)), "test.pcap"):
                replay.frame(frame)
        except CaptureError as error:
            self.broken = str(error)
        self.tally: FrameTally = replay.tally

    @property
    def names(self) -> list[tuple[str, str | None]]:
        """Protocol and host of each."""
        return [(str(one.proto), one.host) for one in self.asked]

    @property
    def verdicts(self) -> list[tuple[str | None, str, str]]:
        """Host, verdict and reason of each."""
        return [(one.host, str(one.decision.verdict), str(one.decision.reason)) for one in self.asked]
