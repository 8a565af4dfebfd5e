"""Who uses a device and by which PIN: on the disk before the answer, and no PIN in clear."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from gateway.policy.accounts.pins import Pin, hash_pin, is_right
from gateway.policy.identity.sharing import DeviceUse, UseKind
from gateway.store.store import Store
from tests.store.helpers import NOW, look
from tests.store.test_database import ROOT

TABLET, MUMS = "02:00:00:00:00:aa", "02:00:00:00:00:0c"
SALT = "00" * 16

KILLED = """
import os, signal, sys
from pathlib import Path
from gateway.store.store import Store
from tests.store.tables.test_sharing import HANDED, PIN, USE
store = Store(Path(sys.argv[1]))
store.uses.put(USE)
store.uses.put(HANDED, what="hand over", origin="192.168.1.7")
store.pins.put(PIN, by="Aruzhan")
os.kill(os.getpid(), signal.SIGKILL)
"""

USE = DeviceUse(TABLET, "son", UseKind.USE, NOW, NOW + timedelta(hours=2))
HANDED = DeviceUse(MUMS, "daughter", UseKind.HANDED, NOW, None, "Mum")
PIN = Pin("daughter", SALT, hash_pin("4821", SALT), NOW, "")


def test_a_kill_loses_neither(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    store = Store(path)
    assert dict(store.uses.all()) == {TABLET: USE, MUMS: HANDED}
    kept = store.pins.of("daughter")
    assert kept is not None
    assert is_right(kept, "4821")
    assert not is_right(kept, "4822")
    store.close()


def test_the_audit_has_what_guardians_decided_and_no_child_s_tap(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    store.uses.put(USE)
    store.uses.put(HANDED, what="hand over")
    store.uses.drop(TABLET)
    store.uses.drop(MUMS, by="Mum", what="take back", at=NOW)
    store.pins.put(PIN, by="Aruzhan")
    assert store.pins.drop("daughter", by="Mum", at=NOW)
    assert not store.pins.drop("daughter", by="Mum", at=NOW)
    store.close()
    assert look(path, "SELECT who, what, detail FROM audit") == [
        ("Mum", "hand over", f"{MUMS} daughter"),
        ("Mum", "take back", f"{MUMS} daughter"),
        ("Aruzhan", "pin set", "daughter"),
        ("Mum", "pin cleared", "daughter"),
    ]
    assert look(path, "SELECT count(*) FROM lent") == [(0,)]
    assert b"4821" not in path.read_bytes()


def test_pins_of_profiles_that_are_gone_give_way(tmp_path: Path) -> None:
    store = Store(tmp_path / "q.db")
    for number in range(70):
        store.pins.put(Pin(f"p{number}", SALT, "00", NOW, ""), by="x")
    assert store.pins.of("p5") is None
    assert store.pins.of("p6") is not None
    store.close()
