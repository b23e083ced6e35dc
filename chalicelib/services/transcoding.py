"""Files in another transfer syntax than they are stored in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import AbsentElement, BadFileFormat, PayloadTooLarge, UnsupportedMediaType
from chalicelib.domain.resources import Instance
from chalicelib.services.reading import Reading

if TYPE_CHECKING:
    from chalicelib.dicom.transcoding import Transcoded

MAXIMUM_BYTES = 256 * 1024**2
"""Of a file to be transcoded: it is in memory several times, on Lambda."""


@dataclass(frozen=True, slots=True)
class Target:
    """What files are to be transcoded to, where they can be."""

    transfer_syntax: str
    quality: int

    def convert(self, file: bytes) -> Transcoded | None:
        """A file in the transfer syntax, or None if it cannot be had in it."""
        from chalicelib.dicom.transcoding import transcode

        if len(file) > MAXIMUM_BYTES:
            return None
        try:
            return transcode(file, self.transfer_syntax, self.quality)
        except (UnsupportedMediaType, BadFileFormat, PayloadTooLarge):
            return None


class Transcoding:
    """Transcodes the files of instances. Costs reading the whole file."""

    def __init__(self, reading: Reading, *, default_quality: int) -> None:
        self._reading = reading
        self._default_quality = default_quality

    def target(self, transfer_syntax: str, quality: int | None) -> Target:
        """What is meant by a transfer syntax and a quality; raises `ParameterOutOfRange` as `file` does."""
        from chalicelib.dicom.transcoding import check_transfer_syntax

        check_transfer_syntax(transfer_syntax)
        return Target(transfer_syntax, self._default_quality if quality is None else quality)

    def file(self, instance: Instance, transfer_syntax: str, quality: int | None) -> bytes:
        """An instance's file in a transfer syntax.

        Parameters
        ----------
        quality
            Of lossy compression, 1 to 100; None for what `DicomLossyTranscodingQuality` says.

        Raises
        ------
        ParameterOutOfRange
            There is no such transfer syntax.
        AbsentElement
            The image cannot be had in it. Orthanc answers so.
        PayloadTooLarge
            The file needs too much memory.
        """
        target = self.target(transfer_syntax, quality)
        if instance.file.size > MAXIMUM_BYTES:
            raise PayloadTooLarge("The file is too large to be transcoded; it can be had as it is")
        converted = target.convert(self._reading.file(instance))
        if converted is None:
            raise AbsentElement
        return converted.file
