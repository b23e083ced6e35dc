"""Made files: each differs from a plain one in what Orthanc treats in its own way."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.raw import BIG, DEFLATED, IMPLICIT, LITTLE, Element, dicom, numbers, text
from tests.unit.dicom_rendering import files as images

PLAIN = [text(0x00081030, "LO", "Study of a file"), text(0x00200013, "IS", "7")]
IMAGES = (
    "16 bits, 12 stored up to 11, 1",
    "16 bits levels 0 MONOCHROME1",
    "8 bits, 8 stored up to 7, 0",
    "RLE",
    "RLE colour of 16 bits, planar 0",
    "RLE colour, planar 1",
    "RLE palette",
    "RLE, in two fragments",
    "RLE, last segment cut off",
    "big endian OW",
    "big endian OW, colour",
    "bitmap MONOCHROME2",
    "colour, planar 1",
    "colour YBR_FULL",
    "no Rows",
    "no pixel data",
    "palette",
    "palette of 65536 colours",
    "size: absurd",
    "two frames, said to be 2",
)
"""Those of the rendering tests' files that stand for the others."""


def made() -> Iterator[tuple[str, bytes]]:
    """Every made file, by name."""
    yield from _encodings()
    yield from _identity()
    yield from _charsets()
    yield from _texts()
    yield from _binary()
    yield from _sequences()
    yield from _private()
    chosen = dict(images.made())
    yield from ((f"image/{name}", chosen[name]) for name in IMAGES)


def _encodings() -> Iterator[tuple[str, bytes]]:
    for name, syntax in {
        "implicit": IMPLICIT,
        "explicit": LITTLE,
        "big endian": BIG,
        "deflated": DEFLATED,
    }.items():
        elements = [*PLAIN, numbers(0x00280010, "US", [4], syntax), _sequence(), _sequence(undefined=True)]
        yield f"encoding/{name}", dicom(elements, syntax)
    yield "encoding/no preamble, implicit", dicom(PLAIN, IMPLICIT, preamble=False)
    yield "encoding/no preamble, explicit", dicom(PLAIN, LITTLE, preamble=False)
    plain = dicom(PLAIN)
    yield "encoding/bytes behind the end", plain + b"\0\0\0\0"
    yield "encoding/cut off in a value", plain[:-3]
    yield "encoding/cut off in the meta header", plain[:160]
    yield "encoding/preamble alone", plain[:132]
    yield "encoding/unknown transfer syntax", dicom(PLAIN, "1.2.3.4.5")
    yield (
        "encoding/pixel data amid the dataset",
        dicom([Element(0x7FE00010, "OW", bytes(64)), text(0xFFFCFFFC, "OB", b"\0" * 8)]),
    )


def _identity() -> Iterator[tuple[str, bytes]]:
    tags = {
        "PatientID": (0x00100020, "LO"),
        "StudyInstanceUID": (0x0020000D, "UI"),
        "SeriesInstanceUID": (0x0020000E, "UI"),
        "SOPInstanceUID": (0x00080018, "UI"),
        "SOPClassUID": (0x00080016, "UI"),
    }
    for name, (tag, vr) in tags.items():
        yield f"identity/empty {name}", dicom([*PLAIN, Element(tag, vr, b"")])
        yield f"identity/blank {name}", dicom([*PLAIN, text(tag, vr, "  ")])
        yield f"identity/spaces around {name}", dicom([*PLAIN, text(tag, vr, " 1.2.3.4.5 ")])
        yield f"identity/no {name}", dicom(PLAIN, without=tag)
    yield "identity/PatientID of 300 letters", dicom([*PLAIN, text(0x00100020, "LO", "x" * 300)])
    yield "identity/StudyInstanceUID of 90 digits", dicom([*PLAIN, text(0x0020000D, "UI", "1" * 90)])
    yield "identity/two PatientIDs", dicom([*PLAIN, text(0x00100020, "LO", "a\\b")])


