"""The worklist: C-FIND by the Modality Worklist model (PS3.4, annex K), matched as Orthanc's plugin does."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom.events import Event

from chalicelib.dicom.matching import condition_of
from chalicelib.domain.errors import BadRequest, NacreError
from chalicelib.domain.modalities import Operation
from chalicelib.observability import Telemetry
from dicom_listener.access import Access
from dicom_listener.find_answers import Answer, Find
from dicom_listener.peers import peer_of
from dicom_listener.statuses import (
    CANCELLED,
    CANNOT_UNDERSTAND,
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    PENDING,
    UNABLE_TO_PROCESS,
)
from dicom_listener.worklist_files import Worklist

STEPS = 0x00400100
STATION = 0x00400001
SPECIFIC_CHARACTER_SET = 0x00080005
_NO_KEYS = frozenset([SPECIFIC_CHARACTER_SET, 0x00080052, 0x00080201])
"""What tells how to read the request: character set, level, time zone."""


def find_by_model(finds: Mapping[str, Find], otherwise: Find) -> Find:
    """Makes the handler that takes others by the information model of the request."""

    def find(event: Event) -> Iterator[Answer]:
        return finds.get(str(event.context.abstract_syntax), otherwise)(event)

    return find


def worklist_handler(
    worklist: Worklist, access: Access, telemetry: Telemetry, *, limit: int, filter_issuer: bool
) -> Find:
    """Makes the handler of requests for the worklist.

    `limit` is how many answers there may be, 0 for any number; with `filter_issuer` a peer gets the steps that are
    scheduled for its own AE title alone.
    """

    def find(event: Event) -> Iterator[Answer]:
        peer = peer_of(event.assoc)
        if not access.is_allowed(peer, Operation.FIND_WORKLIST):
            yield NOT_AUTHORISED, None
            return
        try:
            asked = event.identifier
            found = [entry for entry in worklist.entries() if matches(entry, asked)]
            if filter_issuer:
                narrowed = _of_station(asked, peer.calling_aet)
                found = [entry for entry in found if matches(entry, narrowed)]
            for count, entry in enumerate(found):
                if event.is_cancelled or (limit and count == limit):
                    yield CANCELLED, None
                    return
                yield PENDING, _answer(entry, asked)
        except BadRequest:
            yield CANNOT_UNDERSTAND, None
        except OSError as error:
            telemetry.event("worklist cannot be read", error=error)
            yield UNABLE_TO_PROCESS, None
        # The peer has to hear of any failure.
        except Exception as error:
            if not isinstance(error, NacreError):
                telemetry.event("C-FIND of the worklist failed", error=error)
            yield OUT_OF_RESOURCES, None

    return find


def matches(entry: Dataset, asked: Dataset) -> bool:
    """Whether an entry, or an item of one of its sequences, has what is asked for.

    A sequence that the entry lacks fits any request for it, as in Orthanc; an element that it lacks none.

    Raises
    ------
    BadRequest
        There is more than one item in a sequence of the request, or a wildcard where there can be none.
    """
    return all(_has(entry, key) for key in asked if _is_key(key))


def _is_key(key: DataElement) -> bool:
    return int(key.tag) not in _NO_KEYS and key.tag.element != 0


def _has(entry: Dataset, key: DataElement) -> bool:
    if key.VR == "SQ":
        wanted = _item_of(key)
        found = entry.get(key.tag)
        if wanted is None or found is None or found.VR != "SQ":
            return True
        return any(matches(item, wanted) for item in found.value)
    text = _text_of(key)
    if not text.strip("*"):  # matches what has no value, too (PS3.4, section C.2.2.2.4)
        return True
    condition = condition_of(key.VR, text, case_sensitive=key.VR != "PN", tag=str(key.tag))
    found = entry.get(key.tag)
    if condition is None or found is None or found.VR == "SQ":
        return condition is None
    value = _text_of(found)
    if key.VR == "PN":  # in any of its writings
        return condition.matches_any(value) or any(map(condition.matches_any, value.split("=")))
    return condition.matches_any(value)


def _item_of(key: DataElement) -> Dataset | None:
    """The item that sets conditions, None if it sets none."""
    items: Sequence = key.value or Sequence()
    if len(items) > 1:
        raise BadRequest("A sequence of a request has one item")
    return items[0] if items else None


def _text_of(element: DataElement) -> str:
    value = element.value
    values = value if isinstance(value, list | tuple) or element.VM > 1 else [value]
    return "\\".join("" if one is None else str(one) for one in values).strip()


def _of_station(asked: Dataset, aet: str) -> Dataset:
    """The request, for the steps of one station whatever it says of stations."""
    narrowed = copy.deepcopy(asked)
    key = narrowed.get_item(STEPS)
    item = (None if key is None else _item_of(narrowed[STEPS])) or Dataset()
    item.add(DataElement(STATION, "AE", aet))
    narrowed.add(DataElement(STEPS, "SQ", Sequence([item])))
    return narrowed


def _answer(entry: Dataset, asked: Dataset) -> Dataset:
    answer = _shown(entry, asked)
    answer.add(DataElement(SPECIFIC_CHARACTER_SET, "CS", _character_set(answer)))
    return answer


def _shown(entry: Dataset, asked: Dataset) -> Dataset:
    """What is asked for of an entry: of a sequence the items that match, whole if nothing in them is named."""
    shown = Dataset()
    for key in asked:
        found = entry.get(key.tag)
        if found is None or not _is_key(key):
            continue
        if found.VR != "SQ":
            value = _text_of(found) if found.VR == "PN" else found.value
            shown.add(DataElement(found.tag, found.VR, value))
            continue
        wanted = _item_of(key) if key.VR == "SQ" else None
        items = [item for item in found.value if wanted is None or matches(item, wanted)]
        shown.add(DataElement(key.tag, "SQ", Sequence([_shown(item, wanted or item) for item in items])))
    return shown


def _character_set(answer: Dataset) -> str:
    """Latin 1, as Orthanc, as long as it has all letters; else UTF-8."""
    texts = [str(element.value) for element in answer.iterall() if element.VR != "SQ"]
    try:
        "".join(texts).encode("latin-1")
    except UnicodeEncodeError:
        return "ISO_IR 192"
    return "ISO_IR 100"
