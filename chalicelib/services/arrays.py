"""Arrays for NumPy of frames, instances and series."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import PayloadTooLarge, UnknownResource, UnsupportedMediaType
from chalicelib.domain.resources import Instance
from chalicelib.services.images import Images
from chalicelib.storage.dynamodb.index import Index

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAXIMUM_BYTES = 256 * 1024 * 1024
"""Of an array: it is in memory twice while it is written."""


class Arrays:
    """Makes arrays: of a frame (rows, columns, samples), of all frames with their number in front."""

    def __init__(self, index: Index, images: Images) -> None:
        self._index = index
        self._images = images

    def frame(self, identifier: str, number: int, *, rescale: bool, compress: bool) -> bytes:
        """A frame (from 0) as a file of NumPy.

        Raises
        ------
        UnknownResource
            There is no such instance.
        ParameterOutOfRange
            There is no such frame.
        UnsupportedMediaType
            The instance has no image that can be shown.
        PayloadTooLarge
            It takes too much memory.
        """
        from chalicelib.dicom.rendering.arrays import as_npy

        return as_npy(self._images.array(identifier, number, rescale=rescale), compress=compress)

    def instance(self, identifier: str, *, rescale: bool, compress: bool) -> bytes:
        """All frames of an instance; raises as `frame` does."""
        instance = self._index.instance(identifier)
        if instance is None:
            raise UnknownResource
        return self._stacked(self._images.arrays(instance, rescale=rescale), compress=compress)

    def series(self, identifier: str, *, rescale: bool, compress: bool) -> bytes:
        """All frames of a series, its instances by their place in it.

        Raises as `frame` does; `UnsupportedMediaType` also if they are not all of one size and kind.
        """
        family = self._index.family(identifier)
        if family is None or not family.resource.parent_id:
            raise UnknownResource
        instances = self._index.instances([child.id for child in family.children]).values()
        frames = (self._images.arrays(one, rescale=rescale) for one in sorted(instances, key=_place))
        return self._stacked(chain.from_iterable(frames), compress=compress)

    def _stacked(self, frames: Iterator[NDArray[Any]], *, compress: bool) -> bytes:
        import numpy as np

        from chalicelib.dicom.rendering.arrays import as_npy

        made: list[NDArray[Any]] = []
        for frame in frames:
            if made and (frame.shape, frame.dtype) != (made[0].shape, made[0].dtype):
                raise UnsupportedMediaType("The frames are not of one size and kind")
            made.append(frame)
            if len(made) * frame.nbytes > MAXIMUM_BYTES:
                raise PayloadTooLarge("The array is too large; single frames can be had")
        if not made:
            raise UnsupportedMediaType("There are no frames")
        return as_npy(np.stack(made), compress=compress)


def _place(instance: Instance) -> tuple[bool, int, str]:
    return instance.index_in_series is None, instance.index_in_series or 0, instance.id
