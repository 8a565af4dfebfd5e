"""The firmware of a simulated gateway: the files that OpenWrt has in /rom/etc, and images of them."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping

from tests.fleet.server import ROOT

PACKAGE = ROOT / "openwrt" / "qalqan" / "files"
MODEL, SYSTEM = "x86_64", "OpenWrt 24.10.0"  # as in /tmp/sysinfo/model and `ubus call system board`
FAILS = "does-not-start"  # a gateway with this file in /etc does not start again
SERVICE = '#!/bin/sh\n[ "$1" != shutdown ] || echo "the service ended" >> /tmp/log\n'
AGENT = """\
config controller 'http'
\toption pre_reload_hook '/usr/lib/qalqan/openwisp-pre-reload'
\toption test_script '/usr/lib/qalqan/openwisp-test'
"""
FILES = {
    "config/qalqan": (PACKAGE / "qalqan.conf").read_text(),
    "config/openwisp": AGENT,
    "config/system": "config system 'system'\n\toption hostname 'OpenWrt'\n\toption zonename 'Asia/Almaty'\n",
    "init.d/qalqan": SERVICE,
    "passwd": "root:*:0:0:root:/:/bin/sh\nsshd:*:22:65534:sshd:/run/sshd:/bin/false\n",
    "group": "root:*:0:\n",
}


# What packages keep over an upgrade, in /lib/upgrade/keep.d; ours as in its recipe.
_RECIPE = (PACKAGE.parent / "Makefile").read_text()
_CONFFILES = re.search(r"^define Package/qalqan/conffiles\n(.*?)^endef", _RECIPE, re.DOTALL | re.MULTILINE)
assert _CONFFILES is not None
KEPT = {
    "base-files": "/etc/config/\n/etc/passwd\n",
    "dropbear": "/etc/dropbear/\n",
    "openwisp-config": "/etc/config/openwisp\n/etc/openwisp/\n",
    "qalqan": _CONFFILES[1],
}


def files(system: str = SYSTEM, model: str = MODEL) -> Mapping[str, str]:
    """Return the texts of an image by their paths in /etc."""
    return {**FILES, "model": f"{model}\n", "openwrt_release": f"DISTRIB_DESCRIPTION='{system}'\n"}


def packed(contents: Mapping[str, str]) -> bytes:
    """Return the image that our `sysupgrade` installs."""
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w:gz") as archive:
        for name, text in contents.items():
            member = tarfile.TarInfo(f"etc/{name}")
            member.size, member.mode = len(text.encode()), 0o755
            archive.addfile(member, io.BytesIO(text.encode()))
    return image.getvalue()
