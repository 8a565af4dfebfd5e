"""The scripts of a package, as OpenWrt's build adds them: they call the base system's functions, which make
users, and start and stop services; then the package's own.
"""

from __future__ import annotations

from tests.openwrt.feed.recipes import Package

_FUNCTIONS = '[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0\n. ${IPKG_INSTROOT}/lib/functions.sh\n'
_NO_SCRIPT = '[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0\n'


def of_ipk(package: Package) -> dict[str, str]:
    facts = package.facts
    found = {
        "postinst": f"#!/bin/sh\n{_NO_SCRIPT}{_FUNCTIONS}default_postinst $0 $@\n",
        "prerm": f"#!/bin/sh\n{_FUNCTIONS}default_prerm $0 $@\n",
    }
    for fact, name in (
        ("preinst", "preinst"), ("postinst", "postinst-pkg"), ("prerm", "prerm-pkg"), ("postrm", "postrm"),
    ):  # fmt: skip
        if fact in facts:
            found[name] = facts[fact] + "\n"
    return found


def of_apk(package: Package) -> dict[str, str]:
    facts = package.facts
    base = f'{_FUNCTIONS}export root="${{IPKG_INSTROOT}}"\nexport pkgname="{package.name}"\n'
    install = f"{_NO_SCRIPT}{base}add_group_and_user\ndefault_postinst\n{_body(facts.get('postinst', ''))}"
    found = {
        "post-install": f"#!/bin/sh\n{install}",
        "post-upgrade": f"#!/bin/sh\nexport PKG_UPGRADE=1\n{install}",
        "pre-deinstall": f"#!/bin/sh\n{base}default_prerm\n{_body(facts.get('prerm', ''))}",
    }
    if "preinst" in facts:
        found["pre-install"] = facts["preinst"] + "\n"
        found["pre-upgrade"] = f"#!/bin/sh\nexport PKG_UPGRADE=1\n{_body(facts['preinst'])}"
    if "postrm" in facts:
        found["post-deinstall"] = facts["postrm"] + "\n"
    return found


def _body(script: str) -> str:
    return "".join(f"{line}\n" for line in script.splitlines() if not line.startswith("#!"))
