"""Storage commitment (PS3.4, annex J): this store tells others what it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict

from chalicelib.domain.jobs import Job
from chalicelib.domain.levels import Level
from chalicelib.domain.modalities import Remote
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.work import JobRun
from chalicelib.services.network.dicom_out import CommitmentReport, DicomOut, Reference
from chalicelib.services.network.remotes import Changes, Remotes
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.s3.notes import JobNotes

TYPE = "StorageCommitmentScp"
REFERENCES = "references"
"""The note that lists what a modality asks about."""

NO_SUCH_INSTANCE, CLASS_CONFLICT = 0x0112, 0x0119  # PS3.3, section C.14.1.1


class CommitmentWork:
    """Looks for instances, and reports to the modality that asked."""

    type = TYPE

    def __init__(self, out: DicomOut, index: Index, notes: JobNotes, pool: Executor) -> None:
        self._out = out
        self._index = index
        self._notes = notes
        self._pool = pool

    def run(self, run: JobRun) -> None:
        """Report what is there now: a file is in the bucket before the index knows it."""
        arguments = run.job.arguments
        references = [Reference(*one) for one in self._notes.get(run.job.id, REFERENCES)]
        with run.kept_alive():
            report = self._report(arguments["transaction_uid"], references)
            self._out.report(Remote(**arguments["remote"]), report)

    def _report(self, transaction_uid: str, references: Sequence[Reference]) -> CommitmentReport:
        uids = list(dict.fromkeys(one.sop_instance_uid for one in references))
        named = dict(zip(uids, self._pool.map(self._index.lookup_uid, uids), strict=True))
        found = {uid: [i for level, i in of if level is Level.INSTANCE] for uid, of in named.items()}
        rows = self._index.instances([i for identifiers in found.values() for i in identifiers])
        success: list[Reference] = []
        failures: list[tuple[Reference, int]] = []
        for one in references:
            there = [rows[i] for i in found[one.sop_instance_uid] if i in rows]
            if not there:
                failures.append((one, NO_SUCH_INSTANCE))
            elif all(row.metadata.get("SopClassUid") != one.sop_class_uid for row in there):
                failures.append((one, CLASS_CONFLICT))
            else:
                success.append(one)
        return CommitmentReport(transaction_uid, success, failures)

    def clean(self, job: Job) -> None:
        """A failed job keeps its list: it may be begun anew."""

    def forget(self, job: Job) -> None:
        """Remove the list."""
        self._notes.remove(job.id, [REFERENCES])


class Commitment:
    """Takes requests."""

    def __init__(self, remotes: Remotes, jobs: Jobs, notes: JobNotes) -> None:
        self._remotes = remotes
        self._jobs = jobs
        self._notes = notes

    def request(
        self, modality: str, called_aet: str, transaction_uid: str, references: Sequence[Reference]
    ) -> Job:
        """A job that reports to a modality, in the name that it called; raises `InexistentItem` if there is none."""
        remote = self._remotes.remote(modality, Changes(local_aet=called_aet))
        job = self._jobs.create(
            TYPE,
            {"remote": asdict(remote), "transaction_uid": transaction_uid},
            {
                "CalledAet": remote.local_aet,
                "Description": "",
                "RemoteAet": remote.aet,
                "TransactionUid": transaction_uid,
            },
            before=lambda job_id: self._notes.put(job_id, REFERENCES, [list(one) for one in references]),
            lane=remote.name,
        )
        self._jobs.wake(job)
        return job
