"""Associations that this process opens, by pynetdicom."""

from __future__ import annotations

from ssl import SSLContext

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation

from dicom_listener.connection import Connection, send_at_once
from dicom_listener.upper_layer import equip


class CallingAE(AE):
    """Opens associations over our upper layer."""

    def _create_socket(
        self, assoc: Association, address: AddressInformation, tls_args: tuple[SSLContext, str] | None
    ) -> Connection:
        equip(assoc)
        connection = Connection(assoc, address=address)
        connection.tls_args = tls_args
        return connection


def prepare(event: evt.Event, timeout_seconds: float | None) -> None:
    """To be called when a connection is open: a peer that reads nothing may hold its sender up so long at most."""
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.settimeout(timeout_seconds)
        send_at_once(connection.socket)
