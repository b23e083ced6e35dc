"""The tags a client asks for beside the main ones (`requestedTags`): from the index, computed, or from a file.

As Orthanc 1.12.7 answers them: a main tag of the resource or of one above it that has no value is left out, and
so is a tag computed for another level; any other tag is null if the file does not have it as a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import cache
from typing import NamedTuple

from chalicelib.domain.errors import BadRequest, ParameterOutOfRange, UnknownDicomTag
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import MAIN_DICOM_TAGS
from chalicelib.domain.resources import Family, Instance
from chalicelib.services.browse import Browse, Node, level_of
from chalicelib.services.reading import Reading

COUNTS = {
    "NumberOfPatientRelatedStudies": Level.PATIENT,
    "NumberOfPatientRelatedSeries": Level.PATIENT,
    "NumberOfPatientRelatedInstances": Level.PATIENT,
    "NumberOfStudyRelatedSeries": Level.STUDY,
    "NumberOfStudyRelatedInstances": Level.STUDY,
    "NumberOfSeriesRelatedInstances": Level.SERIES,
}
COMPUTED = {
    **COUNTS,
    "ModalitiesInStudy": Level.STUDY,
    "SOPClassesInStudy": Level.STUDY,
    "InstanceAvailability": Level.INSTANCE,
}
"""The tags that no file has, and the level whose resources have them."""

FILE_META_GROUP = 0x0002


class RequestedTag(NamedTuple):
    """A tag and its name."""

    number: int
    name: str


RequestedValues = Mapping[RequestedTag, str | None]
Above = Callable[[Level, str], Node]


class RequestedTags:
    """Finds the values of requested tags."""

    def __init__(self, browse: Browse, reading: Reading, default_encoding: Callable[[], str]) -> None:
        self._browse = browse
        self._reading = reading
        self._default_encoding = default_encoding

    def parse(self, names: Iterable[str]) -> list[RequestedTag]:
        """The tags that names or numbers stand for.

        Raises
        ------
        BadRequest
            One of them stands for no tag.
        """
        from chalicelib.dicom.dictionary import STANDARD, parse_tag

        tags = []
        for name in names:
            try:
                number = parse_tag(name)
            except UnknownDicomTag:
                raise BadRequest(f"Invalid requested-tags argument: Unknown DICOM tag {name}") from None
            tags.append(RequestedTag(number, STANDARD.find(number, "").name))
        return tags

    def of(self, nodes: Sequence[Node], tags: Sequence[RequestedTag]) -> list[RequestedValues]:
        """The values that each of some resources has, null where neither index nor file has one.

        Raises
        ------
        ParameterOutOfRange
            The SOP classes of a study are asked of an instance.
        """
        above = cache(self._browse.get)  # resources of one parent share its read
        return [self._of(node, tags, above) for node in nodes]

    def _of(self, node: Node, tags: Sequence[RequestedTag], above: Above) -> RequestedValues:
        level = level_of(node)
        if level is Level.INSTANCE and any(tag.name == "SOPClassesInStudy" for tag in tags):
            raise ParameterOutOfRange
        stored = _stored(node, {tag.number for tag in tags}, above)
        found: dict[RequestedTag, str | None] = {}
        to_read = []
        for tag in tags:
            if COMPUTED.get(tag.name) is level:
                found[tag] = self._compute(node, tag.name)
            elif tag.name in stored:
                found[tag] = stored[tag.name]
            elif tag.name not in COMPUTED and not _is_indexed(tag, level):
                to_read.append(tag)
        if to_read:
            found |= self._from_file(node, level, to_read)
            found |= {tag: None for tag in tags if COUNTS.get(tag.name, level) is not level}
        return found

    def _from_file(self, node: Node, level: Level, tags: Sequence[RequestedTag]) -> RequestedValues:
        from chalicelib.dicom.maintags import MainValues

        if isinstance(node, Instance):
            instance: Instance | None = node
        else:
            instance = self._browse.some_instance(level, node.resource.id)
        if instance is None:
            return {}
        values = MainValues(self._reading.header_of(instance), self._default_encoding())
        return {tag: values.get(tag.number) for tag in tags}

    def _compute(self, node: Node, name: str) -> str:
        if isinstance(node, Instance):
            return "ONLINE"
        level, identifier = node.resource.level, node.resource.id
        if name == "ModalitiesInStudy":
            return "\\".join(sorted({f.resource.tags.get("Modality", "") for f in self._series(node)} - {""}))
        if name == "SOPClassesInStudy":
            return "\\".join(sorted(self._sop_classes(node)))
        usage = self._browse.usage(level, identifier)
        if name.endswith("Studies"):
            return str(usage.studies)
        return str(usage.series if name.endswith("Series") else usage.instances)

    def _series(self, study: Family) -> list[Family]:
        nodes = self._browse.get_many(Level.SERIES, [child.id for child in study.children])
        return [node for node in nodes if isinstance(node, Family)]

    def _sop_classes(self, study: Family) -> set[str]:
        """One instance of each series tells its SOP class."""
        first = [series.children[0].id for series in self._series(study) if series.children]
        instances = self._browse.get_many(Level.INSTANCE, first)
        return {i.metadata.get("SopClassUid", "") for i in instances if isinstance(i, Instance)} - {""}


def _is_indexed(tag: RequestedTag, level: Level) -> bool:
    """Whether the index would have the tag; of the file meta information Orthanc gives nothing either."""
    above = any(tag.number in MAIN_DICOM_TAGS[lv] for lv in Level if lv <= level)
    return above or tag.number >> 16 == FILE_META_GROUP


def _stored(node: Node, numbers: Set[int], above: Above) -> dict[str, str]:
    """The main tags of a resource and, as far as they are wanted, of those above it."""
    if isinstance(node, Instance):
        own, parent = node.tags, (Level.SERIES, node.series_id)
    elif node.resource.level is Level.SERIES:
        own, parent = node.resource.tags, (Level.STUDY, node.resource.parent_id)
    else:
        return {**node.resource.patient_tags, **node.resource.tags}
    if not any(numbers & MAIN_DICOM_TAGS[lv].keys() for lv in Level if lv <= parent[0]):
        return own
    return {**_stored(above(*parent), numbers, above), **own}
