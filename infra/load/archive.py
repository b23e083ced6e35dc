"""A large archive: what each key holds and what an operation walks, from a sample of the keys that it would have."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.domain.levels import Level
from chalicelib.services.ledger import BUCKETS, Tally, bucket_of
from chalicelib.storage.dynamodb.items import document
from chalicelib.storage.dynamodb.keys import SHARDS, Keys
from infra.costs import operations as op
from infra.load import limits
from infra.load.arrivals import identify

KEYS = Keys("default")
INSTANCE_ROW_BYTES = 764  # tests/infra/test_load.py compares it
LISTING_BYTES = 76
QUERY_MS = 15.0  # assumed: a query of 1 MB
PAGE = 100
SERIES_OF_STUDY, INSTANCES_OF_SERIES, STUDIES_OF_PATIENT = 4, 100, 2
SAMPLE = 100_000


@dataclass(frozen=True, slots=True)
class Spread:
    """How a level's keys lie in its listing's partitions, of a sample."""

    level: Level
    partitions: int
    fullest: float
    """The fullest partition's part of the level, times their number: 1 is even."""

    fullest_bucket: float
    """As above, of the 256 parts by which identifiers are counted."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What an operation reads."""

    what: str
    items: float
    bytes: float
    queries: float

    @property
    def seconds(self) -> float:
        """If each query waits for the one before."""
        return self.queries * QUERY_MS / 1000


def spreads(sample: int = SAMPLE) -> list[Spread]:
    """Draw identifiers, and count where the store would put what has them."""
    partitions: dict[Level, Counter[str]] = {level: Counter() for level in Level}
    buckets: dict[Level, Counter[int]] = {level: Counter() for level in Level}
    for number in range(sample):
        parts = f"P{number:08d}", f"1.2.{number}", f"1.2.{number}.1", f"1.2.{number}.1.{number}"
        for level, identifier in zip(Level, identify(*parts), strict=True):
            listed = KEYS.instance(identifier) if level is Level.INSTANCE else KEYS.listing(level, identifier)
            partitions[level][listed["pk"]["S"]] += 1
            buckets[level][bucket_of(identifier)] += 1
    return [_spread(level, partitions[level], buckets[level], sample) for level in Level]


def _spread(level: Level, partitions: Counter[str], buckets: Counter[int], sample: int) -> Spread:
    fullest = max(partitions.values()) * len(partitions) / sample
    return Spread(level, len(partitions), fullest, max(buckets.values()) * BUCKETS / sample)


def counts(instances: float) -> dict[Level, float]:
    """How many resources of each level an archive of so many instances has."""
    series = instances / INSTANCES_OF_SERIES
    studies = series / SERIES_OF_STUDY
    return {
        Level.PATIENT: studies / STUDIES_OF_PATIENT,
        Level.STUDY: studies,
        Level.SERIES: series,
        Level.INSTANCE: instances,
    }


def partitions(instances: float) -> Iterator[tuple[str, float, float]]:
    """Of the patterns whose keys many resources share: the pattern, items of a key, bytes of a key."""
    of = counts(instances)
    yield "`i#{h}`", instances / len(SHARDS), instances / len(SHARDS) * INSTANCE_ROW_BYTES
    for level in (Level.PATIENT, Level.STUDY, Level.SERIES):
        items = of[level] / len(SHARDS)
        yield f"`l#{int(level)}#{{h}}`", items, items * LISTING_BYTES
    yield "`x#{keyword}` of patients", of[Level.PATIENT], of[Level.PATIENT] * 93
    yield "`x#{keyword}` of studies", of[Level.STUDY], of[Level.STUDY] * 93
    yield "`r#{id}` of a series", INSTANCES_OF_SERIES + 1, INSTANCES_OF_SERIES * 304 + 637
    yield "`stats`", 1, tally_bytes(instances)


def tally_bytes(instances: float) -> int:
    """The size of the counts, which a sweep keeps."""
    tally = Tally(size=int(instances * 5e5))
    for level, count in counts(instances).items():
        tally.counts[level] = [math.ceil(count / BUCKETS)] * BUCKETS
    return len(document(tally.to_document())["S"])


def walks(instances: float) -> list[Walk]:
    """What operations read in an archive of so many instances."""
    bucket = instances / BUCKETS
    studies = counts(instances)[Level.STUDY] / BUCKETS
    return [
        _walk("GET of an instance", 1, INSTANCE_ROW_BYTES),
        _walk("GET of a series", INSTANCES_OF_SERIES + 1, 304),
        _walk(f"page of {PAGE} instances, after the one before", PAGE, INSTANCE_ROW_BYTES),
        _walk(f"page of {PAGE} instances, after a jump, at worst", bucket, INSTANCE_ROW_BYTES),
        _walk(f"page of {PAGE} studies, after a jump, at worst", studies, LISTING_BYTES),
        _walk("look-up of a UID", 1, 115),
        _walk("changes, a page of 100", 102, 240),
        _walk("all identifiers of instances, without `limit`", instances, INSTANCE_ROW_BYTES),
    ]


def largest_with_jumps() -> float:
    """How many instances a store may have so that a jump into their list ends before API Gateway gives up."""
    pages = limits.SYNCHRONOUS_SECONDS * 1000 / QUERY_MS
    return pages * (limits.PAGE_BYTES / INSTANCE_ROW_BYTES) * BUCKETS


def kept_bytes(instances: float) -> tuple[float, float]:
    """What the index table and the log table hold."""
    of = counts(instances)
    above = sum(of[level] for level in (Level.PATIENT, Level.STUDY, Level.SERIES))
    kept = (
        (op.KEPT_PATIENT, of[Level.PATIENT]),
        (op.KEPT_STUDY, of[Level.STUDY]),
        (op.KEPT_SERIES, of[Level.SERIES]),
        (op.KEPT_INSTANCE, instances),
        (op.KEPT_EVENT, above),
    )
    return sum(one.index_bytes * n for one, n in kept), sum(one.log_bytes * n for one, n in kept)


def _walk(what: str, items: float, item_bytes: float) -> Walk:
    return Walk(what, items, items * item_bytes, math.ceil(items * item_bytes / limits.PAGE_BYTES))
