"""The statuses of DIMSE responses, and the one table from error to status."""

from __future__ import annotations

from chalicelib.domain.errors import BadRequest, InexistentTag, NacreError, PayloadTooLarge, Unavailable
from chalicelib.services.reception import AnotherInstance

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110  # PS3.7, annex C, as the next four
NO_SUCH_INSTANCE = 0x0112
NO_SUCH_EVENT = 0x0113
MISSING_ATTRIBUTE = 0x0120
NO_SUCH_ACTION = 0x0123
NOT_AUTHORISED = 0x0124  # PS3.7, section C.5.18
OUT_OF_RESOURCES = 0xA700  # PS3.4, tables B.2-1 and C.4-1
DATA_SET_MISMATCH = 0xA900  # PS3.4, table B.2-1
CANNOT_UNDERSTAND = 0xC000  # PS3.4, tables B.2-1 and C.4-1
UNABLE_TO_PROCESS = 0xC001
PENDING = 0xFF00
CANCELLED = 0xFE00
DESTINATION_UNKNOWN = 0xA801  # PS3.4, table C.4-2
SUB_OPERATIONS_FAILED = 0xA702
SUB_OPERATIONS_WARNING = 0xB000

_STORE_STATUSES: tuple[tuple[type[NacreError], int], ...] = (
    (Unavailable, OUT_OF_RESOURCES),
    (PayloadTooLarge, OUT_OF_RESOURCES),
    (AnotherInstance, DATA_SET_MISMATCH),
    (InexistentTag, DATA_SET_MISMATCH),
    (BadRequest, CANNOT_UNDERSTAND),
)


def store_status(error: Exception) -> int:
    """The status that tells a sender why its object was not stored; what may pass by itself is out of resources."""
    for kind, status in _STORE_STATUSES:
        if isinstance(error, kind):
            return status
    return OUT_OF_RESOURCES
