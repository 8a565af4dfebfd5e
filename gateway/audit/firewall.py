"""OpenWrt's own firewall for the time of an audit: it refuses what goes from the LAN to an interface in no
zone, and knows none of ours. What we add names those interfaces alone; the filter's table comes before it.
"""

from __future__ import annotations

from gateway.audit.namespace import AuditError, command

_TABLE = ("inet", "fw4")
_COMMENT = '"qalqan audit"'


def admit(chain: str, match: str, link: str) -> None:
    """What goes by this link is accepted, where that firewall runs. ``match``: ``iifname`` or ``oifname``."""
    if _rules(chain) is not None:
        rule = (match, f'"{link}"', "accept", "comment", _COMMENT)
        command("nft", "insert", "rule", *_TABLE, chain, *rule)


def sweep() -> None:
    """Take our rules out of it, an earlier audit's as well."""
    for chain in ("forward", "input"):
        for line in _rules(chain) or ():
            if _COMMENT in line:
                command("nft", "delete", "rule", *_TABLE, chain, "handle", line.rpartition("handle ")[2])


def _rules(chain: str) -> list[str] | None:
    """Its lines, with their handles; None where there is no such chain."""
    try:
        return command("nft", "-a", "list", "chain", *_TABLE, chain).splitlines()
    except AuditError:
        return None
