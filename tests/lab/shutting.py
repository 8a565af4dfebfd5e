"""What shuts the daughter's internet, one at a time, from a noon on which nothing does."""

from __future__ import annotations

from collections.abc import Mapping

from tests.lab.daemon import Daemon
from tests.lab.filtering import set_time

LIMITS: Mapping[str, object] = {"internet": {"school": "2h", "free": "0m"}}  # her profile's


def paused(daemon: Daemon) -> None:
    daemon.client.call("pause", who="daughter", minutes=30, by="Mum")


def bedtime(daemon: Daemon) -> None:
    set_time(daemon, "2026-11-25T22:00:00")


def out_of_time(daemon: Daemon) -> None:
    set_time(daemon, "2026-11-28T12:00:00")  # a Saturday


def noon(daemon: Daemon) -> None:
    set_time(daemon, "2026-11-25T12:00:00")


def resume(daemon: Daemon) -> None:
    daemon.client.call("resume", who="daughter")
