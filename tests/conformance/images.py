"""What is asked for pictures and pixels, beside previews."""

from __future__ import annotations

import io
from pathlib import Path

from pydicom import dcmread
from pydicom.data import get_testdata_file

from tests.conformance.difference import Condition, Difference, Kind, asks
from tests.conformance.exchanges import NOTHING, Body
from tests.conformance.session import Session

FILES = (
    "CT_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "examples_palette.dcm", "SC_rgb_rle_2frame.dcm",
    "image_dfl.dcm", "JPEG-lossy.dcm", "JPGExtended.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPEG2000.dcm",
    "rtdose_1frame.dcm", "rtdose.dcm", "test-SR.dcm", "SC_rgb_jpeg_dcmtk.dcm", "examples_ybr_color.dcm",
    "SC_rgb_small_odd.dcm", "liver_1frame.dcm", "SC_ybr_full_422_uncompressed.dcm",
)  # fmt: skip
FORMS = ("preview", "rendered", "image-uint8", "image-uint16", "image-int16")
TYPES = ("image/png", "image/jpeg", "image/x-portable-arbitrarymap", "text/html", "*/*")


def data(name: str) -> Body:
    """A file that pydicom ships."""
    path = get_testdata_file(name, download=False)
    if path is None:
        raise LookupError(name)
    return Body(name, Path(str(path)).read_bytes())


def pictures(session: Session) -> None:
    """Every form of every file."""
    for name in FILES:
        stored = session.ask("POST", "/instances", data(name))
        base = f"/instances/{stored['ID']}"
        for where in (base, f"{base}/frames/0"):
            for form in (*FORMS, "matlab", "raw", "raw.gz"):
                session.get(f"{where}/{form}")
        session.get(f"{base}/frames", f"{base}/frames/0", f"{base}/frames/1/raw", f"{base}/frames/1/preview")
        session.get(f"{base}/frames/9999/preview", f"{base}/frames/9999/raw", f"{base}/pdf")
        session.get(f"{base}/preview?returnUnsupportedImage", f"{base}/image-uint8?returnUnsupportedImage")


def parameters(session: Session) -> None:
    """Sizes, windows, qualities and types."""
    for name in ("CT_small.dcm", "SC_rgb_small_odd.dcm"):
        stored = session.ask("POST", "/instances", data(name))
        base = f"/instances/{stored['ID']}"
        for kind in TYPES:
            for form in FORMS:
                session.ask("GET", f"{base}/{form}", NOTHING, {"Accept": kind})
        session.get(f"{base}/preview?quality=10", f"{base}/preview?quality=0", f"{base}/preview?quality=a")
        for query in (
            "width=50", "height=50", "width=50&height=20", "width=300", "width=0", "width=-1", "width=a",
            "height=64&smooth",
            "height=64&smooth=1", "width=64&smooth=0", "window-center=100&window-width=50", "window-center=100",
            "window-width=50", "window-center=a&window-width=50", "window-center=100&window-width=0",
            "window-center=-100.5&window-width=1000.25", "quality=50",
        ):  # fmt: skip
            session.get(f"{base}/rendered?{query}")
        for segment in ("-1", "a", "1", "00", "99999999999999"):
            session.get(f"{base}/frames/{segment}/preview", f"{base}/frames/{segment}/raw")
    session.get(
        "/instances/unknown/rendered",
        "/instances/unknown/frames",
        "/instances/unknown/frames/0/raw",
        "/instances/unknown/pdf",
    )
    for form in (*FORMS, "matlab", "frames", "pdf", "numpy"):
        session.get(f"/studies/unknown/{form}", f"/instances/unknown/{form}")


