"""The JSON of resources, changes and statistics, field by field as Orthanc 1.12.7 gives it."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from chalicelib.domain.changes import ChangesPage
from chalicelib.domain.clock import orthanc_time
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import SEQUENCES, hexadecimal
from chalicelib.domain.outcomes import Stored
from chalicelib.domain.resources import Family, Instance
from chalicelib.domain.tag_format import TagFormat
from chalicelib.services.annotation_names import Names
from chalicelib.services.browse import Node, Usage
from chalicelib.services.ledger import Tally
from chalicelib.services.metadata import last_update, metadata_of_node
from chalicelib.services.requested_tags import RequestedValues
from chalicelib.services.series_status import series_status

if TYPE_CHECKING:
    from chalicelib.dicom.slices import OrderedSlices

MEGABYTE = 1024 * 1024


def resource(
    node: Node, requested: RequestedValues | None, form: TagFormat = TagFormat.HUMAN
) -> dict[str, Any]:
    """A resource as `/patients/{id}`, `/studies/{id}`, `/series/{id}` and `/instances/{id}` show it."""
    answer = _instance(node, form) if isinstance(node, Instance) else _family(node, form)
    if requested is not None:
        answer["RequestedTags"] = requested_tags(requested, form)
    return answer


_PARTS = {
    "MainDicomTags": ("MainDicomTags", "PatientMainDicomTags"),
    "Children": ("Studies", "Series", "Instances"),
    "Parent": ("ParentPatient", "ParentStudy", "ParentSeries"),
    "Labels": ("Labels",),
    "Status": ("Status",),
    "IsStable": ("IsStable",),
    "RequestedTags": ("RequestedTags",),
}
"""What of a resource each value of `ResponseContent` stands for."""


def chosen(
    node: Node,
    requested: RequestedValues | None,
    form: TagFormat,
    contents: Collection[str],
    names: Names,
) -> dict[str, Any]:
    """The parts of a resource that `ResponseContent` names."""
    whole = resource(node, requested, form)
    answer = {"ID": whole["ID"], "Type": whole["Type"]}
    for content in contents:
        answer |= {name: whole[name] for name in _PARTS.get(content, ()) if name in whole}
    if "Metadata" in contents:
        answer["Metadata"] = metadata_of_node(node, names)
    if "Attachments" in contents:
        answer["Attachments"] = [_dicom_attachment(node)] if isinstance(node, Instance) else []
    return answer


def _dicom_attachment(instance: Instance) -> dict[str, Any]:
    file = instance.file
    return {
        "CompressedMD5": file.md5,
        "CompressedSize": file.size,
        "ContentType": 1,
        "UncompressedMD5": file.md5,
        "UncompressedSize": file.size,
        "Uuid": file.uuid,
    }


def _instance(instance: Instance, form: TagFormat) -> dict[str, Any]:
    return {
        "FileSize": instance.file.size,
        "FileUuid": instance.file.uuid,
        "ID": instance.id,
        "IndexInSeries": instance.index_in_series,
        "Labels": list(instance.annotations.labels),
        "MainDicomTags": tags(instance.tags, form),
        "ParentSeries": instance.series_id,
        "Type": "Instance",
        **_made_from(instance.metadata),
    }


def _family(family: Family, form: TagFormat) -> dict[str, Any]:
    row = family.resource
    child = Level(row.level + 1)
    answer: dict[str, Any] = {
        "ID": row.id,
        "IsStable": row.is_stable,
        "Labels": list(row.annotations.labels),
        "LastUpdate": orthanc_time(last_update(family)),
        "MainDicomTags": tags(row.tags, form),
        child.plural.capitalize(): [edge.id for edge in family.children],
        "Type": row.level.label,
        **_made_from(row.metadata),
    }
    if row.level is Level.STUDY:
        answer["ParentPatient"] = row.parent_id
        answer["PatientMainDicomTags"] = tags(row.patient_tags, form)
    if row.level is Level.SERIES:
        answer["ParentStudy"] = row.parent_id
        answer["ExpectedNumberOfInstances"] = row.expected_instances
        answer["Status"] = series_status(family)
    return answer


def _made_from(metadata: dict[str, str]) -> dict[str, str]:
    """What a resource was made from, if a modification made it."""
    return {"ModifiedFrom": metadata["ModifiedFrom"]} if "ModifiedFrom" in metadata else {}


def tags(values: dict[str, str], form: TagFormat) -> dict[str, Any]:
    """Main tags, in one of Orthanc's three formats."""
    if form is TagFormat.HUMAN:
        return {name: _value(name, value, form) for name, value in values.items()}
    from chalicelib.dicom.maintags import tag_of_keyword

    return _by_number({tag_of_keyword(name): (name, value) for name, value in values.items()}, form)


