"""Pictures, samples and frames of instances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import AbsentElement, PayloadTooLarge
from chalicelib.domain.resources import Instance
from chalicelib.services.reading import Reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chalicelib.dicom.pixel_data import PixelData
    from chalicelib.dicom.reader import Header
    from chalicelib.dicom.rendering.forms import View

MAXIMUM_READ_BYTES = 256 * 1024 * 1024
"""Of a file, for one frame: what there is memory for, on Lambda."""

MAXIMUM_FRAMES = 500_000
"""To be listed: an answer of 4 MB."""

ENCAPSULATED_DOCUMENT = 0x00420011
STREAM_TYPES = {
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
}
"""The media types that Orthanc gives code streams, by transfer syntax."""

RLE_LOSSLESS = "1.2.840.10008.1.2.5"


class Images:
    """Reads and renders frames.

    The first frame of a native or RLE image costs the row and one ranged GET; any other frame one GET for the
    header and one or more for the frame.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def picture(
        self,
        identifier: str,
        frame: int,
        form: str,
        media_type: str,
        quality: int,
        view: View | None = None,
    ) -> bytes:
        """A frame (from 0) as a picture.

        Parameters
        ----------
        form, media_type, quality, view
            As `chalicelib.dicom.rendering.render` has them.

        Raises
        ------
        UnknownResource
            There is no such instance.
        ParameterOutOfRange
            There is no such frame.
        UnsupportedMediaType
            The instance has no image that can be shown.
        PayloadTooLarge
            The frame is too large to be read.
        """
        from chalicelib.dicom import rendering

        header, syntax, data = self._frame(self._reading.instance(identifier), frame)
        return rendering.render(
            header.dataset,
            syntax,
            data,
            media_type,
            form=form,
            view=view,
            quality=quality,
            pixel_data_vr=header.pixel_data_vr,
        )

    def array(self, identifier: str, frame: int, *, rescale: bool) -> NDArray[Any]:
        """A frame as `chalicelib.dicom.rendering.arrays.frame_array` has it; raises as `picture` does."""
        from chalicelib.dicom.rendering.arrays import frame_array

        header, syntax, data = self._frame(self._reading.instance(identifier), frame)
        return frame_array(header.dataset, syntax, data, header.pixel_data_vr, rescale=rescale)

    def arrays(self, instance: Instance, *, rescale: bool) -> Iterator[NDArray[Any]]:
        """All frames of an instance, one after another, as `array` gives them."""
        from chalicelib.dicom.frames import frame_count, read_frame
        from chalicelib.dicom.rendering.arrays import frame_array

        header = self._reading.header_of(instance)
        pixel_data = self._pixel_data(instance, header)
        for number in range(frame_count(header)):
            data = read_frame(header, pixel_data, number)
            yield frame_array(
                header.dataset, _frame_syntax(header), data, header.pixel_data_vr, rescale=rescale
            )

    def matlab(self, identifier: str, frame: int) -> str:
        """The samples of a frame as a text for Matlab; raises as `picture` does."""
        from chalicelib.dicom import rendering

        header, syntax, data = self._frame(self._reading.instance(identifier), frame)
        return rendering.as_matlab(header.dataset, syntax, data, header.pixel_data_vr)

    def count(self, identifier: str) -> int:
        """How many frames an instance has; raises `PayloadTooLarge` if too many to be listed."""
        from chalicelib.dicom.frames import frame_count

        count = frame_count(self._reading.header(identifier))
        if count > MAXIMUM_FRAMES:
            raise PayloadTooLarge("There are too many frames to be listed")
        return count

    def raw(self, identifier: str, frame: int) -> tuple[bytes, str]:
        """A frame as it is stored, native bytes or a code stream, and its media type. Raises as `picture` does."""
        instance = self._reading.instance(identifier)
        header = self._reading.header_of(instance)
        data = self._read(instance, header, frame)
        return data, STREAM_TYPES.get(header.transfer_syntax, "application/octet-stream")

    def document(self, identifier: str) -> bytes:
        """The PDF that an instance holds; raises `AbsentElement` if it holds none."""
        from chalicelib.dicom.dictionary import STANDARD
        from chalicelib.dicom.elements import find_element

        header = self._reading.header(identifier)
        element = find_element(header.dataset, ENCAPSULATED_DOCUMENT, STANDARD)
        if element is None or not isinstance(element.value, bytes):
            raise AbsentElement
        return element.value

    def _frame(self, instance: Instance, number: int) -> tuple[Header, str, bytes]:
        """The header, the transfer syntax in which the frame is, and the frame."""
        if number == 0:
            header, data = self._first_frame(instance)
        else:
            header = self._reading.header_of(instance)
            data = self._read(instance, header, number)
        return header, _frame_syntax(header), data

    def _first_frame(self, instance: Instance) -> tuple[Header, bytes]:
        from chalicelib.dicom import rendering

        self._check_size(instance.file.first_frame_end or instance.file.size)
        header, data = self._reading.first_frame(instance)
        if header.pixel_data_tag is not None and header.pixel_data_offset_bytes is None:
            return header, header.pixel_data  # a deflated file is read as a whole
        if header.pixel_data_tag is None or header.pixel_data_length_bytes is not None:
            return header, data
        if header.transfer_syntax == RLE_LOSSLESS:
            return header, rendering.extract_first_frame(data)
        return header, self._read(instance, header, 0)

    def _read(self, instance: Instance, header: Header, number: int) -> bytes:
        from chalicelib.dicom.frames import read_frame

        return read_frame(header, self._pixel_data(instance, header), number)

    def _pixel_data(self, instance: Instance, header: Header) -> PixelData:
        from chalicelib.dicom.pixel_data import PixelData

        read = self._reading.range_reader(instance)
        return PixelData(header, instance.file.size, read, MAXIMUM_READ_BYTES)

    @staticmethod
    def _check_size(size: int) -> None:
        if size > MAXIMUM_READ_BYTES:
            raise PayloadTooLarge("The image is too large to be shown; the file itself can be had")


def _frame_syntax(header: Header) -> str:
    """The transfer syntax in which frames are read: deflated ones are inflated then."""
    from chalicelib.dicom.reader import DEFLATED_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN

    is_deflated = header.transfer_syntax == DEFLATED_LITTLE_ENDIAN
    return EXPLICIT_LITTLE_ENDIAN if is_deflated else header.transfer_syntax
