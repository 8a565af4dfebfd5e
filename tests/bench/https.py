"""What the pages and the front hold where a home has a trusted name and adult proofs came over it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.age.wallet import Wallet
from tests.bench.figures import Figure, Settings, at_most
from tests.bench.pages import await_templates, held, resident
from tests.lab.filtering import until
from tests.lab.home import Home
from tests.lab.trusted import ORIGIN
from tests.lab.wallets import LONG, NEW, UNLOCK, Scene, at_home

PROOFS = 5
MOST_FRONT = 28.0  # MB, as tests/web/test_front.py has it with all of its places taken


def measure(settings: Settings) -> Iterator[Figure]:
    with Home(journal=False, quic=False) as home, at_home(home, settings.folder, web_user=False) as scene:
        await_templates(scene.daemon)
        scene.daemon.stop()
        scene.daemon.start()
        if until(scene.trusted.met, LONG) is None:
            raise AssertionError("the front shows no certificate")
        yield held("web process with HTTPS, resident, at start", resident(scene.daemon.web_pid))
        for _ in range(PROOFS):
            _prove(scene)
        note = "asked, checked, opened and closed again, with the pages around"
        name = f"web process with HTTPS, resident, after {PROOFS} adult proofs"
        yield held(name, resident(scene.daemon.web_pid), note)
        yield at_most(
            "front of HTTPS, resident, after them", resident(scene.trusted.front_pid), "MB", MOST_FRONT
        )


def _prove(scene: Scene) -> None:
    """As the page's script does it."""
    path = UNLOCK.rpartition("/")[0] + "/wallet"
    asked = json.loads(_post(scene, f"{path}/ask", ""))["request"]
    answer = json.loads(Wallet(scene.issuer).answer(asked, ORIGIN))
    _post(scene, f"{path}/answer", json.dumps({"length": "1h", "response": answer}))
    if scene.daemon.client.call("device", mac=NEW)["profile"] != "adult":
        raise AssertionError("the device was not opened")
    for page in ("/", UNLOCK):
        scene.trusted.ask("new", page)
    scene.daemon.client.call("adult_proof", action="end", device=NEW)


def _post(scene: Scene, path: str, body: str) -> str:
    told = scene.trusted.ask("new", path, "-H", f"Origin: {ORIGIN}", "--data-binary", body)
    if told.status != 200:
        raise AssertionError(told)
    return told.body
