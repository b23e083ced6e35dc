"""Items of the index table to and from the data classes of the domain.

What conditions and updates touch stands in attributes of its own; the rest is one JSON text in `d`, which
costs a tenth of the CPU that DynamoDB's nested types do. An instance's is compressed: there are many of them, and each
KB of one is paid for with each upload.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from chalicelib.domain.levels import Level
from chalicelib.domain.resources import Child, Instance, Resource, StoredFile
from chalicelib.storage.dynamodb.annotation_items import from_annotations, to_annotations
from chalicelib.storage.dynamodb.keys import EDGE, Keys, digest
from chalicelib.storage.dynamodb.table import Item


def text(value: str) -> dict[str, str]:
    """A marshalled string."""
    return {"S": value}


def number(value: float) -> dict[str, str]:
    """A marshalled number."""
    return {"N": repr(value)}


def document(value: Any) -> dict[str, str]:
    """A marshalled string that holds compact JSON."""
    return {"S": json.dumps(value, separators=(",", ":"), ensure_ascii=False)}


def packed(value: Any) -> Item:
    """Marshalled bytes that hold compact JSON in zlib's format."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    # Tables as small as the text take a seventh of the time that the default does, for as short a result.
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 10, 4)
    return {"B": squeeze.compress(text) + squeeze.flush()}


def unpacked(attribute: Item) -> Any:
    """The value of what `packed` has made, or `document`, as older versions did of everything."""
    return json.loads(zlib.decompress(attribute["B"]) if "B" in attribute else attribute["S"])


def from_resource(keys: Keys, resource: Resource) -> Item:
    """The row of a patient, study or series."""
    body = {
        "t": resource.tags,
        "p": resource.patient_tags,
        "m": resource.metadata,
        "x": resource.expected_instances,
    }
    item = {
        **keys.resource(resource.id),
        "lv": number(int(resource.level)),
        "inc": text(resource.incarnation),
        "par": text(resource.parent_id),
        "pinc": text(resource.parent_incarnation),
        "d": document(body),
        "st": {"BOOL": resource.is_stable},
        "lu": number(resource.last_update),
        "seq": {"NS": [str(n) for n in resource.change_numbers]},
    }
    if resource.due is not None:
        item["due"] = number(resource.due)
    return item | from_annotations(resource.annotations)


def to_resource(item: Item) -> Resource:
    """The patient, study or series of a row."""
    body = json.loads(item["d"]["S"])
    return Resource(
        level=Level(int(item["lv"]["N"])),
        id=item["pk"]["S"].rsplit("#", 1)[1],
        incarnation=item["inc"]["S"],
        parent_id=item["par"]["S"],
        parent_incarnation=item["pinc"]["S"],
        tags=body["t"],
        patient_tags=body["p"],
        metadata=body["m"],
        expected_instances=body["x"],
        is_stable=item["st"]["BOOL"],
        completed_by=int(item["done"]["N"]) if "done" in item else 0,
        last_update=float(item["lu"]["N"]),
        due=int(item["due"]["N"]) if "due" in item else None,
        change_numbers=tuple(int(n) for n in item["seq"]["NS"]),
        annotations=to_annotations(item),
    )


def from_instance(keys: Keys, instance: Instance) -> Item:
    """The row of an instance."""
    file = instance.file
    body = {
        "t": instance.tags,
        "m": instance.metadata,
        "a": [instance.patient_id, instance.study_id, instance.series_id],
        "u": instance.sop_instance_uid,
        "x": instance.index_in_series,
        "at": instance.stored_at,
        "f": [
            file.uuid,
            file.size,
            file.md5,
            file.header_length,
            file.pixel_data_offset,
            file.first_frame_end,
        ],
    }
    return {
        **keys.instance(instance.id),
        "pinc": text(instance.series_incarnation),
        "f": text(file.key),
        "seq": number(instance.change_number),
        "d": packed(body),
        **from_annotations(instance.annotations),
    }


def to_instance(item: Item) -> Instance:
    """The instance of a row."""
    body = unpacked(item["d"])
    patient_id, study_id, series_id = body["a"]
    return Instance(
        id=item["sk"]["S"],
        series_id=series_id,
        study_id=study_id,
        patient_id=patient_id,
        series_incarnation=item["pinc"]["S"],
        tags=body["t"],
        metadata=body["m"],
        file=StoredFile(item["f"]["S"], *body["f"]),
        sop_instance_uid=body["u"],
        index_in_series=body["x"],
        change_number=int(item["seq"]["N"]),
        stored_at=body["at"],
        annotations=to_annotations(item),
    )


def edge_of(instance: Instance) -> Child:
    """The edge to an instance: all that a delete needs to know of it."""
    return Child(
        id=instance.id,
        parent_incarnation=instance.series_incarnation,
        file_key=instance.file.key,
        size=instance.file.size,
        index_in_series=instance.index_in_series,
        change_number=instance.change_number,
        stored_at=instance.stored_at,
        lookup=digest(instance.sop_instance_uid),
        annotations=instance.annotations,
    )


def from_edge(keys: Keys, series_id: str, edge: Child) -> Item:
    """The item of an edge from a series to an instance: few attributes, since a series is read with all its edges."""
    body = [edge.size, edge.change_number, edge.stored_at, edge.lookup, edge.index_in_series]
    return {
        **keys.edge(series_id, edge.parent_incarnation, edge.id),
        "f": text(edge.file_key),
        "d": document(body),
        **from_annotations(edge.annotations),
    }


def to_child(item: Item) -> Child:
    """The child that an edge leads to."""
    _, incarnation, child = item["sk"]["S"].split("#", 2)
    if "f" not in item:
        return Child(child, incarnation, incarnation=item["cinc"]["S"])
    size, change_number, stored_at, lookup, index_in_series = json.loads(item["d"]["S"])
    return Child(
        id=child,
        parent_incarnation=incarnation,
        file_key=item["f"]["S"],
        size=size,
        index_in_series=index_in_series,
        change_number=change_number,
        stored_at=stored_at,
        lookup=lookup,
        annotations=to_annotations(item),
    )


def is_edge(item: Item) -> bool:
    """Whether an item of a resource's partition is an edge."""
    return bool(item["sk"]["S"].startswith(EDGE))


def kind_of(item: Item) -> str:
    """The pattern of an item's key: what stands behind the tenant in its partition."""
    return str(item["pk"]["S"].split("#", 2)[1])
