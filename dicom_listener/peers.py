"""The other side of an association."""

from __future__ import annotations

from pynetdicom.association import Association

from dicom_listener.access import Peer


def peer_of(association: Association) -> Peer:
    """Who asked for an association that has been requested."""
    primitive = association.requestor.primitive
    called = primitive.called_ae_title if primitive is not None else ""
    address = association.requestor.address or ""
    return Peer(association.requestor.ae_title.strip(), str(called or "").strip(), address)
