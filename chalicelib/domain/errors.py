"""Every error the store answers with, under the names and numbers of Orthanc's ErrorCodes.json.

::

    NacreError
    +-- BadRequest              400   the request itself is wrong
    |   +-- BadFileFormat       400   the body is not DICOM (nor a ZIP of it)
    |   +-- BadJson             400   the body is not the JSON the call needs
    |   +-- BadParameterType    400   a parameter has the wrong type
    |   +-- ParameterOutOfRange 400   a parameter is outside its range
    |   +-- UnknownDicomTag     400   a text names no DICOM tag
    |   +-- UnorderedSlices     400   nothing tells the order of a series' slices
    +-- Unauthorized            401   no credentials, or wrong ones
    +-- Forbidden               403   good credentials without the right
    +-- UnknownResource         404   no such resource
    |   +-- InexistentItem      404   the resource is there, the item in it is not
    |       +-- AbsentElement   404   the instance is there, the DICOM element or item is not
    |   +-- InexistentTag       404   a DICOM file lacks an element that it must have
    +-- MethodNotAllowed        405   the path exists, the method does not
    +-- BadRevision             409   another writer was faster, or no revision was given
    +-- RangeNotSatisfiable     416   the body has no such bytes
    +-- NotAcceptable           406   no representation that the client accepts
    +-- PayloadTooLarge         413   the body is larger than the gateway carries
    +-- UnsupportedMediaType    415   an encoding or type that cannot be read
    +-- NetworkProtocol         500   a remote modality or peer cannot be reached, refuses, or fails
    |   +-- NoPresentationContext 500 a remote modality accepts nothing of what it would be sent or asked
    |   +-- DicomFindUnavailable 500 a remote modality that should answer C-FIND does not take it
    +-- BadSequenceOfCalls      500   what the call needs is not configured
    +-- InternalError           500   a fault of the store
    +-- Unavailable             503   AWS is throttling or away: try again

``chalicelib.routes.errors`` maps them to HTTP statuses, in one table. Texts never hold patient data.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar


class NacreError(Exception):
    """Base of all; `details` is a sentence for the client, free of patient data."""

    orthanc_status: ClassVar[int] = 1
    orthanc_error: ClassVar[str] = "Error encountered within the plugin engine"

    def __init__(self, details: str = "") -> None:
        super().__init__(details or self.orthanc_error)
        self.details = details


class BadRequest(NacreError):
    """The request cannot be understood."""

    orthanc_status = 8
    orthanc_error = "Bad request"


class BadFileFormat(BadRequest):
    """The bytes are not a DICOM file."""

    orthanc_status = 15
    orthanc_error = "Bad file format"


class BadJson(BadRequest):
    """The body is not valid JSON."""

    orthanc_status = 28
    orthanc_error = "Cannot parse a JSON document"


class BadParameterType(BadRequest):
    """A parameter has the wrong type."""

    orthanc_status = 5
    orthanc_error = "Bad type for a parameter"


class ParameterOutOfRange(BadRequest):
    """A parameter lies outside its range."""

    orthanc_status = 3
    orthanc_error = "Parameter out of range"


class UnknownDicomTag(BadRequest):
    """A text that should name a DICOM tag names none (Orthanc gives a 500 here)."""

    orthanc_status = 27
    orthanc_error = "Unknown DICOM tag"


class UnorderedSlices(BadRequest):
    """Nothing tells the order of the slices of a series (Orthanc gives a 500 here)."""

    orthanc_status = 2040
    orthanc_error = "Unable to order the slices of the series"


class Unauthorized(NacreError):
    """No credentials were given, or wrong ones."""

    orthanc_status = 29
    orthanc_error = "Unauthorized access"


class Forbidden(NacreError):
    """The user is known and may not do this."""

    orthanc_status = 45
    orthanc_error = "Access forbidden"


class UnknownResource(NacreError):
    """The path or the identifier names nothing."""

    orthanc_status = 17
    orthanc_error = "Unknown resource"


class InexistentItem(UnknownResource):
    """The resource exists, the item asked of it does not."""

    orthanc_status = 7
    orthanc_error = "Accessing an inexistent item"


class InexistentTag(UnknownResource):
    """A DICOM file lacks an element that it must have (Orthanc answers 404 to such an upload)."""

    orthanc_status = 21
    orthanc_error = "Inexistent tag"


class AbsentElement(InexistentItem):
    """An instance has no such DICOM element or item; Orthanc says so without a body."""


class MethodNotAllowed(NacreError):
    """The path exists, but not for this method; `allow` are those that it has."""

    orthanc_status = 8
    orthanc_error = "Bad request"

    def __init__(self, allow: Collection[str] = ()) -> None:
        super().__init__()
        self.allow = allow


class BadRevision(NacreError):
    """The revision that the client knows is not the one that is there."""

    orthanc_status = 43
    orthanc_error = (
        "A bad revision number was provided, which might indicate conflict between multiple writers"
    )


class RangeNotSatisfiable(NacreError):
    """A body has none of the bytes that were asked for."""

    orthanc_status = 41
    orthanc_error = "Incorrect range request"


class NotAcceptable(NacreError):
    """Nothing the client accepts can be given."""

    orthanc_status = 34
    orthanc_error = "Cannot send a response which is acceptable according to the Accept HTTP header"


class PayloadTooLarge(BadRequest):
    """The body is larger than can be carried."""

    orthanc_status = 8
    orthanc_error = "Bad request"


class UnsupportedMediaType(BadRequest):
    """The body's type or encoding cannot be read."""

    orthanc_status = 3000
    orthanc_error = "Unsupported media type"


class NetworkProtocol(NacreError):
    """A remote modality or a peer cannot be reached, refuses, or fails."""

    orthanc_status = 9
    orthanc_error = "Error in the network protocol"


class NoPresentationContext(NetworkProtocol):
    """A remote modality accepts nothing of what it would be sent or asked."""

    orthanc_status = 2015
    orthanc_error = "DicomUserConnection: No acceptable presentation context for modality"


class DicomFindUnavailable(NetworkProtocol):
    """A remote modality that should answer C-FIND does not take it."""

    orthanc_status = 2016
    orthanc_error = "DicomUserConnection: The C-FIND command is not supported by the remote SCP"


class BadSequenceOfCalls(NacreError):
    """What the call needs is not configured."""

    orthanc_status = 6
    orthanc_error = "Bad sequence of calls"


class InternalError(NacreError):
    """A fault of the store; details stay in the log."""

    orthanc_status = -1
    orthanc_error = "Internal error"


class Unavailable(NacreError):
    """AWS could not serve in time; the same request may succeed later."""

    orthanc_status = 36
    orthanc_error = "Database is unavailable"


def error_of(orthanc_status: int, details: str) -> NacreError:
    """The error with one of Orthanc's numbers; that of a fault of the store if there is none."""
    kinds = NacreError.__subclasses__()
    for kind in kinds:
        if kind.orthanc_status == orthanc_status:
            return kind(details)
        kinds += kind.__subclasses__()
    return InternalError(details)
