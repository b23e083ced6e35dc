"""What became of a file that came in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.errors import NacreError
from chalicelib.domain.levels import Level


class Status(StrEnum):
    """What became of a file, in Orthanc's words."""

    SUCCESS = "Success"
    ALREADY_STORED = "AlreadyStored"
    FAILURE = "Failure"


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer to a file: its status and the identifiers of patient, study, series and instance."""

    status: Status
    identifiers: tuple[str, str, str, str]

    @property
    def instance_id(self) -> str:
        """The identifier of the instance."""
        return self.identifiers[Level.INSTANCE]


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to a file that cannot be stored, in the terms of Orthanc's errors."""

    orthanc_status: int
    message: str
    details: str = ""

    @classmethod
    def by(cls, error: NacreError) -> Refused:
        """The answer that an error gives."""
        return cls(error.orthanc_status, error.orthanc_error, error.details)


Outcome = Stored | Refused


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of an object that was put into the inbox: of the file, or of each file of an archive.

    `refusal` is why nothing of it could be stored.
    """

    outcomes: tuple[Outcome, ...] = ()
    refusal: Refused | None = None
