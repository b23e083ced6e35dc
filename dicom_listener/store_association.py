"""C-STORE as a user, by pynetdicom (PS3.4, annex B): an association by which files go out as they are."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE, DimseServiceType
from pynetdicom.dsutils import split_dataset
from pynetdicom.pdu_primitives import A_RELEASE

from chalicelib.services.network.dicom_out import Kind, MoveOriginator, Outgoing
from dicom_listener.get_contexts import UNCOMPRESSED
from dicom_listener.outcomes import check, ended, no_context
from dicom_listener.reactor import let_go

MEDIUM_PRIORITY = 0x0000  # PS3.7, table E.1-1


LOOK_SECONDS = 0.25
"""Between two looks, while an answer is awaited, whether the peer wants to end the association instead."""


class _Ended(Exception):
    """The peer has ended the association, and has not answered."""


class Storing:
    """The association of `storing`."""

    def __init__(
        self, association: Association, aet: str, renew: Callable[[], Association] | None = None
    ) -> None:
        """`aet` is the peer's.

        `renew` is for an association that was idle, and opens another for the same files: the peer may have ended this
        one while the first file was on its way.
        """
        self.aet = aet
        self._renew = renew
        self._use(association)

    def _use(self, association: Association) -> None:
        self.association = association
        self._contexts = {
            (str(context.abstract_syntax), str(context.transfer_syntax[0])): context.context_id
            for context in association.accepted_contexts
            if context.as_scu
        }
        self._messages = 0
        self._unconfirmed = 0
        self._has_ended = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can be sent: the peer is gone, or has left a request unanswered."""
        return self._has_ended or not self.association.is_established

    @property
    def has_failed(self) -> bool:
        """Whether a file was sent, or begun, that the peer did not take."""
        return self._unconfirmed > 0

    def accepts(self, kind: Kind) -> bool:
        """See `StoreAssociation`, as for the others."""
        return kind in self._contexts

    def alternatives(self, sop_class_uid: str) -> list[str]:
        """Uncompressed ones first."""
        found = [syntax for sop_class, syntax in self._contexts if sop_class == sop_class_uid]
        return sorted(found, key=lambda syntax: syntax not in UNCOMPRESSED)

    def store(self, file: Outgoing, originator: MoveOriginator) -> None:
        """Byte by byte, in pieces."""
        if self.has_ended:
            raise ended("C-STORE", self.aet)
        answer = self._sent(file, originator)
        check("C-STORE", self.aet, answer)
        self._unconfirmed -= 1

    def _sent(self, file: Outgoing, originator: MoveOriginator) -> Dataset:
        """The answer; if there was none and there may be another association, that of the other."""
        renew, self._renew = self._renew, None
        try:
            return self._send(*self._request(file, originator))
        except _Ended:
            self._has_ended = True
            if renew is None:
                return Dataset()
        let_go(self.association)
        self._use(renew())
        return self._sent(file, originator)

    def _request(self, file: Outgoing, originator: MoveOriginator) -> tuple[C_STORE, int]:
        context_id = self._contexts.get((file.sop_class_uid, file.transfer_syntax))
        if context_id is None:
            raise no_context(self.aet)
        self._messages = self._messages % 0xFFFF + 1
        try:
            return _store_request(file, self._messages, originator), context_id
        except ValueError as error:  # what pynetdicom has against a file
            raise no_context(self.aet) from error

    def _send(self, request: C_STORE, context_id: int) -> Dataset:
        """As `Association.send_c_store`, which takes the UIDs from a file's meta information.

        The association's own thread is this one or pauses, so that it does not take the answer.
        """
        association = self.association
        self._unconfirmed += 1
        association.dimse.send_msg(request, context_id)
        answer = self._answer()
        if answer is None:
            self._has_ended = True
            association._handle_no_response()
            return Dataset()
        return association._check_received_status(answer)

    def _answer(self) -> DimseServiceType | None:
        """What the peer answers, None if it does not in time; raises `_Ended`."""
        association = self.association
        seconds = association.dimse_timeout
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            left = LOOK_SECONDS if deadline is None else min(LOOK_SECONDS, deadline - time.monotonic())
            try:
                _, answer = association.dimse.msg_queue.get(timeout=max(left, 0))
            except queue.Empty:
                if isinstance(association.dul.peek_next_pdu(), A_RELEASE) or not association.dul.is_alive():
                    raise _Ended from None
                if deadline is not None and time.monotonic() >= deadline:
                    return None
            else:
                if answer is None:  # pynetdicom's sign of an abort, or of the end of the connection
                    raise _Ended
                return answer


def _store_request(file: Outgoing, message_id: int, originator: MoveOriginator) -> C_STORE:
    """The request; its UIDs are those of the data set, as Orthanc's, whatever the meta information says."""
    request = C_STORE()
    request.MessageID = message_id
    request.Priority = MEDIUM_PRIORITY
    request.AffectedSOPClassUID = file.sop_class_uid
    request.AffectedSOPInstanceUID = file.sop_instance_uid
    request.MoveOriginatorApplicationEntityTitle = originator.aet or None
    request.MoveOriginatorMessageID = originator.message_id or None
    request._dataset_path = (file.path, split_dataset(file.path)[1])
    return request
