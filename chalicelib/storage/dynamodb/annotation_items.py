"""Annotations to and from the two attributes that hold them on rows and edges: `an` (JSON) and `av` (version)."""

from __future__ import annotations

import json
from dataclasses import asdict

from chalicelib.domain.annotations import NONE, Annotations, Attachment, Value
from chalicelib.storage.dynamodb.table import Item


def to_annotations(item: Item) -> Annotations:
    """The annotations of a row or an edge."""
    if "an" not in item:
        return NONE
    body = json.loads(item["an"]["S"])
    return Annotations(
        version=int(item["av"]["N"]),
        labels=tuple(body["l"]),
        metadata={int(n): Value(*value) for n, value in body["m"].items()},
        attachments={int(n): Attachment(**fields) for n, fields in body["a"].items()},
        is_protected=body["p"],
        numbers=tuple(body["n"]),
        copy=body.get("c", ""),
    )


def from_annotations(annotations: Annotations) -> Item:
    """The attributes; none for a resource that nobody annotated."""
    if annotations.version == 0:
        return {}
    body = {
        "l": annotations.labels,
        "m": {number: [value.text, value.revision] for number, value in annotations.metadata.items()},
        "a": {number: asdict(attachment) for number, attachment in annotations.attachments.items()},
        "p": annotations.is_protected,
        "n": annotations.numbers,
        "c": annotations.copy,
    }
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    text = text.encode(errors="backslashreplace").decode()  # lone surrogates, as JSON escapes them
    return {"an": {"S": text}, "av": {"N": str(annotations.version)}}


def version_condition(annotations: Annotations) -> tuple[str, Item]:
    """The condition that a row still has these annotations, and its values."""
    if annotations.version == 0:
        return "attribute_not_exists(av)", {}
    return "av = :av", {":av": {"N": str(annotations.version)}}
