"""What a stage holds, counted: whoever removes it must know. Never what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.levels import Level
from chalicelib.settings import Settings
from chalicelib.storage.dynamodb.keys import SHARDS, Keys
from infra.commands.common import Account, is_missing
from infra.package.build import stage_environment
from infra.resources import Resources, define, name_in_account

ENOUGH = 1000
"""Counting stops there: more does not make another decision."""


@dataclass(frozen=True)
class Bucket:
    """A bucket of a stage."""

    name: str
    region: str


@dataclass(frozen=True)
class Contents:
    """How much there is."""

    instances: int
    objects: int
    older_versions: int

    def __str__(self) -> str:
        """In words."""
        return (
            f"{_amount(self.instances)} instances in the index, {_amount(self.objects)} objects, "
            f"{_amount(self.older_versions)} versions of objects that were deleted or replaced"
        )


class Surroundings:
    """The tables, buckets and queues of a stage in an account."""

    def __init__(self, account: Account) -> None:
        """Name them; nothing is asked."""
        stage = account.stage
        self.account = account
        self.settings = Settings.load(stage_environment(stage.name))
        self.resources: Resources = define(self.settings)
        self.buckets = [
            Bucket(name_in_account(bucket.name, account.number, stage.region), stage.region)
            for bucket in self.resources.buckets
        ]
        self.regions = [stage.region]
        if stage.replica_region:
            copy = f"{self.resources.files.name}-copy"
            name = name_in_account(copy, account.number, stage.replica_region)
            self.buckets.append(Bucket(name, stage.replica_region))
            self.regions.append(stage.replica_region)

    def count(self) -> Contents:
        """What the stage holds; what does not exist holds nothing."""
        objects = older = 0
        for bucket in self.buckets:
            current, others = self._objects(bucket)
            objects, older = objects + current, older + others
        return Contents(self._instances(), objects, older)

    def _instances(self) -> int:
        client = self.account.client("dynamodb")
        keys = Keys(self.settings.tenant)
        total = 0
        for shard in SHARDS:
            try:
                answer = client.query(
                    TableName=self.resources.index.name,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": keys.listing_partition(Level.INSTANCE, shard)}},
                    Select="COUNT",
                    Limit=ENOUGH,
                    ConsistentRead=True,
                )
            except ClientError as error:
                if not is_missing(error):
                    raise
                return 0
            total += answer["Count"]
        return total

    def _objects(self, bucket: Bucket) -> tuple[int, int]:
        versions = islice(versions_of(self.account.client("s3", bucket.region), bucket.name), ENOUGH)
        stored = [version["IsLatest"] for version in versions if is_stored(version)]
        return sum(stored), len(stored) - sum(stored)


def versions_of(client: Any, bucket: str) -> Iterator[dict[str, Any]]:
    """The versions in a bucket and its markers of deletes; none if there is no bucket."""
    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            yield from page.get("Versions", ())
            yield from page.get("DeleteMarkers", ())
    except ClientError as error:
        if not is_missing(error):
            raise


def is_stored(version: Mapping[str, Any]) -> bool:
    """Whether it is a version, not a marker of a delete."""
    return "ETag" in version


def _amount(number: int) -> str:
    return f"{number} or more" if number >= ENOUGH else str(number)
