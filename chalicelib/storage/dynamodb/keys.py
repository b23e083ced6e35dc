r"""Every key pattern of the index, side by side (docs/decisions/keys.md gives the writes a second of each).

========================= ============================ =====================================================
pk (after ``{tenant}#``)  sk                           item
========================= ============================ =====================================================
``r#{id}``                ``!``                        a patient, study or series
``r#{id}``                ``c#{incarnation}#{child}``  the edge to one of its children
``i#{h}``                 ``{id}``                     an instance; `h` is the identifier's first hex digit
``l#{level}#{h}``         ``{id}``                     the listing of a level above instances
``u#{sha1 of the UID}``   ``{level}#{id}``             the look-up of a Study, Series or SOP Instance UID
``x#{keyword}``           ``{VALUE}\0{id}``             the look-up of a patient's or study's texts
``label#{label}``         ``{level}#{id}``             a resource that has a label
``labels``                ``{label}``                  a label that was ever used
``due#{h}``               ``{seconds}#{3-level}#{id}`` when a resource's stability is to be judged
``due``                   as above                     the same of older versions: read and removed, never written
``delete``                ``{id}#{incarnation}``       a delete that has begun and is not finished
``stats``                 ``!``                        counts up to a number of the changes log
``page#{level}``          ``{offset}``                 where a listing's page began, remembered for a minute
``inbox#{sha1 of key}``   ``!``                        what became of an object put into the inbox
``orphans``               ``!``                        which files are to be checked next
``rebuild``               ``!``                        how far a rebuild has come
``rebuild``               ``copy#{id}#{key}``          annotations of a resource that a rebuild is to bring back
``job#{id}``              ``!``                        a job
``jobs``                  ``{milliseconds}#{id}``      the listing of jobs
``jobs-open``             ``{id}``                     a job that is not finished
``registry#{kind}``       ``{name}``                   a remote modality, or a peer
========================= ============================ =====================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.levels import Level

SHARDS = "0123456789abcdef"
ROW = "!"
COPY = "copy#"
EDGE = "c#"

MAXIMUM_TEXT_BYTES = 900
"""Of the 1,024 that DynamoDB lets a sort key have."""

Key = dict[str, dict[str, str]]
"""A DynamoDB key, marshalled: ``{"pk": {"S": ...}, "sk": {"S": ...}}``."""


def key(pk: str, sk: str) -> Key:
    """The marshalled key of an item of the index table."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def key_of(item: Mapping[str, Any]) -> Key:
    """The key of an item."""
    return {"pk": item["pk"], "sk": item["sk"]}


def place_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """The key of an item, to be looked up by."""
    return item["pk"]["S"], item["sk"]["S"]


def digest(value: str) -> str:
    """SHA-1 in hex: spreads look-ups evenly and bounds the key whatever the value (not for secrecy)."""
    return hashlib.sha1(value.encode(), usedforsecurity=False).hexdigest()


