from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from flask import Flask

from tests.webui.conftest import browser_on
from tests.webui.serving import ROOT
from webui import compiled

KEPT = "[0-9a-f]" * 40  # jinja's key of a template


def kept(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob(KEPT)}


def test_all_templates_are_compiled_once_by_a_process_that_ends(app: Flask, tmp_path: Path) -> None:
    compiled.compile_later(tmp_path)
    for thread in [one for one in threading.enumerate() if one.name == "templates"]:
        thread.join(60)
    folder = tmp_path / compiled.FOLDER
    made = kept(folder)
    assert len(made) == len(app.jinja_env.list_templates(extensions=("html",)))
    assert (folder / compiled.DONE).read_text() == compiled.stamp()
    compiled.compile_later(tmp_path)
    assert not [one for one in threading.enumerate() if one.name == "templates"]
    compiled.use_file_cache(app, tmp_path)
    app.jinja_env.get_template("signin.html")
    assert kept(folder) == made, "what was kept is used"


def test_what_was_compiled_of_other_templates_is_cleared(tmp_path: Path) -> None:
    old = tmp_path / ("0" * 40)
    old.write_bytes(b"old")
    (tmp_path / compiled.DONE).write_text("another stamp")
    argv = [sys.executable, "-m", "webui.compiled", str(tmp_path)]
    subprocess.run(argv, cwd=ROOT, check=True, timeout=60)
    assert kept(tmp_path)
    assert not old.exists()


def test_a_page_is_shown_where_what_was_compiled_cannot_be_kept(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_room)
    compiled.use_file_cache(app, tmp_path)
    assert browser_on(app, "192.168.1.20").get("/calendar").status_code == 200
    assert list((tmp_path / compiled.FOLDER).iterdir()) == [], "nothing is left over"


@pytest.mark.parametrize("left", [0, 10, 60, -1])
def test_what_a_power_cut_tore_is_compiled_anew(app: Flask, tmp_path: Path, left: int) -> None:
    compiled.use_file_cache(app, tmp_path)
    tablet = browser_on(app, "192.168.1.20")
    page = tablet.get("/calendar").text
    torn = sorted((tmp_path / compiled.FOLDER).glob(KEPT))
    whole = [path.read_bytes() for path in torn]
    for path in torn:
        path.write_bytes(path.read_bytes()[:left])
    assert app.jinja_env.cache is not None
    app.jinja_env.cache.clear()
    assert tablet.get("/calendar").text == page
    assert [path.read_bytes() for path in torn] == whole