def _charsets() -> Iterator[tuple[str, bytes]]:
    for name, charset, value in (
        ("none", "", b"D\xf6^J\xe9"),
        ("latin 1", "ISO_IR 100", b"Buc^J\xe9r\xf4me"),
        ("latin 2", "ISO_IR 101", b"W\xb3a\xb6^Krzy\xbf"),
        ("UTF-8", "ISO_IR 192", "Wang^小东=王^小東".encode()),
        ("UTF-8, broken", "ISO_IR 192", b"Wang^\xe5\xb0^\xff"),
        ("GB18030", "GB18030", "Wang^XiaoDong=王^小东".encode("gb18030")),
        ("GBK", "GBK", "王^小东".encode("gbk")),
        ("Greek", "ISO_IR 126", "Διονυσιος".encode("iso8859-7")),
        ("Cyrillic", "ISO_IR 144", b"\xbb\xee\xda\xe1\xd5\xdc\xd1\xe3\xe0\xd3"),
        ("Arabic", "ISO_IR 127", "قباني^لنزار".encode("iso8859-6")),
        ("Hebrew", "ISO_IR 138", "שרון^דבורה".encode("iso8859-8")),
        ("Thai", "ISO_IR 166", "นาม^สกุล".encode("tis-620")),
        ("half-width Japanese", "ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"),
        ("Japanese", "\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎=やまだ^たろう".encode("iso2022_jp")),
        (
            "half-width and full Japanese",
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
        ),
        (
            "Korean",
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        ),
        ("unknown", "ISO_IR 999", b"D\xf6^J\xe9"),
        ("not ASCII, said to be", "ISO_IR 6", b"D\xf6^J\xe9"),
    ):
        elements = [
            text(0x00100010, "PN", value),
            text(0x00081030, "LO", value),
            text(0x00080060, "CS", value),
        ]
        yield f"charset/{name}", dicom([text(0x00080005, "CS", charset), *elements])


def _texts() -> Iterator[tuple[str, bytes]]:
    for length in (0, 255, 256, 257, 1000):
        elements = [text(0x00204000, "LT", "x" * length), text(0x0040A160, "UT", "y" * length)]
        yield f"text/of {length} letters", dicom([*PLAIN, *elements])
    yield "text/of 70000 letters", dicom([*PLAIN, text(0x0040A160, "UT", "z" * 70000)])
    yield (
        "text/padding",
        dicom(
            [
                text(0x00081030, "LO", "  both sides  "),
                text(0x00080080, "LO", "zeros\0\0\0"),
                text(0x00080090, "PN", " ^ "),
                text(0x00204000, "LT", "  lines\r\nand\ttabs  "),
                text(0x00080050, "SH", "a\0b"),
                text(0x00321060, "LO", "control\x01\x1f\x7f"),
            ]
        ),
    )
    yield (
        "text/several values",
        dicom(
            [
                text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\\\AXIAL"),
                text(0x00200032, "DS", "-1.5\\ 2.0 \\1e3"),
                text(0x00200013, "IS", " +7 "),
                text(0x00100010, "PN", "One^A\\Two^B"),
                text(0x00081140, "UI", "1.2\\1.3"),
            ]
        ),
    )
    yield (
        "text/empty",
        dicom(
            [
                Element(tag, vr, b"")
                for tag, vr in {0x00080020: "DA", 0x00080030: "TM", 0x00100010: "PN"}.items()
            ]
        ),
    )
    yield (
        "text/dates and times",
        dicom([text(0x00080020, "DA", "2020.01.02"), text(0x00080030, "TM", "10:20:30.5")]),
    )
    yield "text/not a number", dicom([text(0x00200013, "IS", "seven"), text(0x00280008, "IS", "2.5")])


