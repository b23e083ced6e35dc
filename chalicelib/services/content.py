"""Single elements of an instance: lists of tags and items, and values as they stand in the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.domain.errors import PayloadTooLarge
from chalicelib.services.reading import Reading

if TYPE_CHECKING:
    from chalicelib.dicom.dictionary import Dictionary


class Content:
    """Follows paths into files.

    Parameters
    ----------
    dictionary
        Names and VRs.
    maximum_bytes
        The largest value that is given.
    """

    def __init__(self, reading: Reading, *, maximum_bytes: int, dictionary: Dictionary) -> None:
        self._reading = reading
        self._maximum_bytes = maximum_bytes
        self._dictionary = dictionary

    def get(self, identifier: str, path: Sequence[str]) -> list[str] | bytes:
        """What lies at a path: the tags of a dataset, the numbers of a sequence's items, or a value.

        Two calls, for the row and for the header. A third one reads a value of the pixel data or behind it; so does a
        list of all tags, if anything may follow the pixel data. To find the fragments of encapsulated pixel data
        takes more, as `chalicelib.dicom.pixel_data` says.

        Raises
        ------
        UnknownResource
            There is no such instance.
        AbsentElement
            There is no such element or item in it.
        UnknownDicomTag
            A segment of the path that should name a tag does not.
        PayloadTooLarge
            The value is larger than can be given.
        """
        from chalicelib.dicom.file_content import find_file_content
        from chalicelib.dicom.pixel_data import PixelData

        instance = self._reading.instance(identifier)
        header = self._reading.header_of(instance)
        pixel_data = None
        if header.pixel_data_tag is not None:
            read = self._reading.range_reader(instance)
            pixel_data = PixelData(header, instance.file.size, read, self._maximum_bytes)
        found = find_file_content(header, pixel_data, path, self._dictionary)
        if len(found) > self._maximum_bytes:
            raise PayloadTooLarge("The value is too large for an answer; the file itself can be had")
        return found
