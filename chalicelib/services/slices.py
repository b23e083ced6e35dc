"""The slices of a series in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.errors import UnorderedSlices
from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Instance
from chalicelib.services.browse import Browse

if TYPE_CHECKING:
    from chalicelib.dicom.slices import OrderedSlices, Slice


class Slices:
    """Orders slices. Costs the series, and a batch read for each hundred of its instances; no file."""

    def __init__(self, browse: Browse) -> None:
        self._browse = browse

    def ordered(self, series: str) -> OrderedSlices:
        """The slices of a series.

        Raises
        ------
        UnknownResource
            There is no such series.
        UnorderedSlices
            Nothing tells their order.
        """
        from chalicelib.dicom.slices import order_slices

        instances = self._browse.get_many(
            Level.INSTANCE, self._browse.descendants(Level.SERIES, series, Level.INSTANCE)
        )
        try:
            return order_slices([_slice(one) for one in instances if isinstance(one, Instance)])
        except UnorderedSlices:
            raise UnorderedSlices(f"Unable to order the slices of series {series}") from None


def _slice(instance: Instance) -> Slice:
    from chalicelib.dicom.slices import Slice

    tags = instance.tags
    frames = tags.get("NumberOfFrames", "").strip()
    return Slice(
        instance.id,
        tags.get("ImagePositionPatient", ""),
        tags.get("ImageOrientationPatient", ""),
        instance.index_in_series,
        max(int(frames), 1) if frames.isascii() and frames.isdigit() and len(frames) < 7 else 1,
    )
