"""The result of an adult proof: that it exists, its end, and its method."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Method(StrEnum):
    """The method of a proof; the value is stored."""

    EU_AV = "eu_av"  # the EU's age verification profile, docType eu.europa.ec.av.1
    MDL = "mdl"  # a mobile driving licence by ISO 18013-5


@dataclass(frozen=True, slots=True)
class Adult:
    """A person proved to be 18 or older. Nothing else about the person is stored."""

    until: datetime  # in UTC and whole minutes
    method: Method
