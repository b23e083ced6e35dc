"""The transfer syntaxes that can be asked for, and what each does to pixels (PS3.5 annex A)."""

from __future__ import annotations

from chalicelib.dicom.reader import NATIVE
from chalicelib.domain.errors import ParameterOutOfRange

RLE_LOSSLESS = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR_LOSSLESS = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"

LOSSY_METHODS = {
    JPEG_BASELINE: "ISO_10918_1",
    JPEG_EXTENDED: "ISO_10918_1",
    JPEG_LS_NEAR_LOSSLESS: "ISO_14495_1",
    JPEG_2000: "ISO_15444_1",
}
"""Those that lose something when pixels are encoded, and their terms of (0028,2114) (PS3.3 C.7.6.1.1.5)."""

KNOWN = NATIVE | frozenset(
    f"1.2.840.10008.1.2.{suffix}"
    for suffix in (
        *(f"4.{number}" for number in (*range(50, 67), 70, 80, 81, *range(90, 96), *range(100, 109))),
        "5",
    )
)
"""Those that Orthanc knows."""

WRITABLE = NATIVE | LOSSY_METHODS.keys() | {
    RLE_LOSSLESS, JPEG_LOSSLESS, JPEG_LOSSLESS_SV1, JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS,
}  # fmt: skip
"""Those that files can be transcoded to."""


def check_transfer_syntax(uid: str) -> None:
    """Refuse what is not the UID of a transfer syntax.

    Raises
    ------
    ParameterOutOfRange
        It is not.
    """
    if uid not in KNOWN:
        raise ParameterOutOfRange(f"Unknown transfer syntax: {uid[:64]}")
