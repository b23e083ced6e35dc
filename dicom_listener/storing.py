"""C-STORE as a provider (PS3.4, annex B): the object is in the store before the peer hears of success."""

from __future__ import annotations

from collections.abc import Callable

from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from chalicelib.domain.errors import NacreError
from chalicelib.domain.modalities import Operation
from chalicelib.observability import Metric, Telemetry
from chalicelib.services import origins
from chalicelib.services.reception import Reception
from dicom_listener.access import Access
from dicom_listener.peers import peer_of
from dicom_listener.statuses import DATA_SET_MISMATCH, NOT_AUTHORISED, SUCCESS, store_status

Handler = Callable[[Event], int]


def store_handler(reception: Reception, access: Access, telemetry: Telemetry) -> Handler:
    """Makes the handler of C-STORE requests.

    The file is pynetdicom's: the received data set, byte by byte, behind file meta information for its presentation
    context. pynetdicom removes it afterwards.
    """

    def store(event: Event) -> int:
        peer = peer_of(event.assoc)
        if not access.is_allowed(peer, Operation.STORE):
            return NOT_AUTHORISED
        request = event.request
        assert isinstance(request, C_STORE)  # noqa: S101 - this event has no other
        if request.AffectedSOPClassUID != event.context.abstract_syntax:
            return DATA_SET_MISMATCH
        origin = origins.dicom_protocol(peer.address, peer.calling_aet, peer.called_aet)
        try:
            path = event.dataset_path
            size = path.stat().st_size
            reception.store(path, origin, str(request.AffectedSOPInstanceUID or ""))
        # The peer has to hear of any failure; it keeps the object and sends it again.
        except Exception as error:
            if not isinstance(error, NacreError):
                telemetry.event("C-STORE failed", error=error)
            return store_status(error)
        telemetry.count(Metric.INGESTED_INSTANCES)
        telemetry.count(Metric.INGESTED_BYTES, size)
        return SUCCESS

    return store
