"""Files that differ from a plain one in structure: encodings, lengths, nesting, pixel data, where they end."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import product

from tests.conformance.raw import DEFLATED, IMPLICIT, LITTLE, LONG, UNDEFINED, Element, encode, numbers, text
from tests.unit.dicom.build import (
    ITEM,
    ITEM_END,
    PIXELS,
    PLAIN,
    PREAMBLE,
    RLE,
    SEQUENCE,
    SEQUENCE_END,
    SYNTAXES,
    dicom,
    fragments,
    head,
    mark,
    meta,
    nested,
)


def structures() -> Iterator[tuple[str, bytes]]:
    """Every one of them, by name."""
    for group, files in {
        "encoding": _encodings(),
        "deflated": _deflated(),
        "VR": _vrs(),
        "structure": _elements(),
        "sequence": _sequences(),
        "implicit": _implicit(),
        "pixels": _pixels(),
        "cut": _prefixes(),
    }.items():
        yield from ((f"{group}: {name}", data) for name, data in files)


def _encodings() -> Iterator[tuple[str, bytes]]:
    for name, syntax in SYNTAXES.items():
        body = encode(PLAIN, syntax)
        yield f"{name}, bare", body
        yield f"{name}, no meta", PREAMBLE + body
        yield f"{name}, no preamble", meta(syntax) + body
        yield f"{name}, magic alone", b"DICM" + body
        yield f"{name}, no transfer syntax", PREAMBLE + meta(None) + body
        yield f"{name}, empty transfer syntax", PREAMBLE + meta("") + body
        for other in ("1.2.3.4.5", *SYNTAXES.values(), RLE, f"{LITTLE} ", f"{LITTLE}\\{IMPLICIT}"):
            yield f"{name}, said to be {other}", PREAMBLE + meta(other) + body
        for length in (0, 2, 60, 200, 10000, UNDEFINED):
            yield f"{name}, meta of length {length}", PREAMBLE + meta(syntax, length) + body
        yield f"{name}, implicit meta", PREAMBLE + meta(syntax, encoding=IMPLICIT) + body
        for count, byte in product((1, 2, 4, 7, 8, 9, 12, 16), (b"\0", b"A", b"\xff")):
            yield f"{name}, {count} of {byte!r} behind", PREAMBLE + meta(syntax) + body + byte * count
    yield "empty", b""
    yield "preamble alone", PREAMBLE
    yield "meta alone", PREAMBLE + meta(LITTLE)
    yield "zeros", bytes(1000)
    yield "TIFF preamble", b"II*\0" + bytes(124) + b"DICM" + meta(LITTLE) + encode(PLAIN)


def _deflated() -> Iterator[tuple[str, bytes]]:
    deflate = zlib.compressobj(
        0, zlib.DEFLATED, -zlib.MAX_WBITS
    )  # stored, so that no version of zlib matters
    data = deflate.compress(encode([*PLAIN, Element(PIXELS, "OW", b"abcd")])) + deflate.flush()
    start = PREAMBLE + meta(DEFLATED)
    yield "sound", start + data
    yield "no preamble", meta(DEFLATED) + data
    yield "padded", start + data + b"\0"
    yield "cut off", start + data[:-4]
    yield "cut off by a byte", start + data[:-1]
    yield "with zlib's header", start + zlib.compress(encode(PLAIN), 0)
    yield "nothing", start
    yield "not deflated", start + encode(PLAIN)


def _vrs() -> Iterator[tuple[str, bytes]]:
    codes = [b"??", b"XX", b"xx", b"--", b"  ", b"A1", b"lo", b"~~", b"\0\0", b"\x80\x80", b"U\0", b"\1\2"]
    for code in [*codes, *(vr.encode() for vr in sorted(LONG)), b"LO", b"US", b"AT", b"FD"]:
        for long in (True, False):
            yield f"{code!r} long {long}", dicom(tail=head(0x00400001, code, 4, b"abcd", long=long))


def _elements() -> Iterator[tuple[str, bytes]]:
    element = head(0x00081150, "UI", 4, b"1.2\0")
    yield "stray item", dicom(tail=mark(ITEM))
    yield "stray item with a value", dicom(tail=mark(ITEM, 4, b"abcd"))
    yield "stray item end", dicom(tail=mark(ITEM_END))
    yield "stray item end before more", dicom(tail=mark(ITEM_END) + head(0x00100010, "PN", 2, b"ab"))
    yield "stray item end with a length", dicom(tail=mark(ITEM_END, 4, b"abcd"))
    yield "stray sequence end", dicom(tail=mark(SEQUENCE_END))
    yield "unknown delimiter", dicom(tail=mark(0xFFFE1234))
    yield "odd length", dicom(tail=head(0x00091001, "LO", 3, b"abc"))
    yield "longest short length", dicom(tail=head(0x00091001, "LO", 65535, b"a" * 65535))
    yield "too long by one", dicom(tail=head(0x00091001, "LO", 5, b"abcd"))
    yield "too long by much", dicom(tail=head(0x00091001, "UT", 0xFFFFFFFE, b"abcd"))
    yield "out of order", dicom(tail=element + head(0x00080005, "CS", 0) + element)
    yield "two of one tag", dicom(tail=head(0x00080018, "UI", 4, b"9.9\0"))
    yield "command group", dicom(tail=head(0x00000002, "UI", 4, b"9.9\0"))
    yield "meta group", dicom(tail=head(0x00020010, "UI", 4, b"9.9\0"))
    yield "group length", dicom(tail=head(0x00400000, "UL", 4, b"\xff\xff\0\0"))
    yield "binary of the wrong length", dicom(tail=head(0x00280010, "US", 3, b"abc"))


def _sequences() -> Iterator[tuple[str, bytes]]:
    x = head(0x00081150, "UI", 4, b"1.2\0")
    item, n = mark(ITEM, len(x), x), len(x)
    open_item = mark(ITEM, UNDEFINED, x)
    implicit_item = mark(ITEM, UNDEFINED, mark(0x00081150, 4, b"1.2\0")) + mark(ITEM_END)
    defined = {
        "sound": item,
        "empty": b"",
        "open item": open_item + mark(ITEM_END),
        "delimiter in an item": mark(ITEM, n + 8, x + mark(ITEM_END)),
        "delimiter behind an item": item + mark(ITEM_END),
        "delimiter of its own": item + mark(SEQUENCE_END),
        "junk": b"abcdefgh",
        "four bytes": b"abcd",
        "no item": x,
        "item too short": mark(ITEM, n - 2, x),
        "element too long": mark(ITEM, 8, head(0x00081150, "UI", 10)),
        "two bytes too many": item + b"ab",
        "eight bytes too many": item + bytes(8),
    }
    for name, value in defined.items():
        yield name, dicom(tail=head(SEQUENCE, "SQ", len(value), value))
    yield "two bytes too few", dicom(tail=head(SEQUENCE, "SQ", n + 6, item))
    yield "item too long", dicom(tail=head(SEQUENCE, "SQ", n + 8, mark(ITEM, n + 2, x)) + b"ab")
    undefined = {
        "sound": item + mark(SEQUENCE_END),
        "empty": mark(SEQUENCE_END),
        "no end": item,
        "open item, no end": open_item,
        "open item, end of the sequence": open_item + mark(SEQUENCE_END),
        "no item": x + mark(SEQUENCE_END),
        "end of an item": mark(ITEM_END) + mark(SEQUENCE_END),
        "end with a length": item + mark(SEQUENCE_END, 4),
        "end with a value": item + mark(SEQUENCE_END, 4, b"abcd"),
        "element beyond the end": mark(ITEM, UNDEFINED, head(0x00081150, "UI", 10)),
    }
    for name, value in undefined.items():
        yield f"undefined, {name}", dicom(tail=head(SEQUENCE, "SQ", UNDEFINED, value))
    for vr, value in product(
        ("UN", "UT", "OB", "OW", "XX"),
        (item + mark(SEQUENCE_END), implicit_item + mark(SEQUENCE_END), b"abcdefgh" + mark(SEQUENCE_END)),
    ):
        name = f"{vr} of undefined length, {value[8:16].hex()}"
        yield name, dicom(tail=head(0x00091001, vr, UNDEFINED, value, long=True))
    for depth, undefined_length in product((2, 10, 40), (True, False)):
        name = f"{depth} deep, undefined {undefined_length}"
        yield name, dicom(tail=nested(depth, undefined=undefined_length))
    icon = head(PIXELS, "OB", UNDEFINED, fragments(b"abcd"))
    for name, end in {"sound": mark(SEQUENCE_END), "no end": b""}.items():
        value = mark(ITEM, UNDEFINED, icon + end + mark(ITEM_END)) + mark(SEQUENCE_END)
        yield f"icon, {name}", dicom(tail=head(0x00880200, "SQ", UNDEFINED, value))
    request = [text(0x00400009, "SH", "a"), text(0x00400007, "LO", "x" * 300)]
    inner = Element(0x00081140, "SQ", [[text(0x00081150, "UI", "1.2")]])
    others = [Element(0x00420011, "OB", b"ab"), inner, numbers(0x00280010, "US", [3])]
    yield "main tag", dicom(Element(0x00400275, "SQ", [request, [], others]))
    yield "main tag, empty", dicom(Element(0x00400275, "SQ", []))


def _implicit() -> Iterator[tuple[str, bytes]]:
    x = mark(0x00081150, 4, b"1.2\0")
    items = mark(ITEM, UNDEFINED, x) + mark(ITEM_END) + mark(SEQUENCE_END)
    for name, tail in {
        "sequence": mark(0x00081140, 8 + len(x), mark(ITEM, len(x), x)),
        "sequence of junk": mark(0x00081140, 4, b"abcd"),
        "undefined length of a text": mark(0x00081030, UNDEFINED, items),
        "undefined length of bytes": mark(0x00420011, UNDEFINED, items),
        "undefined length of a private element": mark(0x00091030, UNDEFINED, items),
        "undefined length of an unknown element": mark(0x00187777, UNDEFINED, items),
        "undefined length of a group length": mark(0x00400000, UNDEFINED, items),
        "undefined length of a private creator": mark(0x00090010, UNDEFINED, items),
        "pixel data": mark(PIXELS, 4, b"abcd"),
        "encapsulated pixel data": mark(PIXELS, UNDEFINED, fragments(b"abcd") + mark(SEQUENCE_END)),
    }.items():
        yield name, dicom(syntax=IMPLICIT, tail=tail)


def _pixels() -> Iterator[tuple[str, bytes]]:
    end, padding = mark(SEQUENCE_END), head(0xFFFCFFFC, "OB", 2, b"ab")
    values = {
        "native": head(PIXELS, "OW", 4, b"abcd"),
        "native, cut off": head(PIXELS, "OW", 6, b"abcd"),
        "native, padding behind": head(PIXELS, "OW", 4, b"abcd") + padding,
        "native, three bytes behind": head(PIXELS, "OW", 4, b"abcd") + b"abc",
        "native, eight zeros behind": head(PIXELS, "OW", 4, b"abcd") + bytes(8),
        "native, delimiter behind": head(PIXELS, "OW", 4, b"abcd") + end,
        "native, twice": head(PIXELS, "OW", 4, b"abcd") * 2,
        "native, twice, cut off": head(PIXELS, "OW", 4, b"abcd") + head(PIXELS, "OW", 6, b"abcd"),
        "native, empty": head(PIXELS, "OW", 0),
        "native US": head(PIXELS, "US", 4, b"abcd"),
        "native UN": head(PIXELS, "UN", 4, b"abcd"),
        "encapsulated": head(PIXELS, "OB", UNDEFINED, fragments(b"abcd") + end),
        "encapsulated OW": head(PIXELS, "OW", UNDEFINED, fragments(b"abcd") + end),
        "encapsulated UN": head(PIXELS, "UN", UNDEFINED, fragments(b"abcd") + end),
        "encapsulated, no end": head(PIXELS, "OB", UNDEFINED, fragments(b"abcd")),
        "encapsulated, end cut off": head(PIXELS, "OB", UNDEFINED, fragments(b"abcd") + end[:6]),
        "encapsulated, fragment cut off": head(PIXELS, "OB", UNDEFINED, fragments(b"abcd")[:-2]),
        "encapsulated, odd fragment": head(PIXELS, "OB", UNDEFINED, fragments(b"abc") + end),
        "encapsulated, no fragment": head(PIXELS, "OB", UNDEFINED, end),
        "encapsulated, junk": head(PIXELS, "OB", UNDEFINED, b"abcdefgh" + end),
        "encapsulated, element amid": head(
            PIXELS, "OB", UNDEFINED, fragments(b"abcd") + mark(0x00081150, 4, b"abcd") + end
        ),
        "encapsulated, open fragment": head(PIXELS, "OB", UNDEFINED, mark(ITEM, UNDEFINED) + end),
        "encapsulated, padding behind": head(PIXELS, "OB", UNDEFINED, fragments(b"abcd") + end) + padding,
        "encapsulated, junk behind": head(PIXELS, "OB", UNDEFINED, fragments(b"abcd") + end) + b"abc",
        "floats": head(0x7FE00008, "OF", 4, b"abcd"),
        "doubles": head(0x7FE00009, "OD", 8, b"abcdefgh"),
        "floats, encapsulated": head(0x7FE00008, "OF", UNDEFINED, fragments(b"abcd") + end),
    }
    for (name, tail), (kind, syntax) in product(values.items(), {"explicit": LITTLE, "RLE": RLE}.items()):
        yield f"{kind}, {name}", dicom(syntax=syntax, tail=tail)
    for vr, bits in product(("OB", "OW"), (0, 8, 9, 16, 32)):
        allocated = numbers(0x00280100, "US", [bits])
        yield f"{vr} of {bits} bits", dicom(allocated, Element(PIXELS, vr, b"abcd"))
    for vr in ("OB", "OW"):
        yield f"{vr} of no bits", dicom(Element(0x00280100, "US", b""), Element(PIXELS, vr, b"abcd"))


def _prefixes() -> Iterator[tuple[str, bytes]]:
    """One file, cut off at each byte."""
    sequence = Element(SEQUENCE, "SQ", [[text(0x00081150, "UI", "1.2")]], undefined_length=True)
    whole = dicom(sequence, Element(PIXELS, "OW", b"abcd"))
    yield from ((f"at {length}", whole[:length]) for length in range(130, len(whole) + 1))
