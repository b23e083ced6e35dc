"""Jobs: work that outlives the request that asked for it (Orthanc Book, "Jobs")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """The state of a job, in Orthanc's words."""

    PENDING = "Pending"
    RUNNING = "Running"
    PAUSED = "Paused"
    RETRY = "Retry"
    SUCCESS = "Success"
    FAILURE = "Failure"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (JobState.SUCCESS, JobState.FAILURE)


@dataclass(frozen=True, slots=True)
class JobOutput:
    """What a job has made: a file of the bucket."""

    key: str
    size: int
    content_type: str
    file_name: str


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed: Orthanc's number and name of the error, and a sentence free of patient data."""

    status: int = 0
    description: str = "Success"
    details: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job.

    `content` is shown to users, `arguments` are what the work needs, `checkpoint` is how far it has come. `version`
    counts the writes; `lease_until` (epoch seconds) is how long the running worker is believed to be alive, or when
    a job that failed is tried again. Of the jobs in one `lane` (a destination) only a few run at a time. One that is
    not `is_shown` is the work of a request, and no job to users; for one that `is_awaited` a client waits.
    """

    id: str
    type: str
    arguments: Mapping[str, Any]
    created_at: float
    state: JobState = JobState.PENDING
    priority: int = 0
    progress: int = 0
    content: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, JobOutput] = field(default_factory=dict)
    error: JobError = JobError()
    attempts: int = 0
    runtime_seconds: float = 0.0
    updated_at: float = 0.0
    completed_at: float | None = None
    lease_until: float = 0.0
    owner: str = ""
    version: int = 0
    lane: str = ""
    is_shown: bool = True
    is_awaited: bool = False
