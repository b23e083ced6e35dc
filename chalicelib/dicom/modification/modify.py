"""Do a modification: take a file apart, change its elements, put it together again in its transfer syntax."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.dicom.dictionary import STANDARD
from chalicelib.dicom.elements import creator_of_block, creator_tag, elements_of, is_in_private_block
from chalicelib.dicom.file_parts import FileParts, PixelElement, take_apart
from chalicelib.dicom.file_writer import put_together
from chalicelib.dicom.modification.character_sets import UTF_8, codec_for, codecs_of, convert_texts, terms_of
from chalicelib.dicom.modification.paths import TagPath, items_of
from chalicelib.dicom.modification.request import UIDS, Modification, check_removals
from chalicelib.dicom.modification.values import Encode, new_value
from chalicelib.dicom.raw_elements import put
from chalicelib.dicom.scanner import PIXEL_DATA
from chalicelib.dicom.text import SPECIFIC_CHARACTER_SET
from chalicelib.domain.errors import BadRequest

if TYPE_CHECKING:
    from pydicom import Dataset

_FILE_META_GROUP = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """Makes the UIDs of results.

    They follow from the seed and the old UIDs: what was one study stays one, and a repeated step gives the same.
    """

    seed: str

    def uid(self, tag: int, before: bytes) -> bytes:
        """The UID that takes the place of another (PS3.5 B.2: a UUID under 2.25)."""
        digest = hashlib.sha256(b"%s\0%08x\0%s" % (self.seed.encode(), tag, before)).digest()
        return b"2.25.%d" % int.from_bytes(digest[:16], "big")


def modify(file: bytes, modification: Modification, identity: Identity, default_encoding: str) -> bytes:
    """The modified file.

    Parameters
    ----------
    default_encoding
        Orthanc's name of the encoding of texts in a file without a character set.

    Raises
    ------
    BadFileFormat
        It is not a DICOM file, or a new value is none of its element.
    BadParameterType
        A new value is of the wrong type.
    BadRequest
        Identifiers are removed, or the texts cannot be written in the character set.
    """
    check_removals(modification)
    parts = take_apart(file)
    if parts.following.original_encoding == (None, None):
        parts.following.set_original_encoding(*parts.dataset.original_encoding)
    if modification.removes_private_tags:
        _remove_private_tags(parts.dataset, modification)
        _remove_private_tags(parts.following, modification)
    encode = _character_set(parts, modification, default_encoding)
    for path in modification.removed:
        _remove(parts, path)
    in_order = sorted(modification.replaced, key=lambda path: (path.tag, path.steps))
    for path in in_order:  # private creators come before what they reserve
        if path.tag >> 16 != _FILE_META_GROUP:
            _replace(parts, path, modification, encode)
    _renew_uids(parts, modification, identity)
    return put_together(parts, parts.transfer_syntax)


def _renew_uids(parts: FileParts, modification: Modification, identity: Identity) -> None:
    for level, tag in enumerate(UIDS, start=1):
        if level < modification.level or modification.is_kept(tag):
            continue
        if modification.replacement(tag) is None:
            put(parts.dataset, tag, "UI", identity.uid(tag, parts.bytes_of(tag)))


def _character_set(parts: FileParts, modification: Modification, default_encoding: str) -> Encode:
    """Give the file the character set that its texts will need; returns what encodes new ones."""
    before = terms_of(parts.dataset)
    wanted = modification.replacement(SPECIFIC_CHARACTER_SET)
    texts = list(_texts(modification.replaced))
    if wanted is not None:
        terms = [term.strip() for term in str(wanted).split("\\")]
        codec = codec_for(terms, texts) or _refuse()
        _convert(parts, codecs_of(before, default_encoding), codecs_of(terms, default_encoding)[0])
    elif TagPath((), SPECIFIC_CHARACTER_SET) in modification.removed:
        codec = codec_for([], texts) or _refuse()
        _convert(parts, codecs_of(before, default_encoding), "ascii")
    else:
        codec = codec_for(before, texts) or ""
        if not codec:
            codec = "utf-8"
            _convert(parts, codecs_of(before, default_encoding), codec)
            put(parts.dataset, SPECIFIC_CHARACTER_SET, "CS", UTF_8.encode())
    return lambda text: text.encode(codec)


def _refuse() -> str:
    raise BadRequest("The new values cannot be written in that character set")


def _convert(parts: FileParts, codecs: list[str], codec: str) -> None:
    convert_texts(parts.dataset, codecs, codec)
    convert_texts(parts.following, codecs, codec)


def _texts(value: Any) -> Iterator[str]:
    """All texts in new values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _remove(parts: FileParts, path: TagPath) -> None:
    if path.root == PIXEL_DATA and parts.pixels is not None:
        parts.pixels = None
        for tag in parts.following.keys():  # noqa: SIM118 - iterating a dataset converts its elements
            parts.dataset[tag] = parts.following.get_item(tag)
        return
    for whole in (parts.dataset, parts.following):
        for dataset in path.datasets(whole):
            if path.tag in dataset:
                del dataset[path.tag]


def _replace(parts: FileParts, path: TagPath, modification: Modification, encode: Encode) -> None:
    value = modification.replaced[path]
    is_behind = parts.pixels is not None and path.tag > parts.pixels.tag and not path.steps
    for dataset in path.datasets(parts.following if is_behind else parts.dataset):
        creator = _reserved(dataset, path.tag, modification.private_creator)
        vr, new = new_value(dataset, path.tag, creator, value, encode, modification.dictionary)
        if path.root == PIXEL_DATA and isinstance(new, bytes):
            _replace_pixels(parts, vr, new)
        else:
            put(dataset, path.tag, vr, new)


def _replace_pixels(parts: FileParts, vr: str, value: bytes) -> None:
    if parts.pixels is not None and parts.pixels.is_encapsulated:
        raise BadRequest("The pixel data of a compressed image cannot be replaced")
    parts.pixels = PixelElement(
        PIXEL_DATA, parts.pixels.vr if parts.pixels else vr, value, is_encapsulated=False
    )


def _reserved(dataset: Dataset, tag: int, private_creator: str) -> str:
    """The private creator of the block of a tag; a block that is nobody's is reserved for the one that was given."""
    if not is_in_private_block(tag):
        return ""
    there = creator_of_block(dataset, tag, STANDARD)
    if not there and private_creator:
        put(dataset, creator_tag(tag), "LO", private_creator.encode("ascii", "replace"))
    return there or private_creator


def _remove_private_tags(dataset: Dataset, modification: Modification) -> None:
    """Remove the private elements, also those in items, where Orthanc leaves them; those that are kept stay."""
    roots = {path.root for path in (*modification.kept, *modification.replaced) if path.root is not None}
    staying = roots | {creator_tag(tag) for tag in roots if is_in_private_block(tag)}
    _remove_private(dataset, staying)


def _remove_private(dataset: Dataset, staying: set[int]) -> None:
    for element in list(elements_of(dataset, STANDARD)):
        if element.tag & 0x10000:
            if element.tag not in staying:
                del dataset[element.tag]
        elif element.items is not None:
            for item in items_of(dataset, element.tag):
                _remove_private(item, set())