def arrays(session: Session) -> None:
    """Arrays for NumPy of every file."""
    for name in FILES:
        stored = session.ask("POST", "/instances", data(name))
        base, series = f"/instances/{stored['ID']}", f"/series/{stored['ParentSeries']}"
        for path in (base, f"{base}/frames/0", series):
            session.get(f"{path}/numpy", f"{path}/numpy?rescale=false", f"{path}/numpy?compress")
        session.ask("DELETE", series)
    stored = session.ask("POST", "/instances", data("CT_small.dcm"))
    base = f"/instances/{stored['ID']}"
    for query in (
        "rescale",
        "rescale=1",
        "rescale=0",
        "rescale=x",
        "compress=0",
        "compress=true",
        "compress=x",
    ):
        session.get(f"{base}/numpy?{query}", f"{base}/frames/0/numpy?{query}")
    session.get(*(f"{base}/frames/{frame}/numpy" for frame in ("1", "x", "-1")))
    session.get(*(f"/{level}/unknown/numpy" for level in ("patients", "studies", "series", "instances")))
    session.get("/instances/unknown/frames/0/numpy", f"/studies/{stored['ParentStudy']}/numpy")


_SHOWN = ("bac127ea", "93936337", "39fa6d31", "99794c11")
_ARRAYS = ["GET /instances/{id}/numpy", "GET /instances/{id}/frames/0/numpy", "GET /series/{id}/numpy"]

TITLE = "Images"


def padded(**elements: object) -> Body:
    """An image whose corners have a value that says there is no picture."""
    path = get_testdata_file("CT_small.dcm")
    assert path is not None
    file = dcmread(path)
    pixels = file.pixel_array.copy()
    pixels[:40, :40] = pixels[-20:, -20:] = elements["PixelPaddingValue"]
    file.PixelData = pixels.tobytes()
    for keyword, value in elements.items():
        if keyword == "PixelPaddingRangeLimit":
            file.add_new(keyword, "SS", value)
        else:
            setattr(file, keyword, value)
    written = io.BytesIO()
    file.save_as(written)
    return Body(f"padded {elements}", written.getvalue())


def padding(session: Session) -> None:
    """Images with padding (PS3.3 C.7.5.1.1.2)."""
    for elements in (
        {"PixelPaddingValue": -2000},
        {"PixelPaddingValue": 3000, "PhotometricInterpretation": "MONOCHROME1"},
        {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1000},
        {"PixelPaddingValue": -2000, "WindowCenter": 40, "WindowWidth": 400},
    ):
        stored = session.ask("POST", "/instances", padded(**elements))
        for form in (*FORMS, "numpy"):
            session.get(f"/instances/{stored['ID']}/{form}")
        session.get(f"/instances/{stored['ID']}/rendered?window-center=40&window-width=400")
        session.ask("DELETE", f"/instances/{stored['ID']}")


SCENARIOS = {
    "pictures": (pictures, {}),
    "parameters": (parameters, {}),
    "arrays": (arrays, {}),
    "padding": (padding, {}),
}
_AT = ("/instances/{id}", "/instances/{id}/frames/0", "/instances/{id}/frames/1")
_PICTURES = [f"GET {at}/{form}" for at in _AT for form in FORMS]
_MATLAB = [f"GET {at}/matlab" for at in _AT]
_RAW = [f"GET /instances/{{id}}/frames/{n}/raw{gz}" for n in (0, 1, 9999) for gz in ("", ".gz")]
_RESIZED = (
    "width=50", "height=50", "width=50&height=20", "width=300", "height=64&smooth=1",
    "window-center=100&window-width=0",
)  # fmt: skip
_NO_PIXELS = "An instance without pixels has no frames. Orthanc says that it has one, and fails to give it."
_IDENTIFIERS = {
    "12 bits": "6b67a487-afbbfaeb-bba9ed69-efc21a3f-25d89942",
    "JPEG 2000": "bac127ea-4488db0e-293f7785-d4614281-7379578f",
    "32 bits": "39fa6d31-8d51b4fb-288961bc-1a86dd4a-065998fa",
    "report": "bec56f6c-86f24cbb-957f6310-17b41048-4cd975f3",
    "4:2:2": "272c51c5-e66a6049-eef5c2c6-949b0449-24054149",
}
"""Of the files that are treated otherwise."""


