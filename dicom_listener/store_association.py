"""C-STORE as a user, by pynetdicom (PS3.4, annex B): an association by which files go out as they are."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import split_dataset

from chalicelib.domain.errors import NoPresentationContext
from chalicelib.services.network.dicom_out import Kind, MoveOriginator, Outgoing
from dicom_listener.get_contexts import UNCOMPRESSED
from dicom_listener.outcomes import check, ended

MEDIUM_PRIORITY = 0x0000  # PS3.7, table E.1-1


class Storing:
    """The association of `storing`."""

    def __init__(self, association: Association, aet: str) -> None:
        """`aet` is the peer's."""
        self._association = association
        self.aet = aet
        self._contexts = {
            (str(context.abstract_syntax), str(context.transfer_syntax[0])): context.context_id
            for context in association.accepted_contexts
            if context.as_scu
        }
        self._messages = 0
        self._has_ended = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can be sent: the peer is gone, or has left a request unanswered."""
        return self._has_ended or not self._association.is_established

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
        context_id = self._contexts.get((file.sop_class_uid, file.transfer_syntax))
        if context_id is None:
            raise self._no_context()
        self._messages = self._messages % 0xFFFF + 1
        try:
            request = _store_request(file, self._messages, originator)
        except ValueError as error:  # what pynetdicom has against a file
            raise self._no_context() from error
        answer = self._send(request, context_id)
        check("C-STORE", self.aet, answer)

    def _send(self, request: C_STORE, context_id: int) -> Dataset:
        """As `Association.send_c_store`, which takes the UIDs from a file's meta information.

        The association's own thread is this one or pauses, so that it does not take the answer.
        """
        association = self._association
        association.dimse.send_msg(request, context_id)
        _, answer = association.dimse.get_msg(block=True)
        if answer is None:
            self._has_ended = True  # of an abort by the peer only the association's thread takes note
            association._handle_no_response()
            return Dataset()
        return association._check_received_status(answer)

    def _no_context(self) -> NoPresentationContext:
        return NoPresentationContext(f'Unable to negotiate a presentation context with AET "{self.aet}"')


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
