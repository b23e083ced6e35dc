"""Malformed and absurd input: always a refusal, never another exception, never more memory than the frame justifies."""

import tracemalloc
from io import BytesIO
from random import Random

import pytest
from pydicom import Dataset, dcmread

from chalicelib.dicom import rendering
from chalicelib.domain.errors import NacreError, NotAcceptable, UnsupportedMediaType
from tests.unit.dicom_rendering import files
from tests.unit.dicom_rendering.files import BITS, BYTES, COLOUR, LITTLE, NOISE, RLE

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

KEYWORDS = (*files.PLAIN, "PlanarConfiguration", "NumberOfFrames", *files.palette())
VRS = ("US", "SS", "IS", "DS", "LO", "CS", "OW", "UN", "SQ", "FD", "AT", "UL", "SV")
SYNTAXES = (files.IMPLICIT, LITTLE, files.BIG, files.DEFLATED, RLE, "1.2.840.10008.1.2.4.90", "", "x")


def ends(dataset: Dataset, syntax: str, value: bytes, media_type: str = "image/png") -> set[str]:
    """How the calls end: in an image, a length, or one of our errors."""
    found = set()
    for call in (
        lambda: rendering.render(dataset, syntax, value, media_type),
        lambda: rendering.render(dataset, syntax, rendering.extract_first_frame(value), media_type),
        lambda: rendering.frame_length_bytes(dataset),
    ):
        try:
            answer = call()
            found.add("image" if isinstance(answer, bytes) else "length")
        except NacreError as error:
            found.add(type(error).__name__)
    return found


def fuzz_values(random: Random) -> set[str]:
    """Sound headers with a few elements of any type and value."""
    elements = random.choice([{}, BYTES, BITS, COLOUR, files.COLOUR_16, files.palette()])
    dataset = files.header(**elements)
    for _ in range(random.randrange(4)):
        odd = [
            0,
            1,
            2,
            8,
            255,
            65535,
            1 << 40,
            -1,
            "",
            "7",
            "1A",
            b"",
            b"\1",
            1.5,
            float("inf"),
            None,
            [1, 2],
            [],
            [],
        ]
        element, value = random.choice(KEYWORDS), random.choice(odd)
        try:
            dataset.add_new(element, random.choice(VRS), value)
        except (TypeError, ValueError, OverflowError):
            continue
    value = random.choice([files.items(files.rle_frame(files.pack(NOISE[:24]))), NOISE])
    media_type = random.choice(rendering.MEDIA_TYPES)
    return ends(
        dataset, random.choice(SYNTAXES), value[: random.choice([0, 7, 48, 72, 80, 4000])], media_type
    )


HEADERS = [
    files.file(b"", **elements) for elements in ({}, BYTES, COLOUR, files.palette(), {"NumberOfFrames": "2"})
]


def fuzz_header_bytes(random: Random) -> set[str]:
    """Headers with a few bytes changed, as pydicom still reads them."""
    header = bytearray(random.choice(HEADERS))
    for _ in range(random.randrange(1, 6)):
        header[random.randrange(300, len(header))] = random.choice([0, 1, 8, 16, 48, 92, 127, 255])
    try:
        dataset = dcmread(BytesIO(header), stop_before_pixels=True)
    except Exception:
        return set()
    return ends(dataset, LITTLE, NOISE[:2000])


def fuzz_rle(random: Random) -> set[str]:
    """RLE frames with a few bytes changed, dropped or added."""
    frame = bytearray(files.items(files.rle_frame(files.pack(b"\5\5\5\7" * 6), files.pack(NOISE[:24]))))
    for _ in range(random.randrange(1, 8)):
        position = random.randrange(len(frame))
        frame[position : position + random.randrange(2)] = random.randbytes(random.randrange(3))
    return ends(files.header(), RLE, bytes(frame))


@pytest.mark.parametrize("fuzz", [fuzz_values, fuzz_header_bytes, fuzz_rle])
def test_ends_in_an_image_or_in_one_of_our_errors(fuzz):
    random = Random(2)
    assert set().union(*(fuzz(random) for _ in range(200))) == {"image", "length", "UnsupportedMediaType"}


@pytest.mark.parametrize(
    ("syntax", "value"),
    [
        (LITTLE, NOISE[:1000]),
        (files.BIG, NOISE[:1000]),
        (RLE, files.rle_frame(b"\x81\5" * 100)),
        (RLE, files.rle_frame(b"\x81\5" * 100, b"\x81\5" * 100)),
        (RLE, files.rle_frame(b"\5")),
    ],
)
@pytest.mark.parametrize("size", [(65535, 65535), (1, 1_000_000), (2000, 2000)])
@pytest.mark.parametrize("depth", [{}, BYTES, BITS, COLOUR])
def test_absurd_sizes_allocate_nothing(syntax, value, size, depth):
    dataset = files.header(**{**depth, "Rows": 1, "Columns": 1})
    dataset.Rows, dataset.Columns = size[0], 0
    dataset.add_new("Columns", "UL", size[1])
    rendering.frame_length_bytes(dataset)
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedMediaType):
            rendering.render(dataset, syntax, value)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_rle_does_not_expand_beyond_the_most_pixels():
    frame = files.rle_frame(b"\x81\5" * 600_000)
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedMediaType):
            rendering.render(files.header(**{**BYTES, "Rows": 8193, "Columns": 8192}), RLE, frame)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_rle_stops_unpacking_at_the_size_of_the_image():
    frame = files.rle_frame(b"\x81\5" * 600_000)
    tracemalloc.start()
    try:
        assert rendering.render(files.header(**BYTES), RLE, frame)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(frame)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("media_type", ["image/webp", "image/*", "", "text/html"])
def test_other_media_types_are_not_acceptable(media_type):
    with pytest.raises(NotAcceptable):
        rendering.render(files.header(), LITTLE, NOISE[:48], media_type)
