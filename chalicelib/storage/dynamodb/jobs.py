"""Jobs in the index table: a row for each, and an entry in the list of those that are not finished."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from chalicelib.domain.jobs import Job, JobError, JobOutput, JobState
from chalicelib.storage.dynamodb.errors import ConditionFailed, Conflict, OutcomeUnknown
from chalicelib.storage.dynamodb.items import number, text
from chalicelib.storage.dynamodb.keys import Keys
from chalicelib.storage.dynamodb.table import Item, Table


class JobStore:
    """The jobs of one tenant. Whoever writes a job has to know the version that is there."""

    def __init__(self, table: Table, keys: Keys) -> None:
        self._table = table
        self._keys = keys

    def get(self, job_id: str) -> Job | None:
        """A job. One call."""
        if len(job_id) > 64:
            return None
        item = self._table.get(self._keys.job(job_id))
        return _to_job(item) if item else None

    def unfinished(self) -> list[Job]:
        """The jobs that are not finished. One query and a batch read for each hundred."""
        identifiers = [item["sk"]["S"] for item in self._table.query(self._keys.open_jobs_partition())]
        return self.get_many(identifiers)

    def all(self, now: float) -> list[Job]:
        """Every job that has not expired, in the order in which they were created."""
        items = self._table.query(self._keys.jobs_partition())
        identifiers = [i["sk"]["S"].split("#")[1] for i in items if _is_kept(i, now)]
        return sorted(self.get_many(identifiers), key=lambda job: (job.created_at, job.id))

    def get_many(self, identifiers: Sequence[str]) -> list[Job]:
        """Those of the jobs that exist."""
        return [_to_job(item) for item in self._table.batch_get([self._keys.job(i) for i in identifiers])]

    def create(self, job: Job) -> None:
        """Write a new job, and list it. One transaction."""
        actions = [
            self._table.put_action(_from_job(self._keys, job), "attribute_not_exists(pk)"),
            self._table.put_action(self._keys.open_job(job.id)),
        ]
        if job.is_shown:
            actions.append(self._table.put_action(self._keys.listed_job(job.created_at, job.id)))
        self._table.transact(actions)

    def save(self, job: Job, expires: float | None = None, beside: Sequence[Item] = ()) -> Job | None:
        """Write a job over the version it was read at; None if somebody else was faster.

        A finished job leaves the list of the others; `expires` (epoch seconds) is when it is forgotten. The actions
        `beside` are part of the same transaction; None as well if a condition of theirs does not hold.
        """
        new = replace(job, version=job.version + 1)
        item = _from_job(self._keys, new)
        condition, values = "v = :v", {":v": number(job.version)}
        actions = [self._table.put_action(item, condition, values)]
        open_job = self._keys.open_job(job.id)
        if job.state.is_final:
            actions.append(self._table.delete_action(open_job))
        else:
            actions.append(self._table.put_action(open_job))
        if expires is not None:
            listed = self._keys.listed_job(job.created_at, job.id) | {"expires": number(int(expires))}
            actions[0] = self._table.put_action(item | {"expires": number(int(expires))}, condition, values)
            if job.is_shown:
                actions.append(self._table.put_action(listed))
        try:
            self._table.transact([*actions, *beside])
        except (ConditionFailed, Conflict):
            return None
        except OutcomeUnknown:
            there = self.get(job.id)
            return new if there == new else None
        return new

    def remove(self, job: Job) -> None:
        """Forget a job."""
        keys = [self._keys.job(job.id), self._keys.open_job(job.id)]
        self._table.remove([*keys, self._keys.listed_job(job.created_at, job.id)])


def _is_kept(item: Item, now: float) -> bool:
    """DynamoDB removes what has expired within days; until then it is not shown."""
    return "expires" not in item or float(item["expires"]["N"]) > now


def _from_job(keys: Keys, job: Job) -> Item:
    body = asdict(job)
    version = body.pop("version")
    encoded = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return {**keys.job(job.id), "v": number(version), "d": text(encoded)}


def _to_job(item: Item) -> Job:
    body: dict[str, Any] = json.loads(item["d"]["S"])
    body["state"] = JobState(body["state"])
    body["error"] = JobError(**body["error"])
    body["outputs"] = {name: JobOutput(**output) for name, output in body["outputs"].items()}
    return Job(**body, version=int(item["v"]["N"]))