def cut(value: str) -> str:
    """The beginning of a text that a sort key has room for, beside an identifier."""
    return value.encode()[:MAXIMUM_TEXT_BYTES].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Keys:
    """Makes the keys of one tenant."""

    tenant: str

    def partition(self, *parts: str) -> str:
        """A partition key of this tenant."""
        return "#".join((self.tenant, *parts))

    def resource_partition(self, identifier: str) -> str:
        """The partition that holds a resource's row and its edges."""
        return self.partition("r", identifier)

    def resource(self, identifier: str) -> Key:
        """The row of a patient, study or series."""
        return key(self.resource_partition(identifier), ROW)

    def edge(self, parent: str, incarnation: str, child: str) -> Key:
        """The edge from a parent's incarnation to a child."""
        return key(self.resource_partition(parent), f"{EDGE}{incarnation}#{child}")

    def instance(self, identifier: str) -> Key:
        """The row of an instance, which is its entry in the listing as well."""
        return key(self.listing_partition(Level.INSTANCE, identifier[:1]), identifier)

    def row(self, level: Level, identifier: str) -> Key:
        """The row of a resource of any level."""
        return self.instance(identifier) if level is Level.INSTANCE else self.resource(identifier)

    def listing_partition(self, level: Level, shard: str) -> str:
        """The partition of one shard of a level's listing."""
        if level is Level.INSTANCE:
            return self.partition("i", shard)
        return self.partition("l", str(int(level)), shard)

    def listing(self, level: Level, identifier: str) -> Key:
        """The listing entry of a patient, study or series."""
        return key(self.listing_partition(level, identifier[:1]), identifier)

    def uid(self, uid_digest: str, level: Level, identifier: str) -> Key:
        """The look-up entry of a UID, given its `digest`."""
        return key(self.partition("u", uid_digest), f"{int(level)}#{identifier}")

    def text(self, keyword: str, value: str, identifier: str) -> Key:
        """The look-up entry of a text tag; `value` is normalised."""
        return key(self.partition("x", keyword), f"{cut(value)}\0{identifier}")

    def label(self, label: str, level: Level, identifier: str) -> Key:
        """The look-up entry of a label on a resource."""
        return key(self.label_partition(label), f"{int(level)}#{identifier}")

    def label_partition(self, label: str) -> str:
        """The partition of the resources that have a label."""
        return self.partition("label", label)

    def known_label(self, label: str) -> Key:
        """The entry of a label among all that were ever used."""
        return key(self.partition("labels"), label)

    def due(self, second: int, level: Level, identifier: str) -> Key:
        """The reminder to judge a resource's stability at `second` (since the epoch): children before parents."""
        pk = self.partition("due", identifier[:1])
        return key(pk, f"{second:012d}#{Level.INSTANCE - level}#{identifier}")

    def due_partitions(self) -> list[str]:
        """The partitions of all reminders, the one of older versions too."""
        return [self.partition("due"), *(self.partition("due", shard) for shard in SHARDS)]

    def deletion(self, identifier: str, incarnation: str) -> Key:
        """The record of an unfinished delete."""
        return key(self.partition("delete"), f"{identifier}#{incarnation}")

    def statistics(self) -> Key:
        """The counts, valid up to the number they carry."""
        return key(self.partition("stats"), ROW)

    def page(self, level: Level, offset: int) -> Key:
        """The remembered position of a listing's page."""
        return key(self.partition("page", str(int(level))), f"{offset:012d}")

    def inbox(self, object_key: str) -> Key:
        """The result of an object that was put into the inbox."""
        return key(self.partition("inbox", digest(object_key)), ROW)

    def orphans(self) -> Key:
        """How far the check for files without an index entry has come."""
        return key(self.partition("orphans"), ROW)

    def rebuild(self) -> Key:
        """How far a rebuild of the index has come."""
        return key(self.partition("rebuild"), ROW)

    def rebuild_copy(self, identifier: str, object_key: str) -> Key:
        """A copy of annotations that a rebuild is to bring back when all files have their entries."""
        return key(self.partition("rebuild"), f"{COPY}{identifier}#{object_key}")

    def registry_partition(self, kind: str) -> str:
        """The partition of what users configured of one kind."""
        return self.partition("registry", kind)

    def registered(self, kind: str, name: str) -> Key:
        """Something that a user configured."""
        return key(self.registry_partition(kind), name)

    def job(self, job_id: str) -> Key:
        """A job."""
        return key(self.partition("job", job_id), ROW)

    def jobs_partition(self) -> str:
        """The partition that lists jobs."""
        return self.partition("jobs")

    def listed_job(self, created_at: float, job_id: str) -> Key:
        """A job in the list of all."""
        return key(self.jobs_partition(), f"{int(created_at * 1000):015d}#{job_id}")

    def open_jobs_partition(self) -> str:
        """The partition of the jobs that are not finished."""
        return self.partition("jobs-open")

    def open_job(self, job_id: str) -> Key:
        """A job among those that are not finished."""
        return key(self.open_jobs_partition(), job_id)
