"""Remote modalities from and to Orthanc's JSON: an array, or an object with Orthanc's names."""

from __future__ import annotations

import re
from typing import Any

from chalicelib.domain.errors import BadFileFormat, ParameterOutOfRange
from chalicelib.domain.modalities import MANUFACTURERS, RETRIEVE_METHODS, Modality, Operation


def from_json(value: Any) -> Modality:
    """A modality from ``[AET, Host, Port]``, ``[AET, Host, Port, Manufacturer]`` or the object that `to_json` gives.

    Raises
    ------
    BadFileFormat
        It has another form, or a field of the wrong type.
    ParameterOutOfRange
        The port, the manufacturer or the retrieve method is not one of those that there are.
    """
    if isinstance(value, list) and len(value) in (3, 4):
        value = dict(zip(("AET", "Host", "Port", "Manufacturer"), value, strict=False))
    if not isinstance(value, dict):
        raise BadFileFormat
    fields = _Fields(value)
    return Modality(
        aet=fields.text("AET"),
        host=fields.text("Host"),
        port=_port(fields.number("Port")),
        manufacturer=_one_of(MANUFACTURERS, "modality manufacturer", fields.text("Manufacturer", "Generic")),
        forbidden=frozenset(operation for operation in Operation if not fields.allows(operation)),
        allow_transcoding=fields.flag("AllowTranscoding", default=True),
        use_dicom_tls=fields.flag("UseDicomTls", default=False),
        local_aet=fields.text("LocalAet", ""),
        timeout_seconds=fields.number("Timeout", 0),
        retrieve_method=_one_of(
            RETRIEVE_METHODS, "retrieve method", fields.text("RetrieveMethod", RETRIEVE_METHODS[0])
        ),
    )


def to_json(modality: Modality) -> dict[str, Any]:
    """What ``/modalities/{id}/configuration`` answers."""
    return {
        "AET": modality.aet,
        **{f"Allow{operation}": modality.may(operation) for operation in Operation},
        "AllowTranscoding": modality.allow_transcoding,
        "Host": modality.host,
        "LocalAet": modality.local_aet,
        "Manufacturer": modality.manufacturer,
        "Port": modality.port,
        "RetrieveMethod": modality.retrieve_method,
        "Timeout": modality.timeout_seconds,
        "UseDicomTls": modality.use_dicom_tls,
    }


class _Fields:
    """The fields of an object, by type; Orthanc takes numbers as texts too."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.get(name, default)
        if not isinstance(value, str):
            raise BadFileFormat(f"String value expected in field: {name}")
        return value

    def number(self, name: str, default: int | None = None) -> int:
        value = self._values.get(name, default)
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or (value < 0 and name != "Port"):
            raise BadFileFormat(f"Unsigned integer value expected in field: {name}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise BadFileFormat(f"Boolean value expected in field: {name}")
        return value

    def allows(self, operation: Operation) -> bool:
        """`AllowStorageCommitment` stands for both of its messages."""
        both = operation in (Operation.N_ACTION, Operation.EVENT_REPORT)
        default = self.flag("AllowStorageCommitment", default=True) if both else True
        return self.flag(f"Allow{operation}", default=default)


def _port(number: int) -> int:
    if not 0 < number < 65535:
        raise ParameterOutOfRange(f"A TCP port number must be in range [1..65534], but found: {number}")
    return number


def _one_of(names: tuple[str, ...], what: str, name: str) -> str:
    if name not in names:
        raise ParameterOutOfRange(f"Unknown {what}")
    return name