def requested_tags(values: RequestedValues, form: TagFormat) -> dict[str, Any]:
    """Requested tags, in one of Orthanc's three formats."""
    if form is TagFormat.HUMAN:
        return {tag.name: _value(tag.name, value, form) for tag, value in values.items()}
    return _by_number({hexadecimal(tag.number): (tag.name, value) for tag, value in values.items()}, form)


def _by_number(values: dict[str, tuple[str, str | None]], form: TagFormat) -> dict[str, Any]:
    shown = {number: (name, _value(name, value, form)) for number, (name, value) in values.items()}
    if form is TagFormat.SHORT:
        return {number: value for number, (_, value) in shown.items()}
    return {
        number: {"Name": name, "Type": _TYPES[type(value)], "Value": value}
        for number, (name, value) in shown.items()
    }


_TYPES = {type(None): "Null", str: "String", list: "Sequence"}


def _value(name: str, value: str | None, form: TagFormat) -> str | list[Any] | None:
    """The value of a tag; the items of a sequence in the same format as the tag itself."""
    if value is None or name not in SEQUENCES:
        return value
    from chalicelib.dicom.tags_json import in_format

    return [in_format(item, form) for item in json.loads(value)]


def stored(result: Stored) -> dict[str, Any]:
    """The answer to an upload."""
    patient, study, series, instance = result.identifiers
    return {
        "ID": instance,
        "ParentPatient": patient,
        "ParentSeries": series,
        "ParentStudy": study,
        "Path": f"/instances/{instance}",
        "Status": result.status,
    }


def ordered_slices(ordered: OrderedSlices) -> dict[str, Any]:
    """The slices of a series in their order."""
    return {
        "Dicom": [f"/instances/{one.identifier}/file" for one in ordered.slices],
        "Slices": [
            f"/instances/{one.identifier}/frames/{frame}"
            for one in ordered.slices
            for frame in range(one.frames)
        ],
        "SlicesShort": [[one.identifier, 0, one.frames] for one in ordered.slices],
        "Type": "Volume" if ordered.is_volume else "Sequence",
    }


def reference(level: Level, identifier: str) -> dict[str, Any]:
    """A pointer to a resource."""
    return {"ID": identifier, "Path": f"/{level.plural}/{identifier}", "Type": level.label}


def changes(page: ChangesPage) -> dict[str, Any]:
    """A page of `/changes`."""
    answer: dict[str, Any] = {
        "Changes": [
            {
                "ChangeType": change.type,
                "Date": orthanc_time(change.at),
                "ID": change.id,
                "Path": f"/{change.level.plural}/{change.id}",
                "ResourceType": change.level.label,
                "Seq": change.number,
            }
            for change in page.changes
        ],
        "Done": page.done,
        "Last": page.last,
    }
    if page.changes:
        answer["First"] = page.changes[0].number
    return answer


def statistics(tally: Tally) -> dict[str, Any]:
    """`/statistics`."""
    return {
        "CountInstances": tally.total(Level.INSTANCE),
        "CountPatients": tally.total(Level.PATIENT),
        "CountSeries": tally.total(Level.SERIES),
        "CountStudies": tally.total(Level.STUDY),
        **_sizes("TotalDiskSize", tally.size),
        **_sizes("TotalUncompressedSize", tally.size),
    }


def usage(level: Level, below: Usage) -> dict[str, Any]:
    """`/{level}/{id}/statistics`. Files are stored as they came, so both sizes are one."""
    names = ("DiskSize", "UncompressedSize", "DicomDiskSize", "DicomUncompressedSize")
    answer: dict[str, Any] = {}
    for name in names:
        answer |= _sizes(name, below.size)
    counts = {"CountStudies": below.studies, "CountSeries": below.series, "CountInstances": below.instances}
    for child, (name, count) in zip(list(Level)[1:], counts.items(), strict=True):
        if child > level:
            answer[name] = count
    return answer


def _sizes(name: str, size: int) -> dict[str, Any]:
    return {name: str(size), f"{name}MB": size // MEGABYTE}
