"""C-FIND as a provider (PS3.4, annex C)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
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
from dicom_listener.peers import peer_of
from dicom_listener.statuses import CANCELLED, NOT_AUTHORISED, OUT_OF_RESOURCES, PENDING, UNABLE_TO_PROCESS

Answer = tuple[int, Dataset | None]
_NUMBERS = frozenset(["US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"])


def find_handler(
    query: DicomQuery, access: Access, telemetry: Telemetry, *, aet: str, limits: Callable[[Level], int]
) -> Callable[[Event], Iterator[Answer]]:
    """Makes the handler of C-FIND requests; `limits` tells how many answers there may be, 0 for any number."""

    def find(event: Event) -> Iterator[Answer]:
        if not access.is_allowed(peer_of(event.assoc), Operation.FIND):
            yield NOT_AUTHORISED, None
            return
        try:
            asked = event.identifier
            keys = keys_of(asked)
            limit = limits(level_of(keys))
            for count, values in enumerate(query.answers(keys)):
                if event.is_cancelled or (limit and count == limit):
                    yield CANCELLED, None
                    return
                yield PENDING, _answer(asked, values, aet)
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


def _answer(asked: Dataset, values: dict[int, str | None], aet: str) -> Dataset:
    answer = Dataset()
    for element in asked:
        tag = int(element.tag)
        if element.VR == "SQ":
            answer.add(DataElement(tag, "SQ", Sequence()))
        elif tag in values:
            _add(answer, tag, element.VR, values[tag] or "")
    answer.add(DataElement(QUERY_RETRIEVE_LEVEL, "CS", asked.QueryRetrieveLevel))
    answer.add(DataElement(RETRIEVE_AE_TITLE, "AE", aet))
    answer.add(DataElement(SPECIFIC_CHARACTER_SET, "CS", _character_set(values)))
    return answer


def _add(answer: Dataset, tag: int, vr: str, text: str) -> None:
    if vr in _NUMBERS:
        try:
            numbers = [float(one) if vr in ("FL", "FD") else int(one) for one in text.split("\\") if one]
        except ValueError:
            numbers = []
        answer.add(DataElement(tag, vr, numbers[0] if len(numbers) == 1 else numbers or None))
    else:
        try:
            answer.add(DataElement(tag, vr, text, already_converted=False))
        except (ValueError, TypeError):  # a value in the store that its VR does not allow
            answer.add(DataElement(tag, vr, ""))


def _character_set(values: dict[int, str | None]) -> str:
    """Latin 1, as Orthanc, as long as it has all letters; else UTF-8."""
    try:
        "".join(text or "" for text in values.values()).encode("latin-1")
    except UnicodeEncodeError:
        return "ISO_IR 192"
    return "ISO_IR 100"
