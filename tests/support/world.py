"""A whole store on an emulator, with a clock that tests move and calls that tests count and spoil."""

from __future__ import annotations

import hashlib
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.levels import Level
from chalicelib.services.description import Description
from tests.support.faults import Calls


class InlineExecutor(Executor):
    """Runs what it is given at once, in the caller's thread: tests see the calls in one order."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class ManualClock:
    """Stands still until it is moved."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class World:
    """A store and all that a test may want to look at."""

    services: Any
    dynamodb: Any
    s3: Any
    resources: Any
    clock: ManualClock
    calls: Calls

    def settle(self) -> None:
        """Let time pass until all background work is done."""
        self.calls.reset()
        for seconds in (3 * 3600, 0, 0, 0, 100, 100):
            self.clock.advance(seconds)
            self.services.sweeper.tick()
        self.calls.reset()

    def store(self, description: Description) -> Any:
        """Store a file that is described, not read: its bytes are its identifiers."""
        data = description.identifiers[Level.INSTANCE].encode()
        md5 = hashlib.md5(data).hexdigest()
        files = self.services.files
        return self.services.ingest.place(description, lambda key: files.put(key, data, md5), {})


def described(
    patient: str = "P", study: str = "1", series: str = "1", instance: str = "1", **more: Any
) -> Description:
    """The description of a made-up instance."""
    parts = (patient, study, series, instance)
    uids = [".".join(("1.2", *parts[1 : n + 1])) for n in range(4)]
    identifiers = tuple(orthanc_id("|".join(parts[: n + 1])) for n in range(4))
    tags = {
        Level.PATIENT: {"PatientID": patient, "PatientName": f"{patient}^Name"},
        Level.STUDY: {"StudyInstanceUID": uids[1], "AccessionNumber": f"A{study}"},
        Level.SERIES: {"SeriesInstanceUID": uids[2], "Modality": "CT"},
        Level.INSTANCE: {"SOPInstanceUID": uids[3], "InstanceNumber": "1"},
    }
    fields: dict[str, Any] = {
        "identifiers": identifiers,
        "tags": tags,
        "patient_tags": tags[Level.PATIENT],
        "metadata": {},
        "sop_instance_uid": uids[3] + patient,
        "index_in_series": None,
        "expected_instances": None,
        "size": 44,
        "md5": "",
        "header_length": 44,
        "pixel_data_offset": None,
        "first_frame_end": None,
    }
    return Description(**{**fields, **more})


def orthanc_id(text: str) -> str:
    """An identifier in Orthanc's form."""
    digest = hashlib.sha1(text.encode()).hexdigest()
    return "-".join(digest[n : n + 8] for n in range(0, 40, 8))
