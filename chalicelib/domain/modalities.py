"""Remote modalities: the DICOM nodes that the store knows (Orthanc Book, "Configuring DICOM modalities")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """What a modality may ask of the store; the value is the end of Orthanc's option, ``Allow...``."""

    ECHO = "Echo"
    FIND = "Find"
    FIND_WORKLIST = "FindWorklist"
    GET = "Get"
    MOVE = "Move"
    STORE = "Store"
    N_ACTION = "NAction"
    EVENT_REPORT = "EventReport"


MANUFACTURERS = (
    "Generic", "GenericNoWildcardInDates", "GenericNoUniversalWildcard", "StoreScp", "Vitrea", "GE", "AgfaImpax",
    "Dcm4Chee", "EFilm2", "MedInria", "Siemens", "SyngoVia",
)  # fmt: skip
"""Names that Orthanc knows; the last ones are old and mean ``Generic``."""

RETRIEVE_METHODS = ("SystemDefault", "C-MOVE", "C-GET")


@dataclass(frozen=True, slots=True)
class Remote:
    """A DICOM node as one association reaches it, and under which name this store goes there.

    `timeout_seconds` of 0 is none. `name` is the modality's symbolic name.
    """

    name: str
    aet: str
    host: str
    port: int
    local_aet: str
    timeout_seconds: int
    use_dicom_tls: bool = False
    allow_transcoding: bool = True


@dataclass(frozen=True, slots=True)
class Modality:
    """How a DICOM node is reached, and what it may do.

    `timeout_seconds` of 0 stands for the store's own timeout, an empty `local_aet` for the store's own AE title.
    """

    aet: str
    host: str
    port: int
    manufacturer: str = "Generic"
    forbidden: frozenset[Operation] = frozenset()
    allow_transcoding: bool = True
    use_dicom_tls: bool = False
    local_aet: str = ""
    timeout_seconds: int = 0
    retrieve_method: str = "SystemDefault"

    def may(self, operation: Operation) -> bool:
        """Whether the modality is allowed an operation."""
        return operation not in self.forbidden
