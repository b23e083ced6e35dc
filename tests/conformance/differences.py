"""Where Nacre answers otherwise than Orthanc 1.12.7, on files and about the store: which fields, when, and why.

The comparison takes this table literally: a field that differs and is not here fails, and so does one that is
here and does not differ.
"""

from __future__ import annotations

from tests.conformance.difference import Difference, Kind, asks, at_all_levels, fails, says
from tests.conformance.hospital import LEVELS

_SYSTEM = ("GET /system", "GET /system/", "GET //system")
_LISTS = at_all_levels("GET /{level}")
_RESOURCES = at_all_levels("GET /{level}/{id}")
_WHAT = [f"json.Changes[].{name}" for name in ("ChangeType", "ID", "Path", "ResourceType")]
_WIDE = [
    f"shipped/test_files/rtdose{name}.dcm"
    for name in ("", "_1frame", "_expb", "_expb_1frame", "_rle", "_rle_1frame")
]
"""Those of 32 bits."""

_JPEG_2000 = [
    f"shipped/test_files/{name}.dcm"
    for name in (
        "693_J2KI", "GDCMJ2K_TextGBR", "J2K_pixelrep_mismatch", "JPEG2000", "MR_small_jp2klossless", "SC_rgb_gdcm_KY",
        "examples_jpeg2k",
    )
]  # fmt: skip


def _one_instance_tells(route: str, keyword: str, number: str) -> list[Difference]:
    """A requested tag that the instances of a resource do not share, in the three formats that it is asked in."""
    asked = "requestedTags=StudyDate;SeriesNumber;InstanceNumber"
    return [
        Difference(Kind.CHOSEN, _ANY_INSTANCE, [route], [f"json.RequestedTags.{field}"], condition)
        for field, condition in (
            (keyword, lambda e: e.query == asked),
            (f"{number}.Value", lambda e: e.query == f"{asked}&full"),
            (number, lambda e: e.query == f"{asked}&short"),
        )
    ]


_ANY_INSTANCE = (
    "A requested tag that is not indexed comes from any one instance; where they differ, from another one."
)

DIFFERENCES = [
    Difference(
        Kind.CHOSEN,
        "The error names the argument that is wrong, and does not repeat its value.",
        _LISTS,
        ["json.Details"],
        lambda e: says("Syntax error")(e) or says("Expected a Boolean")(e),
    ),
    Difference(
        Kind.CHOSEN,
        "A negative `since` or `limit` is the client's mistake: 400, where Orthanc's database fails with 500.",
        _LISTS,
        ["status"],
        fails,
    ),
    Difference(
        Kind.CHOSEN,
        "Percent-encoded query strings are decoded, `;` among them; Orthanc takes `%3B` literally and answers 400.",
        _RESOURCES,
        ["status"],
        asks("%3B"),
    ),
    Difference(
        Kind.CHOSEN,
        "A name that is no tag is the client's mistake: 400, where Orthanc answers 500.",
        ["GET /instances/{id}/tags", "GET /instances/{id}/content/..."],
        ["status"],
        fails,
    ),
    Difference(
        Kind.CHOSEN,
        "Of a method that a path below a resource does not have, 405 is said even if the path is unknown.",
        [f"{method} /studies/{{id}}/nonsense" for method in ("POST", "PUT", "DELETE")],
        ["status"],
    ),
    Difference(
        Kind.CHOSEN,
        "The path of a preview of anything but an instance is unknown; the answer has no body.",
        [f"GET /{level}/{{id}}/preview" for level in LEVELS[:3]],
        ["headers", "json"],
    ),
    Difference(
        Kind.CHOSEN,
        "The root leads to `/system`, since there is no Orthanc Explorer.",
        ["GET /"],
        ["headers.location"],
    ),
    Difference(
        Kind.CHOSEN,
        "The product's own name and version stand beside Orthanc's; there are no plugins.",
        _SYSTEM,
        ["json.PluginsEnabled", "json.Product", "json.ProductVersion"],
    ),
    *_one_instance_tells("GET /patients/{id}", "SeriesNumber", "0020,0011"),
    *_one_instance_tells("GET /studies/{id}", "SeriesNumber", "0020,0011"),
    *_one_instance_tells("GET /series/{id}", "InstanceNumber", "0020,0013"),
    Difference(
        Kind.CHOSEN,
        _ANY_INSTANCE,
        _RESOURCES[:2],
        ["json.RequestedTags.0008,103e"],
        asks("short&requestedTags=PatientName;SeriesDescription;StudyDate"),
    ),
    Difference(
        Kind.CHOSEN,
        "An instance that is overwritten stays where it is: one NewInstance, and no new series, study and patient.",
        ["GET /changes"],
        [*_WHAT, "json.Changes[].Seq", "json.First", "json.Last"],
        scenarios=["store/overwrite always"],
    ),
    Difference(
        Kind.CHOSEN,
        "What comes to rest in the same second is told by level: all series, then studies, then patients.",
        ["GET /changes"],
        _WHAT,
        asks("since=25"),
    ),
    Difference(
        Kind.CHOSEN,
        "A deletion takes numbers of the log too, which nobody is shown.",
        ["GET /changes"],
        ["json.Last"],
        lambda e: (
            isinstance(e.body, dict)
            and e.body.get("Changes") == []
            and e.body["Last"] == 16
            and e.query in ("", "last", "since=2")
        ),
        ["store/changes"],
    ),
    Difference(
        Kind.CHOSEN,
        "A limit below 0 counts as none given; Orthanc gives nothing and says that it is done.",
        ["GET /changes"],
        ["json.Changes", "json.First"],
        asks("limit=-1"),
    ),
    Difference(
        Kind.CHOSEN,
        "The error does not repeat the value that is wrong.",
        ["GET /changes"],
        ["json.Details"],
        says("Invalid value"),
    ),
    Difference(
        Kind.CHOSEN,
        "The error says that the data is cut off.",
        ["POST /instances"],
        ["json.Details"],
        asks("< gzip, cut off"),
    ),
    Difference(
        Kind.CHOSEN,
        "An archive's answer has an entry for each file that was refused, with the reason; Orthanc leaves them out.",
        ["POST /instances"],
        ["json"],
        asks("< ZIP with a text", "< ZIP in a ZIP"),
    ),
    Difference(
        Kind.CHOSEN,
        "A DICOMDIR that cannot be read is refused as a bad file; Orthanc misses its UIDs.",
        ["POST /instances"],
        ["status"],
        scenarios=["shipped/test_files/dicomdirtests/DICOMDIR-nooffset"],
    ),
    Difference(
        Kind.CHOSEN,
        "Images of 32 bits are shown.",
        ["GET /instances/{id}/preview"],
        ["status"],
        scenarios=_WIDE,
    ),
    Difference(
        Kind.CHOSEN,
        "JPEG 2000 is shown.",
        ["GET /instances/{id}/preview"],
        ["status"],
        scenarios=_JPEG_2000,
    ),
    Difference(Kind.NOT_YET, "The other tools.", ["GET /tools", "GET /tools/"], ["json"]),
]
