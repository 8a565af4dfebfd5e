"""Who may do what: rpcd's ACL is exactly what the views call, each line of the menu leads somewhere."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from gateway import __version__
from tests.openwrt.luci.running import APP, PLUGIN, VIEWS, Node, asked_of_plugin

NAME = "luci-app-qalqan"
SHARE = APP / "root/usr/share"
LOOKS = {"overview", "health"}
"""What changes nothing."""

SOURCES = {path.name: path.read_text() for path in sorted((VIEWS / "qalqan").glob("*.js"))}
DECLARED = re.compile(r"rpc\.declare\(\{ object: '([\w.]+)', method: '(\w+)'")


def acl() -> Any:
    told = json.loads((SHARE / f"rpcd/acl.d/{NAME}.json").read_text())
    assert list(told) == [NAME]
    return told[NAME]


def declared() -> set[tuple[str, str]]:
    found = [one for text in SOURCES.values() for one in DECLARED.findall(text)]
    assert len(found) == sum(text.count("rpc.declare({") for text in SOURCES.values())
    return set(found)


def granted(kind: str) -> set[tuple[str, str]]:
    return {(object_, method) for object_, methods in acl()[kind]["ubus"].items() for method in methods}


def test_exactly_what_the_views_call_is_granted_and_changes_apart() -> None:
    assert granted("read") | granted("write") == declared()
    assert {method for _, method in granted("read")} == LOOKS
    assert not granted("read") & granted("write")


def test_exactly_the_one_config_is_granted_and_no_file() -> None:
    configs = {
        one for text in SOURCES.values() for one in re.findall(r"form\.Map\('(\w+)'|uci\.\w+\('(\w+)'", text)
    }
    assert {name for pair in configs for name in pair if name} == {"qalqan"}
    for kind in ("read", "write"):
        assert set(acl()[kind]) == {"ubus", "uci"}
        assert acl()[kind]["uci"] == ["qalqan"]


def test_no_name_of_the_acl_is_a_pattern() -> None:
    assert "*" not in json.dumps(acl())


@pytest.mark.needs("node")
def test_the_plugin_has_those_methods_and_no_others(node: Node, tmp_path: Any) -> None:
    methods = node.ask(asked_of_plugin(tmp_path))["methods"]
    assert {(object_, one) for object_, found in methods.items() for one in found} == declared()


def test_what_the_views_require_is_of_luci_s_core() -> None:
    core = {"view", "rpc", "poll", "dom", "ui", "uci", "form"}
    for name, text in SOURCES.items():
        assert set(re.findall(r"^'require ([^']+)';$", text, re.MULTILINE)) <= core, name


@pytest.mark.parametrize(
    "word", ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", "E('<", "fetch("]
)
def test_no_view_writes_html_or_asks_elsewhere(word: str) -> None:
    assert not [name for name, text in SOURCES.items() if word in text]


def test_each_line_of_the_menu_leads_to_a_view_and_needs_the_acl() -> None:
    menu = json.loads((SHARE / f"luci/menu.d/{NAME}.json").read_text())
    top = "admin/services/qalqan"
    assert menu[top]["action"] == {"type": "firstchild"}
    assert menu[top]["depends"]["uci"] == {"qalqan": True}
    views = set()
    for path, line in menu.items():
        assert path == top or path.startswith(f"{top}/")
        assert line["depends"]["acl"] == list({NAME})
        assert line["title"]
        if line["action"]["type"] == "view":
            views.add(line["action"]["path"])
            assert (VIEWS / f"{line['action']['path']}.js").is_file()
    assert views == {f"qalqan/{name.removesuffix('.js')}" for name in SOURCES}


def test_the_package_depends_on_what_is_imported() -> None:
    makefile = (APP / "Makefile").read_text()
    depends = set(re.findall(r"\+([\w-]+)", re.findall(r"^LUCI_DEPENDS:=(.*)$", makefile, re.MULTILINE)[0]))
    modules = set(re.findall(r"^import .* from '(\w+)';$", PLUGIN.read_text(), re.MULTILINE))
    assert depends == {
        *("luci-base", "qalqan", "qalqan-lists", "rpcd-mod-ucode"),
        *(f"ucode-mod-{name}" for name in modules),
    }
    assert "include $(TOPDIR)/feeds/luci/luci.mk\n" in makefile
    assert makefile.endswith("# call BuildPackage - OpenWrt buildroot signature\n"), (
        "the feed's scanner looks for it"
    )


def test_the_package_has_the_version_of_the_program() -> None:
    assert f"\nPKG_VERSION:={__version__}\n" in (APP / "Makefile").read_text()


def test_rpcd_takes_the_plugin() -> None:
    """Which others may write is left out by rpcd."""
    assert PLUGIN.stat().st_mode & 0o002 == 0
    assert PLUGIN.read_text().count("\nreturn {") == 1
