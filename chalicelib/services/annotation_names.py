"""The names and numbers of metadata and attachments: Orthanc's own, and those that the configuration defines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.annotations import FIRST_USER_NUMBER, LAST_USER_NUMBER
from chalicelib.domain.errors import Forbidden, InexistentItem

METADATA = {
    "IndexInSeries": 1, "ReceptionDate": 2, "RemoteAET": 3, "ExpectedNumberOfInstances": 4, "ModifiedFrom": 5,
    "AnonymizedFrom": 6, "LastUpdate": 7, "Origin": 8, "TransferSyntax": 9, "SopClassUid": 10, "RemoteIP": 11,
    "CalledAET": 12, "HttpUsername": 13, "PixelDataOffset": 14, "MainDicomTagsSignature": 15,
    "MainDicomSequences": 16, "PixelDataVR": 17,
}  # fmt: skip
"""Orthanc's `MetadataType`."""

ATTACHMENTS = {"dicom": 1, "dicom-as-json": 2, "dicom-until-pixel-data": 3}
"""Orthanc's `FileContentType`."""

DICOM = ATTACHMENTS["dicom"]


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one kind, Orthanc's and those of users."""

    numbers: Mapping[str, int]

    def number(self, name: str) -> int:
        """The number that a name, or a number as text, stands for.

        Raises
        ------
        InexistentItem
            The name is nobody's.
        """
        number = self.numbers.get(name)
        if number is not None:
            return number
        digits = name.removeprefix("-")
        if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
            raise InexistentItem
        return int(name)

    def user_number(self, name: str) -> int:
        """As `number`, for what users may change.

        Raises
        ------
        Forbidden
            It is the store's own.
        """
        number = self.number(name)
        if not FIRST_USER_NUMBER <= number <= LAST_USER_NUMBER:
            raise Forbidden
        return number

    def name(self, number: int) -> str:
        """The name of a number, or the number itself."""
        return next((name for name, n in self.numbers.items() if n == number), str(number))


def metadata_names(user_defined: Mapping[str, int]) -> Names:
    """The names of metadata; `user_defined` is the option `UserMetadata`."""
    return Names({**METADATA, **user_defined})


def attachment_names(user_defined: Mapping[str, int | list[int | str]]) -> Names:
    """The names of attachments; `user_defined` is the option `UserContentType`."""
    numbers = {name: v if isinstance(v, int) else int(v[0]) for name, v in user_defined.items()}
    return Names({**ATTACHMENTS, **numbers})


def content_types(user_defined: Mapping[str, int | list[int | str]]) -> dict[int, str]:
    """The media types that the option `UserContentType` gives attachments."""
    return {int(v[0]): str(v[1]) for v in user_defined.values() if isinstance(v, list) and len(v) > 1}
