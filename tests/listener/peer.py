"""Peers made of pynetdicom, well-behaved and not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"


def image(**changes: str) -> Dataset:
    """A small CT image of its own."""
    dataset = dcmread(get_testdata_file("CT_small.dcm"))
    dataset.SOPInstanceUID = generate_uid()
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def encoded(dataset: Dataset) -> bytes:
    """The data set as it goes over the network, in Explicit VR Little Endian."""
    data = encode(dataset, is_implicit_vr=False, is_little_endian=True)
    assert data is not None
    return data


@contextmanager
def associated(
    port: int,
    contexts: Sequence[tuple[str, Sequence[str]]] = ((CT, (ExplicitVRLittleEndian,)),),
    *,
    calling: str = "PEER",
    called: str = "NACRE",
) -> Iterator[Association]:
    """An association with a listener, established or not."""
    ae = AE(calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 30
    for abstract_syntax, transfer_syntaxes in contexts:
        ae.add_requested_context(abstract_syntax, list(transfer_syntaxes))
    association = ae.associate("127.0.0.1", port, ae_title=called)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def store(
    association: Association, sop_instance_uid: str, data: bytes, sop_class_uid: str = CT
) -> int | None:
    """Send a C-STORE request as it stands; the status of the answer, None if there is none."""
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = sop_class_uid
    request.AffectedSOPInstanceUID = sop_instance_uid
    request.Priority = 2
    request.DataSet = BytesIO(data)
    context = next(c for c in association.accepted_contexts if c.abstract_syntax == CT)
    assert context.context_id is not None
    association._reactor_checkpoint.clear()  # or pynetdicom's own thread may take the answer
    while not association._is_paused:
        time.sleep(0.001)
    association.dimse.send_msg(request, context.context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return None if answer is None else answer.Status
