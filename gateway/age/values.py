"""What is left of an adult proof: one bit, until when it holds, and by which method."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Method(StrEnum):
    """How it was proved; the value is what is kept."""

    EU_AV = "eu_av"  # the EU's age verification profile, docType eu.europa.ec.av.1
    MDL = "mdl"  # a mobile driving licence by ISO 18013-5


@dataclass(frozen=True, slots=True)
class Adult:
    """Somebody who is 18 or older. That there is such a value is the one bit."""

    until: datetime  # in UTC and whole minutes
    method: Method
