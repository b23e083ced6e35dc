"""Pictures of instances."""

from __future__ import annotations

from chalicelib.domain.errors import PayloadTooLarge
from chalicelib.services.reading import Reading

MAXIMUM_READ_BYTES = 256 * 1024 * 1024
"""From the beginning of a file to the end of its first frame: what there is memory for, on Lambda."""


class Images:
    """Renders frames. One call for the row of an instance, one ranged GET for its header and the frame."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def preview(self, identifier: str, media_type: str, quality: int) -> bytes:
        """The first frame in 8 bits, its gray levels stretched.

        Parameters
        ----------
        media_type
            One of `chalicelib.dicom.rendering.MEDIA_TYPES`.
        quality
            Of a JPEG, 1 to 100.

        Raises
        ------
        UnknownResource
            There is no such instance.
        UnsupportedMediaType
            The instance has no image that can be shown.
        PayloadTooLarge
            The frame is too large to be read.
        """
        from chalicelib.dicom import rendering
        from chalicelib.dicom.reader import DEFLATED_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN

        instance = self._reading.instance(identifier)
        if (instance.file.first_frame_end or instance.file.size) > MAXIMUM_READ_BYTES:
            raise PayloadTooLarge("The image is too large to be shown; the file itself can be had")
        header, frame = self._reading.first_frame(instance)
        syntax = header.transfer_syntax
        if syntax == DEFLATED_LITTLE_ENDIAN:
            syntax, frame = EXPLICIT_LITTLE_ENDIAN, header.pixel_data
        if header.pixel_data_tag is not None and header.pixel_data_length_bytes is None:
            frame = rendering.extract_first_frame(frame)
        return rendering.preview(
            header.dataset, syntax, frame, media_type, quality=quality, pixel_data_vr=header.pixel_data_vr
        )
