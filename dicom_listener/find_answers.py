"""C-FIND as a provider (PS3.7, section 9.1.2): the answers go out one by one, as fast as the peer takes them.

pynetdicom would encode the same command anew for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_FIND_RSP
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.dsutils import encode
from pynetdicom.events import Event

from dicom_listener.statuses import PENDING, SUCCESS
from dicom_listener.upper_layer import Messages, UpperLayer

Answer = tuple[int, Dataset | bytes | None]
"""A status and, if it is pending, an identifier; as bytes it is encoded for the presentation context already."""

Find = Callable[[Event], Iterator[Answer]]
"""Gives the answers to a request; success at the end is understood."""


def serve_find(find: Find, association: Association, request: C_FIND, context_id: int) -> None:
    """Answer a request to its end, or until the peer has no use for answers."""
    upper_layer, messages = association.dul, association.dimse
    assert isinstance(upper_layer, UpperLayer)  # noqa: S101 - as it was made
    assert isinstance(messages, Messages)  # noqa: S101
    context = association._accepted_cx.get(context_id)
    if context is None or not request.is_valid_request:
        association.abort()
        return
    syntax = context.transfer_syntax[0]
    about = {
        "request": request,
        "context": context.as_tuple,
        "_is_cancelled": lambda message_id: message_id in messages.cancel_req,
    }
    command = _command(request)
    end = SUCCESS
    for status, identifier in find(Event(association, evt.EVT_C_FIND, about)):
        if upper_layer.is_to_end:
            return
        if status != PENDING:
            end = status
            break
        data = identifier if isinstance(identifier, bytes) else _encoded(identifier or Dataset(), syntax)
        messages.send_encoded(command, data, context_id)
    messages.send_msg(_answer(request, end), context_id)


def _answer(request: C_FIND, status: int) -> C_FIND:
    answer = C_FIND()
    answer.MessageIDBeingRespondedTo = request.MessageID
    answer.AffectedSOPClassUID = request.AffectedSOPClassUID
    answer.Status = status
    return answer


def _command(request: C_FIND) -> bytes:
    """The command of a pending answer."""
    answer = _answer(request, PENDING)
    answer.Identifier = BytesIO(b"any")  # so that the command tells of one
    message = C_FIND_RSP()
    message.primitive_to_message(answer)
    return encode(message.command_set, is_implicit_vr=True, is_little_endian=True) or b""


def _encoded(identifier: Dataset, syntax: UID) -> bytes:
    return encode(identifier, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated) or b""
