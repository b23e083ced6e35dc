"""The tags of instances, and what those of a patient, a study or a series have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import UnknownResource
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance
from chalicelib.services.browse import Browse
from chalicelib.services.reading import Reading

if TYPE_CHECKING:
    from pydicom import Dataset

    from chalicelib.dicom.dictionary import Dictionary
    from chalicelib.dicom.reader import Header
    from chalicelib.dicom.tags_json import TagsReader

Json = dict[str, Any]
"""Tags in Orthanc's full format."""


class Tags:
    """Reads tags from files. One call for the row of an instance, one ranged GET for its header.

    Parameters
    ----------
    dictionary
        Names and VRs.
    default_encoding
        Of files without a character set, as Orthanc's `DefaultEncoding`.
    maximum_bytes
        What is read at most from behind the pixel data.
    """

    def __init__(
        self,
        reading: Reading,
        browse: Browse,
        *,
        default_encoding: Callable[[], str],
        maximum_bytes: int,
        dictionary: Dictionary,
    ) -> None:
        self._reading = reading
        self._browse = browse
        self._default_encoding = default_encoding
        self._maximum_bytes = maximum_bytes
        self._dictionary = dictionary

    def of_instance(self, identifier: str, unlimited: Sequence[str] = (), *, whole: bool = False) -> Json:
        """The tags of an instance.

        Parameters
        ----------
        unlimited
            Tags (numbers or keywords) whose texts are given whatever their length.
        whole
            Whether to read what follows the pixel data too; takes another ranged GET, and more to find the end of
            encapsulated pixel data that does not end the file.

        Raises
        ------
        UnknownResource
            There is no such instance.
        UnknownDicomTag
            `unlimited` has a name that is none.
        PayloadTooLarge
            Too much follows the pixel data.
        """
        from chalicelib.dicom.tags_json import read_tags

        numbers = self._numbers(unlimited)
        instance = self._reading.instance(identifier)
        header = self._reading.header_of(instance)
        following = self._following(instance, header) if whole else None
        return read_tags(header, self._reader(header, numbers), following=following)

    def file_meta(self, identifier: str) -> Json:
        """The tags of an instance's file meta information."""
        from chalicelib.dicom.tags_json import read_file_meta

        return read_file_meta(self._reading.header(identifier))

    def module(self, level: Level, identifier: str, module: Level, unlimited: Sequence[str] = ()) -> Json:
        """The tags of one level's module, from one instance of a resource.

        Raises
        ------
        UnknownResource
            There is no such resource.
        UnknownDicomTag
            `unlimited` has a name that is none.
        """
        from chalicelib.dicom.modules import MODULES
        from chalicelib.dicom.tags_json import read_tags

        numbers = self._numbers(unlimited)
        instance = self._browse.some_instance(level, identifier)
        if instance is None:
            raise UnknownResource
        header = self._reading.header_of(instance)
        return read_tags(header, self._reader(header, numbers), only=MODULES[module])

    def of_instances(self, level: Level, identifier: str, unlimited: Sequence[str] = ()) -> dict[str, Json]:
        """The tags of all instances of a resource, by identifier. One ranged GET for each."""
        return dict(self._each(level, identifier, self._numbers(unlimited)))

    def shared(self, level: Level, identifier: str) -> Json:
        """The texts that all instances of a resource have in common. One ranged GET for each."""
        from chalicelib.dicom.modules import shared_tags

        return shared_tags(tags for _, tags in self._each(level, identifier, frozenset()))

    def _each(self, level: Level, identifier: str, unlimited: frozenset[int]) -> Iterator[tuple[str, Json]]:
        from chalicelib.dicom.tags_json import read_tags

        for found, header in self._reading.headers_below(level, identifier):
            yield found, read_tags(header, self._reader(header, unlimited))

    def _numbers(self, names: Sequence[str]) -> frozenset[int]:
        return frozenset(map(self._dictionary.parse, names))

    def _reader(self, header: Header, unlimited: frozenset[int]) -> TagsReader:
        from chalicelib.dicom.tags_json import tags_reader

        return tags_reader(header, self._default_encoding(), self._dictionary, unlimited)

    def _following(self, instance: Instance, header: Header) -> Dataset:
        from pydicom import Dataset

        from chalicelib.dicom.pixel_data import PixelData

        if header.pixel_data_tag is None:
            return Dataset()
        read = self._reading.range_reader(instance)
        return PixelData(header, instance.file.size, read, self._maximum_bytes).following()
