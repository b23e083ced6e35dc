"""What is found for a C-FIND (PS3.4, annex C)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.events import Event

from chalicelib.domain.errors import BadRequest, NacreError
from chalicelib.domain.levels import Level
from chalicelib.domain.modalities import Operation
from chalicelib.observability import Telemetry
from chalicelib.services.find.sources import TooBroad
from chalicelib.services.network.query import (
    QUERY_RETRIEVE_LEVEL,
    RETRIEVE_AE_TITLE,
    SPECIFIC_CHARACTER_SET,
    DicomQuery,
    level_of,
)
from dicom_listener.access import Access
from dicom_listener.find_answers import Answer, Find
from dicom_listener.identifiers import character_set_of, encoded
from dicom_listener.peers import peer_of
from dicom_listener.statuses import CANCELLED, NOT_AUTHORISED, OUT_OF_RESOURCES, PENDING, UNABLE_TO_PROCESS


def find_handler(
    query: DicomQuery, access: Access, telemetry: Telemetry, *, aet: str, limits: Callable[[Level], int]
) -> Find:
    """Makes the handler of C-FIND requests; `limits` tells how many answers there may be, 0 for any number."""

    def find(event: Event) -> Iterator[Answer]:
        if not access.is_allowed(peer_of(event.assoc), Operation.FIND):
            yield NOT_AUTHORISED, None
            return
        try:
            asked = event.identifier
            keys = keys_of(asked)
            limit = limits(level_of(keys))
            syntax = UID(event.context.transfer_syntax)
            shown = _shown(asked, aet)
            for count, values in enumerate(query.answers(keys)):
                if event.is_cancelled or (limit and count == limit):
                    yield CANCELLED, None
                    return
                yield PENDING, _answer(shown, values, syntax)
        except TooBroad:
            yield OUT_OF_RESOURCES, None
        except BadRequest:
            yield UNABLE_TO_PROCESS, None
        # The peer has to hear of any failure.
        except Exception as error:
            if not isinstance(error, NacreError):
                telemetry.event("C-FIND failed", error=error)
            yield OUT_OF_RESOURCES, None

    return find


def keys_of(identifier: Dataset) -> dict[int, str]:
    """The keys of an identifier, as texts; sequences are not matched."""
    keys = {}
    for element in identifier:
        if element.VR == "SQ" or element.tag.element == 0:
            continue
        value = element.value
        values = value if isinstance(value, list | tuple) or element.VM > 1 else [value]
        keys[int(element.tag)] = "\\".join("" if one is None else str(one) for one in values)
    return keys


def _shown(asked: Dataset, aet: str) -> dict[int, tuple[str, str | None]]:
    """The elements of all answers by tag: their VR, and their text if it does not come from the resource."""
    shown: dict[int, tuple[str, str | None]] = {
        int(element.tag): (element.VR, "" if element.VR == "SQ" else None) for element in asked
    }
    shown[QUERY_RETRIEVE_LEVEL] = "CS", str(asked.QueryRetrieveLevel)
    shown[RETRIEVE_AE_TITLE] = "AE", aet
    shown.pop(SPECIFIC_CHARACTER_SET, None)
    return shown


def _answer(
    shown: Mapping[int, tuple[str, str | None]], values: Mapping[int, str | None], syntax: UID
) -> bytes:
    character_set = character_set_of(values)
    elements = [
        (tag, vr, (values[tag] or "") if text is None else text)
        for tag, (vr, text) in shown.items()
        if text is not None or tag in values
    ]
    return encoded([*elements, (SPECIFIC_CHARACTER_SET, "CS", character_set)], character_set, syntax)
