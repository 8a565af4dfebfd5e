"""Automatic backups: `backup:` in qalqan.yaml → AutoBackup."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node

MOST_KEPT = 100
KEPT = 7  # by default
_KEYS = ("folder", "every", "keep")


class BackupInterval(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def days(self) -> int:
        return 7 if self is BackupInterval.WEEKLY else 1


@dataclass(frozen=True, slots=True)
class AutoBackup:
    """The settings of automatic backups: in which folder, how often, and how many are stored."""

    folder: str  # on a mounted drive
    every: BackupInterval = BackupInterval.DAILY
    keep: int = KEPT  # files; the oldest are deleted


def read_auto_backup(node: Node) -> AutoBackup:
    """Return the settings of automatic backups in a YAML node. Raises PolicyError if they are invalid."""
    part = fields.Fields(fields.mapping(node), _KEYS)
    return AutoBackup(
        fields.full_path(part.need("folder")),
        part.read("every", lambda value: fields.member(value, BackupInterval), BackupInterval.DAILY),
        part.read("keep", lambda value: fields.integer(value, 1, MOST_KEPT), KEPT),
    )
