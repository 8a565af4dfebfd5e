"""An ImageBuilder that builds nothing: as much of its folder as `openwrt/image/build.sh` reads, and a
Makefile that writes down what it was told and keeps the files that it was given.
"""

from __future__ import annotations

from pathlib import Path

MAKEFILE = """image:
\t@printf 'PROFILE=%s\\nPACKAGES=%s\\n' '$(PROFILE)' '$(PACKAGES)' > told
\t@rm -rf taken && cp -R '$(FILES)' taken
"""


def builder(folder: Path, release: str) -> Path:
    apk = release.startswith("25")
    tools = folder / "staging_dir/host/bin"
    tools.mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE)
    lines = [f'CONFIG_VERSION_NUMBER="{release}"', 'CONFIG_TARGET_ARCH_PACKAGES="aarch64_cortex-a53"']
    lines += ["CONFIG_USE_APK=y"] if apk else ["# CONFIG_USE_APK is not set"]
    (folder / ".config").write_text("\n".join(lines) + "\n")
    (folder / ("repositories" if apk else "repositories.conf")).write_text("")
    (tools / "usign").write_text("#!/bin/sh\necho 0123456789abcdef\n")
    (tools / "usign").chmod(0o755)
    return folder
