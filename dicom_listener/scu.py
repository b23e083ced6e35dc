"""DICOM out: associations with remote modalities, by pynetdicom.

Texts of errors are Orthanc's, and tell of AE titles, never of patients.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import decode, encode
from pynetdicom.events import EventHandlerType
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at run time

from chalicelib.dicom.queries import ACCESSION_NUMBER, FIND, PATIENT_ID, STUDY_UID, model_of
from chalicelib.dicom.queries import identifier as encoded
from chalicelib.domain.errors import DicomFindUnavailable, NacreError, NetworkProtocol
from chalicelib.domain.levels import Level
from chalicelib.domain.modalities import Remote
from chalicelib.services.network.dicom_out import (
    CommitmentReport,
    Kind,
    Reference,
    StoreAssociation,
)
from dicom_listener.calling import CallingAE, prepare
from dicom_listener.committing import MODEL, send_report, send_request
from dicom_listener.connecting import not_established
from dicom_listener.get_contexts import UNCOMPRESSED, context_sets
from dicom_listener.idle_associations import IdleAssociations
from dicom_listener.outcomes import check, ended, no_context
from dicom_listener.reactor import take_over
from dicom_listener.statuses import SUCCESS, store_status
from dicom_listener.store_association import Storing

_FIND = model_of(Level.STUDY, FIND)
_PENDING = (0xFF00, 0xFF01)


class DicomScu:
    """Asks things of remote modalities."""

    def __init__(
        self,
        maximum_pdu_bytes: int,
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
        idle_seconds: float = 0,
    ) -> None:
        """`tls` makes the context for modalities that are reached by DICOM TLS.

        Associations of C-STORE stay open for `idle_seconds`, for the next file.
        """
        self._maximum_pdu_bytes = maximum_pdu_bytes
        self._tls = tls
        self.idle = IdleAssociations(idle_seconds)

    def close(self) -> None:
        """Release the associations that are idle; those that follow end with their operations."""
        self.idle.close()

    def echo(self, remote: Remote, *, checks_find: bool = False) -> None:
        """C-ECHO (PS3.4, annex A), and C-FIND of a study that nobody has; raises `NetworkProtocol`."""
        find = [build_context(_FIND, list(UNCOMPRESSED))] if checks_find else []
        with self._associated(remote, [build_context(Verification), *find]) as association:
            accepted = {context.abstract_syntax for context in association.accepted_contexts}
            if Verification not in accepted:
                raise no_context(remote.aet)
            check("C-ECHO", remote.aet, association.send_c_echo())
            if checks_find and _FIND not in accepted:
                raise DicomFindUnavailable(f"Remote AET is {remote.aet}")
            if checks_find:
                if not take_over(association):  # the echo has given it back
                    raise ended("C-FIND", remote.aet)
                nothing = {PATIENT_ID: "", ACCESSION_NUMBER: "", STUDY_UID: generate_uid()}
                for _ in _answers(association, remote.aet, _FIND, encoded(Level.STUDY, nothing)):
                    pass

    @contextmanager
    def storing(self, remote: Remote, kinds: Collection[Kind]) -> Iterator[StoreAssociation]:
        """An association for files of some kinds; raises `NetworkProtocol`."""
        wanted = frozenset(kinds)
        found = self.idle.take(remote, wanted)
        association, opened_for = found or (self._open_to_store(remote, wanted), wanted)
        renew = partial(self._open_to_store, remote, opened_for) if found else None
        storing = Storing(association, remote.aet, renew)
        try:
            yield storing
        except BaseException:
            storing.association.abort()
            raise
        if storing.has_ended:
            storing.association.abort()
        elif storing.has_failed:
            storing.association.release()
        else:
            self.idle.give(storing.association, remote, opened_for)

    def _open_to_store(self, remote: Remote, kinds: Collection[Kind]) -> Association:
        contexts = [build_context(sop_class, syntax) for sop_class, syntax in sorted(kinds)]
        contexts += [build_context(one, list(UNCOMPRESSED)) for one in sorted({one for one, _ in kinds})]
        return self._open(remote, contexts)

    def find(self, remote: Remote, model: str, identifier: bytes) -> Iterator[bytes]:
        """C-FIND (PS3.4, annex C): the answers; raises `NetworkProtocol`."""
        with self._associated(remote, [build_context(model, list(UNCOMPRESSED))]) as association:
            yield from _answers(association, remote.aet, model, identifier)

    def move(self, remote: Remote, model: str, identifier: bytes, target_aet: str) -> None:
        """C-MOVE (PS3.4, annex C), to its end; raises `NetworkProtocol`."""
        with self._associated(remote, [build_context(model, list(UNCOMPRESSED))]) as association:
            for status, _ in association.send_c_move(_decoded(identifier), target_aet, model):
                if status.get("Status") not in _PENDING:
                    check("C-MOVE", remote.aet, status)

    def get(self, remote: Remote, model: str, identifier: bytes, store: Callable[[Path, str], None]) -> None:
        """C-GET (PS3.4, annex C), to its end; raises `NetworkProtocol`."""

        def received(event: evt.Event) -> int:
            request = event.request
            assert isinstance(request, C_STORE)  # noqa: S101 - this event has no other
            try:
                store(event.dataset_path, str(request.AffectedSOPInstanceUID or ""))
            except NacreError as error:
                return store_status(error)
            return SUCCESS

        for contexts in context_sets():
            status = self._get(remote, model, identifier, contexts, received)
            failed = status.get("NumberOfFailedSuboperations") or 0
            if status.get("Status") == SUCCESS and not failed:
                return
        check("C-GET", remote.aet, status)
        if failed:
            raise NetworkProtocol(f'C-GET SCU to AET "{remote.aet}": {failed} instances could not be sent')

    def _get(
        self,
        remote: Remote,
        model: str,
        identifier: bytes,
        contexts: list[PresentationContext],
        received: Callable[[evt.Event], int],
    ) -> Dataset:
        """Get by some contexts; gives the last answer."""
        asking = build_context(model, list(UNCOMPRESSED))
        last = Dataset()
        with self._associated(remote, [asking, *contexts], received) as association:
            for status, _ in association.send_c_get(_decoded(identifier), model):
                last = status
        return last

    def report(self, remote: Remote, report: CommitmentReport) -> None:
        """N-EVENT-REPORT (PS3.4, annex J); raises `NetworkProtocol`."""
        contexts, role = [build_context(MODEL, list(UNCOMPRESSED))], build_role(MODEL, scp_role=True)
        with self._associated(remote, contexts, roles=[role]) as association:
            check("N-EVENT-REPORT", remote.aet, send_report(association, report))

    def commit(self, remote: Remote, transaction_uid: str, references: Sequence[Reference]) -> None:
        """N-ACTION (PS3.4, annex J); raises `NetworkProtocol`."""
        with self._associated(remote, [build_context(MODEL, list(UNCOMPRESSED))]) as association:
            check("N-ACTION", remote.aet, send_request(association, transaction_uid, references))

    @contextmanager
    def _associated(
        self,
        remote: Remote,
        contexts: list[PresentationContext],
        received: Callable[[evt.Event], int] | None = None,
        roles: Collection[SCP_SCU_RoleSelectionNegotiation] = (),
    ) -> Iterator[Association]:
        """An association; it is released at the end, and aborted if the end is an error."""
        association = self._open(remote, contexts, received, roles)
        try:
            yield association
        except BaseException:
            association.abort()
            raise
        if association.is_established:
            association.release()

    def _open(
        self,
        remote: Remote,
        contexts: list[PresentationContext],
        received: Callable[[evt.Event], int] | None = None,
        roles: Collection[SCP_SCU_RoleSelectionNegotiation] = (),
    ) -> Association:
        """An association, taken over; raises `NetworkProtocol`."""
        self.idle.release(remote)
        tls = self._tls() if remote.use_dicom_tls else None
        ae = CallingAE(remote.local_aet)
        ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = remote.timeout_seconds or None
        ae.network_timeout = None
        ae.maximum_pdu_size = self._maximum_pdu_bytes
        handlers: list[EventHandlerType] = [(evt.EVT_CONN_OPEN, prepare, [ae.dimse_timeout])]
        negotiated: list[Any] = [*roles]
        if received is not None:
            handlers.append((evt.EVT_C_STORE, received))
            classes = {str(context.abstract_syntax) for context in contexts[1:]}
            negotiated = [build_role(one, scp_role=True) for one in sorted(classes)]
        association = ae.associate(
            remote.host,
            remote.port,
            contexts=contexts,
            ae_title=remote.aet,
            ext_neg=negotiated,
            tls_args=(tls, None) if tls else None,  # type: ignore[arg-type]
            evt_handlers=handlers,
        )
        if not association.is_established or not take_over(association):
            raise not_established(association, remote, tls)
        return association


def _answers(association: Association, aet: str, model: str, asked: bytes) -> Iterator[bytes]:
    for status, answer in association.send_c_find(_decoded(asked), model):
        if status.get("Status") not in _PENDING:
            check("C-FIND", aet, status)
        elif answer is not None:
            yield encode(answer, is_implicit_vr=False, is_little_endian=True) or b""


def _decoded(identifier: bytes) -> Dataset:
    return decode(BytesIO(identifier), is_implicit_vr=False, is_little_endian=True)