def _of(name: str, *statuses: int) -> Condition:
    """The exchange is about one of these files, and Orthanc answered with one of some statuses."""
    return lambda e: _IDENTIFIERS[name] in e.request and e.status in statuses


DIFFERENCES = [
    Difference(
        Kind.CHOSEN,
        "JPEG 2000 is shown.",
        [*_PICTURES, *_MATLAB],
        ["status"],
        lambda e: "frames/1" not in e.request and _of("JPEG 2000", 415, 500)(e),
        ["images/pictures"],
    ),
    Difference(
        Kind.CHOSEN,
        "Images of 32 bits are shown.",
        [*_PICTURES, *_MATLAB],
        ["status"],
        lambda e: "frames/1" not in e.request and _of("32 bits", 307, 415, 500)(e),
        ["images/pictures"],
    ),
    Difference(
        Kind.CHOSEN,
        "An image that cannot be shown is a 415 everywhere; for Matlab Orthanc has a 500.",
        _MATLAB,
        ["status"],
        lambda e: e.status == 500 and not _of("JPEG 2000", 500)(e) and not _of("32 bits", 500)(e),
    ),
    Difference(
        Kind.CHOSEN,
        "The picture that stands in for one that cannot be shown is answered itself, not by a redirection.",
        _PICTURES,
        ["status"],
        lambda e: e.status == 307 and not _of("JPEG 2000", 307)(e) and not _of("32 bits", 307)(e),
    ),
    Difference(Kind.CHOSEN, "JPEG 2000 is shown.", _PICTURES, ["status"], _of("JPEG 2000", 307)),
    Difference(
        Kind.CHOSEN,
        _NO_PIXELS,
        ["GET /instances/{id}/frames"],
        ["json"],
        _of("report", 200),
    ),
    Difference(
        Kind.CHOSEN,
        _NO_PIXELS,
        _RAW,
        ["status"],
        _of("report", 500),
    ),
    Difference(
        Kind.CHOSEN,
        "Frames of YBR_FULL_422 can be had as they are; in Orthanc such a file is a bad one.",
        _RAW,
        ["status"],
        lambda e: "frames/0" in e.request and _of("4:2:2", 400)(e),
    ),
    Difference(
        Kind.CHOSEN,
        "Frames of YBR_FULL_422 can be had as they are; in Orthanc such a file is a bad one.",
        _RAW,
        ["json.Message", "json.OrthancError", "json.OrthancStatus"],
        lambda e: "frames/0" not in e.request and _of("4:2:2", 400)(e),
    ),
    Difference(
        Kind.CHOSEN,
        "Pictures are enlarged and reduced by Pillow, and a window without width is a step; sizes are Orthanc's.",
        ["GET /instances/{id}/rendered"],
        ["image"],
        lambda e: e.query in _RESIZED and "f689ddd2" in e.request,
    ),
    Difference(
        Kind.CHOSEN,
        "The path of a picture of anything but an instance is unknown; the answer has no body.",
        [*(f"GET /studies/{{id}}/{form}" for form in (*FORMS, "matlab")), "GET /instances/{id}/matlab"],
        ["headers", "json"],
        lambda e: e.status == 404,
    ),
    Difference(
        Kind.CHOSEN,
        "JPEG 2000 and images of 32 bits are shown.",
        _ARRAYS,
        ["status"],
        lambda e: e.status == 500 and asks(*_SHOWN)(e),
    ),
    Difference(
        Kind.CHOSEN,
        "An image that cannot be shown is a 415 everywhere; for NumPy Orthanc has a 500.",
        _ARRAYS,
        ["status"],
        lambda e: e.status == 500 and not asks(*_SHOWN)(e),
    ),
    Difference(
        Kind.CHOSEN,
        "What stands in a query string is not repeated in an error.",
        _ARRAYS,
        ["json.Details"],
        lambda e: e.status == 400 and e.query.endswith("=x"),
    ),
]
