"""The pages as an app: manifests, the service worker, and what it stores."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from gateway.web.branding import stamp_of
from tests.control.running import Running
from tests.webui.conftest import GATEWAY, Browser, browser_on
from tests.webui.standin.pages import text_of
from webui import Settings, create_app
from webui.brand import PageBrand, PageLogo
from webui.front import KEY, Trusted
from webui.settings import FrontSettings

NAME = "family-4821.dedyn.io"


@pytest.mark.parametrize(("path", "start"), [("/parent.webmanifest", "/parent/"), ("/my.webmanifest", "/my")])
def test_a_manifest_starts_the_page_of_its_role_and_has_icons(tablet: Browser, path: str, start: str) -> None:
    answer = tablet.get(path)
    assert answer.mimetype == "application/manifest+json"
    manifest = json.loads(answer.text)
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == (start, "/", "standalone")
    assert "Qalqan" in manifest["name"]
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        with tablet.get(icon["src"]) as file, Image.open(BytesIO(file.data)) as picture:
            assert f"{picture.width}x{picture.height}" == icon["sizes"]


def test_the_worker_stores_the_same_files_for_every_visitor(tablet: Browser, mum: Browser) -> None:
    answer = mum.get("/sw.js")
    assert answer.mimetype == "text/javascript"
    assert answer.text == tablet.get("/sw.js").text
    found = re.search(r"FILES = (\[.*\])", answer.text)
    assert found is not None
    first, *others = json.loads(found[1])
    assert first == "/offline"
    assert all(other.startswith("/static/") for other in others)
    page = mum.get(first).text
    assert page == tablet.get(first).text, "of nobody"
    assert "Mum" not in page
    assert "Daughter" not in page
    assert "No connection to the gateway" in text_of(page)
    assert all(link in others for link in re.findall(r'<link [^>]*href="(/static/[^"]+)"', page))


@pytest.mark.parametrize("kind", ["image/png", "image/svg+xml"])
def test_messages_have_the_provider_s_logo(
    tmp_path: Path, daemon: Running, tablet: Browser, kind: str
) -> None:
    assert "/static/app-192.png" in icon_of(tablet)
    logo = tmp_path / "logo"
    logo.write_bytes(b"the provider's logo")
    brand = PageBrand("HomeNet", logo=PageLogo(str(logo), kind, stamp_of(logo.read_bytes())))
    branded = browser_on(create_app(Settings(tmp_path / "control.sock", brand=brand)), tablet.ip)
    answer = branded.get(icon_of(branded))
    assert (answer.mimetype, answer.data) == (kind, logo.read_bytes())


def icon_of(browser: Browser) -> str:
    """Return the path of the icon of messages, as the service worker has it."""
    found = re.search(r'^const ICON = "(.+)";$', browser.get("/sw.js").text, re.MULTILINE)
    assert found is not None
    return found[1]


def test_it_is_offered_at_the_trusted_name_alone(tmp_path: Path, daemon: Running) -> None:
    https = FrontSettings(NAME, "", "", 443)
    app = create_app(Settings(tmp_path / "control.sock", https=https))
    app.extensions[KEY].now = Trusted(NAME, good=True)
    tablet = browser_on(app, "192.168.1.20")
    for origin, offered in ((GATEWAY, False), (f"https://{NAME}", True)):
        at = {"REMOTE_ADDR": tablet.ip}
        page = tablet.client.get("/my", base_url=origin, environ_overrides=at).text
        assert ('<link rel="manifest" href="/my.webmanifest">' in page) is offered
        assert ("/static/app.js" in page) is offered
        assert (f"https://{NAME}/my" in page) is offered, "the address to put on the home screen"
