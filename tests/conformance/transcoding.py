"""What is asked for files in other transfer syntaxes."""

from __future__ import annotations

from typing import Any

from tests.conformance.difference import Difference, Kind, asks
from tests.conformance.exchanges import Exchange
from tests.conformance.images import data
from tests.conformance.session import Session

FILES = (
    "CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "examples_rgb_color.dcm",
    "examples_palette.dcm", "examples_overlay.dcm", "SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit.dcm",
    "rtdose_rle.dcm", "rtplan.dcm", "liver_1frame.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPGExtended.dcm",
    "SC_rgb_jpeg_gdcm.dcm", "MR_small_jpeg_ls_lossless.dcm", "image_dfl.dcm", "JPEG2000.dcm",
    "SC_ybr_full_422_uncompressed.dcm", "MR_small_implicit.dcm", "test-SR.dcm",
)  # fmt: skip
BASE = "1.2.840.10008.1.2"
TARGETS = (
    BASE, f"{BASE}.1", f"{BASE}.1.99", f"{BASE}.2", f"{BASE}.5",
    *(f"{BASE}.4.{number}" for number in (50, 51, 57, 60, 70, 80, 81, 90, 91, 100, 201)),
)  # fmt: skip
ODD = ("", "nonsense", "1.2.3", f"{BASE}.1\\{BASE}.2")


def files(session: Session) -> None:
    """Every file in every transfer syntax."""
    for name in FILES:
        stored = session.ask("POST", "/instances", data(name))
        for target in TARGETS:
            session.get(f"/instances/{stored['ID']}/file?transcode={target}")
        session.ask("DELETE", f"/instances/{stored['ID']}")  # some of them are one instance


def parameters(session: Session) -> None:
    """Qualities, and what is no transfer syntax."""
    stored = session.ask("POST", "/instances", data("examples_rgb_color.dcm"))
    base = f"/instances/{stored['ID']}/file"
    for quality in ("20", "100", "0", "101", "", "x", "-1", "1.5"):
        session.get(f"{base}?transcode={BASE}.4.50&lossy-quality={quality}")
    for target in ODD:
        session.get(f"{base}?transcode={target}")
    session.get(f"{base}?transcode", f"{base}?lossy-quality=x", f"/instances/unknown/file?transcode={BASE}.1")


def archives(session: Session) -> None:
    """Archives whose files are transcoded where they can be."""
    studies = []
    for name in ("CT_small.dcm", "examples_rgb_color.dcm"):
        stored = session.ask("POST", "/instances", data(name))
        studies.append(stored["ParentStudy"])
    for target in (BASE, f"{BASE}.4.70", f"{BASE}.4.50", f"{BASE}.5"):
        for study in studies:
            session.get(
                f"/studies/{study}/archive?transcode={target}", f"/studies/{study}/media?transcode={target}"
            )
            session.post(f"/studies/{study}/archive", {"Transcode": target})
        session.post("/tools/create-media", {"Resources": studies[:1], "Transcode": target})
    study = f"/studies/{studies[1]}"
    session.post(f"{study}/archive", {"Transcode": f"{BASE}.4.50", "LossyQuality": 20})
    for quality in ("x", None, 1.5):
        session.post(f"{study}/archive", {"Transcode": f"{BASE}.4.50", "LossyQuality": quality})
    session.get(
        f"{study}/archive?transcode", f"{study}/archive?transcode=", f"{study}/media?transcode=nonsense"
    )
    session.get(f"{study}/archive?transcode={BASE}.4.50&lossy-quality=x")


TITLE = "Transcoding"
SCENARIOS = {"files": (files, {}), "parameters": (parameters, {}), "archives": (archives, {})}
_FILE = ["GET /instances/{id}/file"]
_MEDIA = ["GET /studies/{id}/media", "POST /tools/create-media"]
_ARCHIVES = [f"{method} /studies/{{id}}/archive" for method in ("GET", "POST")]
_LOSSLESS_JPEG = asks(f"{BASE}.4.57", f"{BASE}.4.70")
_MORE = "RLE and JPEG 2000 are written, JPEG 2000 is read, and near-lossless JPEG-LS can have 16 bits."
_NOTHING_LOST = "JPEG lossless loses nothing: DerivationDescription is left as it is."
_ICON = "74a8a79f-bd11e87d-c8c40507-b172c84c-c39fbad5"
_PALETTE, _YBR_422 = (
    "bfd4ae85-351ed5ec-db43889b-b394dc63-c657cdd9",
    "272c51c5-e66a6049-eef5c2c6-949b0449-24054149",
)


