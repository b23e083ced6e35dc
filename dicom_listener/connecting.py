"""Why there is no association with a remote modality, in Orthanc's words."""

from __future__ import annotations

import os
import socket
import ssl

from pynetdicom.association import Association

from chalicelib.domain.errors import NetworkProtocol
from chalicelib.domain.modalities import Remote
from dicom_listener.outcomes import no_context


def not_established(association: Association, remote: Remote, tls: ssl.SSLContext | None) -> NetworkProtocol:
    """The error for an association that was not established."""
    if association.is_rejected:
        return NetworkProtocol(
            f'DicomAssociation - connecting to AET "{remote.aet}": the association was rejected'
        )
    if association.rejected_contexts and not association.accepted_contexts:
        return no_context(remote.aet)
    return NetworkProtocol(
        f'DicomAssociation - connecting to AET "{remote.aet}": TCP Initialization Error: {_reason(remote, tls)}'
    )


def _reason(remote: Remote, tls: ssl.SSLContext | None) -> str:
    """Why there is no connection, which pynetdicom does not tell: asked anew."""
    try:
        with socket.create_connection((remote.host, remote.port), timeout=1) as connection:
            if tls is not None:
                tls.wrap_socket(connection).close()
    except TimeoutError:
        return "no answer"
    except ssl.SSLCertVerificationError as error:
        return f"the peer's certificate is not trusted: {error.verify_message}"
    except (ssl.SSLError, ConnectionResetError):
        return "the peer refuses TLS as it is offered"
    except OSError as error:
        return os.strerror(error.errno) if error.errno and error.errno > 0 else "unknown host"
    return "the association was not established"