def _binary() -> Iterator[tuple[str, bytes]]:
    for name, syntax in {"explicit": LITTLE, "implicit": IMPLICIT, "big endian": BIG}.items():
        elements = [
            numbers(0x00280010, "US", [65535], syntax),
            numbers(0x00189219, "SS", [-5, 5], syntax),
            numbers(0x00186018, "UL", [1, 2**32 - 1, 3], syntax),
            numbers(0x00186020, "SL", [-(2**31)], syntax),
            numbers(0x00180089, "FL", [0.1, -1.5, 1e20], syntax),
            numbers(0x00189087, "FD", [0.1, 1e-300], syntax),
            numbers(0x00280009, "US", [0x18, 0x1063], syntax),
            Element(0x00280009, "AT", bytes([0x18, 0, 0x63, 0x10, 0x20, 0, 0x13, 0])),
            Element(0x00281201, "OW", bytes(range(64))),
            Element(0x00420011, "OB", b"%PDF-1.4 not really"),
            Element(0x00091001, "UN", b"unknown "),
            text(0x00090010, "LO", "ACME"),
            Element(0x00660016, "OF", bytes(8)),
            Element(0x7FE00008, "OF", bytes(16)),
        ]
        yield f"binary/{name}", dicom(elements, syntax)
    yield "binary/many numbers", dicom([numbers(0x00186018, "UL", list(range(300)))])
    yield "binary/empty numbers", dicom([Element(0x00280010, "US", b""), Element(0x00189087, "FD", b"")])
    yield (
        "binary/odd numbers",
        dicom([Element(0x00280010, "US", b"\1\2\3"), Element(0x00189087, "FD", b"\1\2")]),
    )
    yield "binary/64 bits", dicom([numbers(0x00081163, "FD", [2.5]), numbers(0x7FE00001, "UV", [2**63, 1])])


def _sequence(*, undefined: bool = False) -> Element:
    inner = Element(0x00081199, "SQ", [[text(0x00081150, "UI", "1.2")], []], undefined)
    tag = 0x00081140 if undefined else 0x00081115
    return Element(
        tag, "SQ", [[inner, text(0x0020000E, "UI", "1.2.3")], [text(0x00080060, "CS", "CT")]], undefined
    )


def _sequences() -> Iterator[tuple[str, bytes]]:
    yield "sequence/of two levels", dicom([*PLAIN, _sequence(), _sequence(undefined=True)])
    yield "sequence/empty", dicom([*PLAIN, Element(0x00081140, "SQ", [])])
    nested = text(0x00080050, "SH", "the bottom")
    for _ in range(7):
        nested = Element(0x00081140, "SQ", [[nested]], undefined_length=True)
    yield "sequence/seven deep", dicom([*PLAIN, nested])
    charset = [text(0x00080005, "CS", "ISO_IR 192"), text(0x00080104, "LO", "é".encode())]
    yield "sequence/with its own charset", dicom([Element(0x00082218, "SQ", [charset])])
    many = [[text(0x00081150, "UI", f"1.2.{n}")] for n in range(30)]
    yield "sequence/of 30 items", dicom([*PLAIN, Element(0x00081140, "SQ", many)])


def _private() -> Iterator[tuple[str, bytes]]:
    elements = [
        text(0x00090010, "LO", "ACME 1.0"),
        text(0x00091001, "LO", "known VR"),
        Element(0x00091002, "UN", b"text or bytes?"),
        Element(0x00091003, "UN", b"\0\1\2\3"),
        Element(0x00091004, "SQ", [[text(0x00090010, "LO", "ACME 1.0"), text(0x00091001, "LO", "inner")]]),
        text(0x00190010, "LO", "SIEMENS MR HEADER"),
        text(0x00191008, "CS", "IMAGE NUM 4"),
        text(0x00191009, "LO", "1.0"),
        text(0x00290011, "LO", "GEMS_IDEN_01"),
        text(0x00291101, "LO", "creator in another block"),
    ]
    for name, syntax in {"explicit": LITTLE, "implicit": IMPLICIT}.items():
        yield f"private/{name}", dicom([*PLAIN, *elements], syntax)
    yield "private/without creator", dicom([*PLAIN, text(0x00091001, "LO", "orphan")])
    yield "private/empty creator", dicom([text(0x00090010, "LO", ""), text(0x00091001, "LO", "value")])
    yield "private/odd group below 8", dicom([text(0x00050010, "LO", "ACME"), text(0x00051001, "LO", "x")])
    yield (
        "private/repeating group",
        dicom([text(0x60000022, "LO", "overlay"), text(0x60020022, "LO", "second")]),
    )
    yield "private/group length", dicom([numbers(0x00080000, "UL", [100]), text(0x00111001, "LO", "x")])
    yield (
        "private/retired and unknown",
        dicom([text(0x00080001, "UL", b"\0\0\0\0"), text(0x00187777, "LO", "x")]),
    )