_TOLD = asks(_ICON, "d862aa03", "6b67a487")
"""About files that have a DerivationDescription."""

_ICON_TAGS = (
    "00280002[]", "00280004[]", "00280006", "00281101", "00281102", "00281103", "00281201", "00281202", "00281203",
)  # fmt: skip


def _elements(exchange: Exchange) -> dict[str, Any]:
    return dict(exchange.answer.get("dicom", {}).get("elements", {}))


def _has_pixels(exchange: Exchange) -> bool:
    """The file that Orthanc answered has pixels, of a digest."""
    return "00280010" in _elements(exchange)


def _is_more(exchange: Exchange) -> bool:
    """Orthanc cannot, and Nacre can."""
    identifier, target = exchange.request.split("/")[2], exchange.query.removeprefix("transcode=")
    syntax = target.removeprefix(f"{BASE}.")
    if exchange.status != 404 or identifier == "unknown" or syntax in {"4.60", "4.100"}:
        return False
    if identifier in _ONLY_UNCOMPRESSED and syntax not in {"1", "2", "1.99", BASE}:
        return False
    if syntax in {"5", "4.90"}:
        return True
    if syntax == "4.81":
        return identifier != _PALETTE
    if syntax == "4.91":
        return identifier != _PALETTE
    return identifier == _JPEG_2000 and syntax not in {"4.50", "4.51"}


_JPEG_2000 = "bac127ea-4488db0e-293f7785-d4614281-7379578f"
_RT_DOSE, _SEGMENTATION = (
    "ad37e374-bfed7063-7a623e83-273dc020-50b0bee4",
    "a494a0f4-00428827-0a4651d2-4a153658-13668fe9",
)
_ONLY_UNCOMPRESSED = {_RT_DOSE, _SEGMENTATION, _YBR_422}


def _is_rle(exchange: Exchange) -> bool:
    return exchange.status == 200 and exchange.request.endswith((f"{BASE}.5", f'{BASE}.5"}}'))


DIFFERENCES = [
    Difference(Kind.CHOSEN, _MORE, _FILE, ["status"], _is_more, ["transcoding/files"]),
    Difference(
        Kind.CHOSEN,
        "The colours of palettes and of YBR_FULL_422 are not compressed with loss.",
        _FILE,
        ["status"],
        lambda e: e.status == 200 and asks(_PALETTE, _YBR_422)(e) and asks(f"{BASE}.4.50", f"{BASE}.4.51")(e),
    ),
    Difference(
        Kind.CHOSEN,
        _NOTHING_LOST,
        _FILE,
        ["dicom.elements.00082111"],
        lambda e: _LOSSLESS_JPEG(e) and "00082111" in _elements(e) and _has_pixels(e) and not _TOLD(e),
    ),
    Difference(
        Kind.CHOSEN,
        _NOTHING_LOST,
        [*_ARCHIVES, *_MEDIA],
        ["zip[][].elements.00082111"],
        lambda e: _LOSSLESS_JPEG(e) and e.status == 200,
    ),
    Difference(
        Kind.CHOSEN,
        "Icons are left as they are; DCMTK compresses them, too.",
        _FILE,
        [f"dicom.elements.00880200[][].{tag}" for tag in _ICON_TAGS],
        lambda e: asks(_ICON)(e) and asks(f"{BASE}.4.51")(e),
    ),
    Difference(
        Kind.CHOSEN,
        "The smallest and the largest pixel value go, since near-lossless JPEG-LS changes them.",
        _FILE,
        ["dicom.elements.00280106", "dicom.elements.00280107"],
        lambda e: asks(f"{BASE}.4.81")(e) and "00280106" in _elements(e),
    ),
    Difference(
        Kind.CHOSEN,
        "A DICOMDIR of ASCII alone does not name a character set.",
        _MEDIA,
        ["zip[][][].00080005"],
        lambda e: e.status == 200 and asks("8a8cf898")(e),
        ["transcoding/archives"],
    ),
    Difference(
        Kind.CHOSEN,
        "A UID that follows from the old one and what was done: the same request gives the same instance.",
        _MEDIA,
        ["zip[][][].00041511[][]"],
        lambda e: e.status == 200 and asks(f"{BASE}.4.50")(e) and asks("33a9f8f0")(e),
    ),
    Difference(Kind.CHOSEN, _MORE, [*_ARCHIVES, *_MEDIA], ["zip[][].syntax"], _is_rle),
    Difference(Kind.CHOSEN, _MORE, _MEDIA, ["zip[][][].00041512[][]"], _is_rle),
]
