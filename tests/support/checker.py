"""Says what is wrong with a store: what the index, the log and the bucket must agree on, read item by item."""

from __future__ import annotations

from collections import Counter
from typing import Any

from chalicelib.domain.levels import Level
from chalicelib.storage.dynamodb.items import to_child, to_instance, to_resource


def problems(world: Any) -> list[str]:
    """Every disagreement found in a store at rest (empty: it is consistent)."""
    index = [item for page in _scan(world, world.resources.index) for item in page]
    rows = {
        i["pk"]["S"].split("#")[2]: to_resource(i)
        for i in index
        if i["sk"]["S"] == "!" and "#r#" in i["pk"]["S"]
    }
    instances = {i["sk"]["S"]: to_instance(i) for i in index if "#i#" in i["pk"]["S"]}
    edges = [(i["pk"]["S"].split("#")[2], to_child(i)) for i in index if i["sk"]["S"].startswith("c#")]
    found = _edges(rows, instances, edges)
    found += _rows(rows, instances, edges)
    found += _secondary(index, rows, instances)
    found += _labels(index, rows, instances)
    found += _files(world, rows, instances)
    found += [f"unfinished delete {i['sk']['S']}" for i in index if i["pk"]["S"].endswith("#delete")]
    found += _counts(world, rows, instances)
    return found + _log(world, rows, instances)


def _scan(world: Any, table: str) -> Any:
    for page in world.dynamodb.get_paginator("scan").paginate(TableName=table):
        yield page["Items"]


def _edges(rows: Any, instances: Any, edges: Any) -> list[str]:
    found = []
    for parent, child in edges:
        if parent not in rows or rows[parent].incarnation != child.parent_incarnation:
            found.append(f"edge of a dead parent {parent} -> {child.id}")
        elif child.file_key:
            if child.id not in instances or instances[child.id].file.key != child.file_key:
                found.append(f"edge to a missing instance {child.id}")
            elif child.annotations != instances[child.id].annotations:
                found.append(f"edge with other annotations than instance {child.id}")
        elif child.id not in rows or rows[child.id].incarnation != child.incarnation:
            found.append(f"edge to a missing resource {child.id}")
    return found


def _rows(rows: Any, instances: Any, edges: Any) -> list[str]:
    known = {(parent, child.id) for parent, child in edges}
    parents = {parent for parent, _ in edges}
    found = [f"no children below {id_}" for id_ in rows if id_ not in parents]
    for id_, row in rows.items():
        if row.level is not Level.PATIENT:
            parent = rows.get(row.parent_id)
            if parent is None or parent.incarnation != row.parent_incarnation:
                found.append(f"{row.level.label} {id_} without a living parent")
            if (row.parent_id, id_) not in known:
                found.append(f"no edge to {id_}")
    for id_, instance in instances.items():
        series = rows.get(instance.series_id)
        if series is None or series.incarnation != instance.series_incarnation:
            found.append(f"instance {id_} without a living series")
        if (instance.series_id, id_) not in known:
            found.append(f"no edge to instance {id_}")
    return found


def _secondary(index: Any, rows: Any, instances: Any) -> list[str]:
    found = []
    listed = set()
    looked_up = set()
    for item in index:
        kind = item["pk"]["S"].split("#")[1]
        if kind == "l":
            listed.add(item["sk"]["S"])
        elif kind in ("u", "x"):
            id_ = item["sk"]["S"].replace("\0", "#").rsplit("#", 1)[1]
            looked_up.add(id_)
            if id_ not in rows and id_ not in instances:
                found.append(f"look-up of a missing resource {id_}")
    found += [f"listing and rows differ at {id_}" for id_ in listed ^ set(rows)]
    missing = (
        (set(rows) | set(instances)) - looked_up - {i for i, r in rows.items() if r.level is Level.PATIENT}
    )
    return found + [f"no look-up of {id_}" for id_ in missing]


def _labels(index: Any, rows: Any, instances: Any) -> list[str]:
    looked_up = {
        (i["pk"]["S"].split("#")[2], i["sk"]["S"].split("#")[1]) for i in index if "#label#" in i["pk"]["S"]
    }
    wanted = {
        (label, row.id) for row in (*rows.values(), *instances.values()) for label in row.annotations.labels
    }
    return [f"look-up and label differ at {difference}" for difference in looked_up ^ wanted]


def _files(world: Any, rows: Any, instances: Any) -> list[str]:
    pages = world.s3.get_paginator("list_objects_v2").paginate(Bucket=world.resources.files)
    stored = {
        entry["Key"] for page in pages for entry in page.get("Contents", []) if "/files/" in entry["Key"]
    }
    wanted = {instance.file.key for instance in instances.values()}
    for row in (*rows.values(), *instances.values()):
        wanted.update(row.annotations.file_keys)
    return [f"file without an entry {key}" for key in stored - wanted] + [
        f"lost file {key}" for key in wanted - stored
    ]


def _counts(world: Any, rows: Any, instances: Any) -> list[str]:
    tally = world.services.tallies.current()
    real = Counter(row.level for row in rows.values())
    real[Level.INSTANCE] = len(instances)
    found = [
        f"counts {tally.total(lv)} of {lv.label}, is {real[lv]}"
        for lv in Level
        if tally.total(lv) != real[lv]
    ]
    size = sum(instance.file.size for instance in instances.values())
    return [*found, *([f"counts {tally.size} bytes, is {size}"] if size != tally.size else [])]


def _log(world: Any, rows: Any, instances: Any) -> list[str]:
    shown = {entry.number: entry for entry in world.services.log.walk(0) if entry.is_shown}
    floor = world.services.log.head().floor
    wanted = {n: id_ for id_, row in rows.items() for n in row.change_numbers}
    wanted |= {instance.change_number: id_ for id_, instance in instances.items()}
    for row in (*rows.values(), *instances.values()):
        wanted |= dict.fromkeys(row.annotations.numbers, row.id)
    found = [f"no change {n} of {id_}" for n, id_ in wanted.items() if n > floor and n not in shown]
    deleted = {entry.body["id"] for entry in shown.values() if entry.kind == "Deleted"}
    return found + [
        f"change {n} of nothing" for n, e in shown.items() if n not in wanted and e.body["id"] not in deleted
    ]
