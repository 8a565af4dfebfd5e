"""The daemon without free file descriptors: no verb ends it, and a start without them says so in one line."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress

import pytest

from gateway.control.permissions import VERBS
from gateway.control.protocol import ANSWER_LIMIT, LineReader
from gateway.core.errors import ControlError
from tests.features.test_permissions import arguments
from tests.lab import names
from tests.lab.descriptors import is_calm, scarce_descriptors
from tests.lab.filtering import PROFILES, REFUSED, fresh, until
from tests.lab.home import Home
from tests.lab.netns import LabError
from tests.lab.test_full_disk import filters
from tests.rawclient import RawClient

pytestmark = pytest.mark.lab

EACH_VERB: Sequence[tuple[str, dict[str, object]]] = tuple(
    (name, arguments(name)) for name in sorted(VERBS) if name not in ("events", "clock")
)
CHANGES: Sequence[tuple[str, dict[str, object]]] = (
    ("edit", {"id": "son", "set": {"block": ["service:roblox"]}, "by": "Mum"}),
    ("unedit", {"id": "son", "by": "Mum"}),
    ("edit_family", {"set": {"language": "ru"}, "by": "Mum"}),
    ("assign", {"mac": names.NEW.mac, "profile": "son", "by": "Mum"}),
    ("name_device", {"mac": names.NEW.mac, "name": "A phone", "by": "Mum"}),
    ("add_profile", {"name": "Oma", "band": "adult", "by": "Mum"}),
    ("remove_profile", {"id": "oma", "by": "Mum"}),
    ("grant", {"who": "son", "minutes": 15, "by": "Mum"}),
    ("off", {"minutes": 5, "by": "Mum"}),
    ("on", {"by": "Mum"}),
    ("backup", {"by": "Mum"}),
    ("auto_backup", {"action": "now", "by": "Mum"}),
    ("list_update", {"force": True}),
    ("list_lookup", {"host": REFUSED}),
    ("why", {"profile": "daughter", "host": REFUSED}),
    ("history", {"id": "daughter"}),
    ("filter_test", {"action": "begin", "id": "daughter"}),
)


def test_no_verb_ends_a_daemon_without_a_free_descriptor(home: Home) -> None:
    """Each verb with arguments that it takes, and what parents do each day: done, or refused."""
    with fresh(home) as daemon, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(60.0)
        sock.connect(str(daemon.socket))
        client, reader = RawClient(daemon.socket), LineReader(ANSWER_LIMIT)
        client._ask(sock, reader, "guardian", {"action": "add", "name": "Mum"})
        assert until(lambda: is_calm(daemon.pid), 20.0) is not None
        with scarce_descriptors(daemon.pid), ExitStack() as waiting:
            for _ in range(8):  # they take what the daemon frees meanwhile
                other = waiting.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                other.connect(str(daemon.socket))
            for verb, values in (*CHANGES, *EACH_VERB):
                with suppress(ControlError):  # it answers, whatever it is
                    client._ask(sock, reader, verb, values)
            daemon.reload()
        for profile, rules in PROFILES.items():
            daemon.write_profile(profile, rules)
        with suppress(ControlError):  # it is not off
            daemon.client.call("on")
        with suppress(ControlError):  # no one is paused
            daemon.client.call("resume", who="all")
        daemon.reload()
        assert until(lambda: filters(home), 8.0) is not None
        assert [line for line in daemon.client.call("status")["problems"] if "file descriptors" in line]


def test_a_start_with_too_few_descriptors_ends_with_one_line_or_runs(home: Home) -> None:
    daemon = fresh(home)
    for limit in (8, 24, 1024):
        daemon.run_with("prlimit", f"--nofile={limit}", sys.executable, "-m", "gateway")
        daemon.log.unlink(missing_ok=True)
        try:
            with daemon:
                assert filters(home)
        except LabError:
            assert limit < 1024
            text = daemon.log.read_text()
            assert len(text.splitlines()) == 1, f"with {limit} descriptors: {text}"
