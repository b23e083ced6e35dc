"""Files that differ from a plain one in their values: identifiers, texts, character sets, numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from tests.conformance.raw import Element, numbers, text
from tests.unit.dicom.build import PATIENT_ID, dicom


def values() -> Iterator[tuple[str, bytes]]:
    """Every one of them, by name."""
    for group, files in {
        "identity": _identities(),
        "text": _texts(),
        "charset": _charsets(),
        "number": _numbers(),
    }.items():
        yield from ((f"{group}: {name}", data) for name, data in files)


def _identities() -> Iterator[tuple[str, bytes]]:
    tags = {"patient": PATIENT_ID, "study": 0x0020000D, "series": 0x0020000E, "instance": 0x00080018}
    values = [
        b"",
        b" ",
        b"  ",
        b"\0",
        b"\t",
        b"1" * 256,
        b"1" * 257,
        b"1 2 3 ",
        b"1\\2 ",
        b" \t1\n",
        b"1\x002\0",
    ]
    for name, tag in tags.items():
        yield f"{name} missing", dicom(without=tag)
        for value in values:
            vr = "LO" if tag == PATIENT_ID else "UI"
            yield f"{name} {_short(value)}", dicom(Element(tag, vr, value))
        for vr, value in (("OB", b"ab"), ("US", b"ab"), ("LO", b" 1  "), ("UN", b"1.2 ")):
            yield f"{name} as {vr}", dicom(Element(tag, vr, value))
        yield f"{name} as SQ", dicom(Element(tag, "SQ", []))
    for charset, value in (("ISO_IR 100", b"\xe9"), ("ISO_IR 192", "é王".encode()), ("", b"\xe9")):
        elements = [text(0x00080005, "CS", charset), Element(PATIENT_ID, "LO", value)]
        yield f"patient in {charset}: {value!r}", dicom(*elements)


def _texts() -> Iterator[tuple[str, bytes]]:
    values = [
        b"a",
        b"a ",
        b" a ",
        b"  a  ",
        b"a\0",
        b"a\0\0",
        b"a \0",
        b"a\0 ",
        b"a\0b ",
        b"\0a",
        b"a\t",
        b"\na",
    ]
    values += [
        b"a\r\n",
        b"a\\b ",
        b" a \\ b ",
        b"",
        b" ",
        b"  ",
        b"\0",
        b"\\",
        b"x" * 256,
        b"x" * 257,
        b"x" * 256 + b" ",
    ]
    values += [b"x" * 256 + b" ", b" " + b"x" * 256, b"x" * 300, b"\xe9" * 128, b"\xe9" * 129]
    for (tag, vr), value in product(
        {0x00100010: "PN", 0x00204000: "LT", 0x00200012: "IS", 0x00200032: "DS", 0x00080016: "UI"}.items(),
        values,
    ):
        yield f"{tag:08x} {vr} {_short(value)}", dicom(Element(tag, vr, value))
    for vr in ("AE", "AT", "FD", "OB", "OW", "SL", "UC", "UN", "US", "UT"):
        yield f"main tag as {vr}", dicom(Element(0x00100010, vr, b"abcdefgh"))


def _charsets() -> Iterator[tuple[str, bytes]]:
    single = [100, 101, 109, 110, 144, 127, 126, 138, 148, 13, 166, 6, 192, 203]
    character_sets = [f"ISO_IR {number}" for number in single] + [
        "GB18030",
        "GBK",
        "",
        "XX\\ISO_IR 100",
        "iso_ir 100",
    ]
    character_sets += [f"ISO 2022 IR {number}" for number in (100, 13, 87, 149, 58, 159)]
    character_sets += [
        "\\ISO 2022 IR 87",
        "\\ISO 2022 IR 149",
        "\\ISO 2022 IR 58",
        "ISO 2022 IR 13\\ISO 2022 IR 87",
    ]
    values = {
        "ASCII": b"Doe^J~\\x",
        "A0": bytes(range(0xA1, 0xC0)),
        "C0": bytes(range(0xC0, 0xDF)),
        "UTF-8": "é^王".encode(),
        "GB18030": "王^小东".encode("gb18030"),
        "Japanese": "Yamada=山田^太郎=やまだ".encode("iso2022_jp"),
        "half-width Japanese": b"\xd4\xcf\xc0\xde=\x1b$B;3ED\x1b(J",
        "Korean": b"Hong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
        "Chinese": b"Z=\x1b$)A\xcd\xf5^\xd0\xa1",
        "controls": b"a\1\x7fb\r\nc\td",
    }
    for charset, (name, value) in product(character_sets, values.items()):
        yield (
            f"{charset or 'none'}, {name}",
            dicom(text(0x00080005, "CS", charset), text(0x00100010, "PN", value)),
        )


def _numbers() -> Iterator[tuple[str, bytes]]:
    values = [
        b"7",
        b" 7",
        b" 7 ",
        b"07",
        b"+7",
        b"-7",
        b"7.0",
        b"",
        b"a7",
        b"7\\8",
        b"0",
        b"4294967295",
        b"4294967296",
    ]
    values += [b"99999999999", b" ", b"\t7", b"0x10"]
    five = Element(0x00541330, "US", b"\5\0")
    for value in values:
        yield f"InstanceNumber {value!r}", dicom(Element(0x00200013, "IS", value))
        yield f"InstanceNumber {value!r} beside ImageIndex", dicom(Element(0x00200013, "IS", value), five)
        yield f"CardiacNumberOfImages {value!r}", dicom(Element(0x00181090, "IS", value))
        images = Element(0x00201002, "IS", value)
        yield f"ImagesInAcquisition {value!r} by 3", dicom(images, Element(0x00200105, "IS", b"3"))
    yield "ImageIndex", dicom(five)
    yield from ((name, dicom(*elements)) for name, elements in _announcements())


def _announcements() -> Iterator[tuple[str, Iterable[Element]]]:
    """What announces the number of instances, in combinations."""
    announced = {
        "cardiac": Element(0x00181090, "IS", b"9"),
        "slices": numbers(0x00540081, "US", [5]),
        "times": numbers(0x00540101, "US", [2]),
        "images": Element(0x00201002, "IS", b"4"),
        "positions": Element(0x00200105, "IS", b"3"),
    }
    for chosen in product((False, True), repeat=len(announced)):
        names = [name for name, is_chosen in zip(announced, chosen, strict=True) if is_chosen]
        yield f"expected by {', '.join(names)}", [announced[name] for name in names]


def _short(value: bytes) -> str:
    return repr(value) if len(value) < 20 else f"{value[:1]!r} to {value[-1:]!r}, {len(value)} bytes"
