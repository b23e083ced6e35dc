"""What answers of remote modalities mean for who asked them.

Texts of errors are Orthanc's, and tell of AE titles, never of patients.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from chalicelib.domain.errors import NetworkProtocol, NoPresentationContext

_WARNINGS = range(0xB000, 0xC000)
_UNABLE_TO_PROCESS = 0xC000


def check(service: str, aet: str, answer: Dataset) -> None:
    """Judge the answer of a service.

    Raises
    ------
    NetworkProtocol
        It tells of no success and of no warning, or there is none.
    """
    if "Status" not in answer:
        raise ended(service, aet)
    status = answer.Status
    if status != 0 and status not in _WARNINGS:
        is_to_retrieve = service != "C-STORE" and status == _UNABLE_TO_PROCESS
        reason = " (unable to process - resource not found ?)" if is_to_retrieve else ""
        raise NetworkProtocol(
            f'{service} SCU to AET "{aet}" has failed with DIMSE status 0x{status:04X}{reason}'
        )


def ended(service: str, aet: str) -> NetworkProtocol:
    """The error of a service that got no answer."""
    return NetworkProtocol(f'{service} SCU to AET "{aet}": the association ended, or no answer came in time')


def no_context(aet: str) -> NoPresentationContext:
    """The error where a modality accepts nothing of what it would be sent or asked."""
    return NoPresentationContext(f'Unable to negotiate a presentation context with AET "{aet}"')
