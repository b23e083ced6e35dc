"""What a check can find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong."""

    FILE_WITHOUT_ENTRY = "file without an index entry"
    LOST_FILE = "index entry without its file"
    WITHOUT_COPY = "annotations without their copy in the bucket"
    OTHER_SIZE = "file of another size than its index entry says"
    OTHER_CONTENT = "file of another MD5 sum than its index entry says"
    MISSING_ITEM = "edge, listing or look-up that is missing or wrong"
    STRAY_ITEM = "edge, listing or look-up of nothing"
    WITHOUT_PARENT = "resource without a living parent"
    WITHOUT_CHILDREN = "patient, study or series without children"
    UNFINISHED_DELETE = "delete that is not finished"
    STATISTICS = "statistics that are not what is there"
    FOREIGN_FILE = "object that the store did not make"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, and the identifier or the key that it is about. `mended` says whether it is right now."""

    kind: Kind
    subject: str
    mended: bool = False
