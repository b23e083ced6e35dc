"""The jobs engine and what works by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.bootstrap.foundations import Foundations
from chalicelib.dicom.dictionary import Dictionary
from chalicelib.services.archive.archives import ARCHIVE, Archives
from chalicelib.services.archive.build import MEDIA, ArchiveWork
from chalicelib.services.archive.files import FilesAhead
from chalicelib.services.archive.plan import Plans
from chalicelib.services.browse import Browse
from chalicelib.services.bulk import Bulk
from chalicelib.services.ingest import Ingest, Overwrite
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner
from chalicelib.services.jobs.work import Work
from chalicelib.services.modification.modifications import Modifications
from chalicelib.services.modification.work import InstanceModifier, ModificationWork
from chalicelib.services.reading import Reading
from chalicelib.services.reconstruct import Reconstruct
from chalicelib.services.reconstruct_job import Reconstructions, ReconstructWork
from chalicelib.services.transcoding import Transcoding
from chalicelib.storage.dynamodb.jobs import JobStore
from chalicelib.storage.s3.archives import ArchiveFiles
from chalicelib.storage.s3.notes import JobNotes
from chalicelib.storage.sqs.queue import Queue


@dataclass(frozen=True, slots=True)
class JobServices:
    """The engine, and the services that start jobs."""

    store: JobStore
    jobs: Jobs
    runner: Runner
    archives: Archives
    reconstructions: Reconstructions
    modifications: Modifications
    network_runner: Runner


def build_jobs(
    base: Foundations,
    ingest: Ingest,
    browse: Browse,
    bulk: Bulk,
    reading: Reading,
    transcoding: Transcoding,
    dictionary: Dictionary,
    archive_files: ArchiveFiles,
    notes: JobNotes,
    network_works: Mapping[str, Work],
) -> JobServices:
    """Put them together. Jobs of the kinds `network_works` have a queue and a runner of their own."""
    settings = base.settings
    files_ahead = FilesAhead(base.files, base.pool)
    encoding = base.options.encoding
    reconstruct = Reconstruct(
        base.index, base.writes, base.files, base.pool, default_encoding=encoding, sleep=base.sleep
    )
    modifier = InstanceModifier(reading, ingest, transcoding, dictionary, encoding)
    works: dict[str, Work] = {
        kind: ArchiveWork(kind, archive_files, notes, files_ahead) for kind in (ARCHIVE, MEDIA)
    }
    works[ReconstructWork.type] = ReconstructWork(base.index, reconstruct)
    works[ModificationWork.type] = ModificationWork(
        modifier, base.index, bulk, reconstruct, notes, base.upload_pool
    )
    store = JobStore(base.table, base.keys)
    queue = Queue(base.clients.sqs, settings.jobs_queue_url)
    network_queue = Queue(base.clients.sqs, settings.network_queue_url)
    kept = settings.job_expiry
    jobs = Jobs(
        store,
        lambda kind: network_queue if kind in network_works else queue,
        base.files,
        {**works, **network_works},
        base.clock,
        kept_seconds=kept,
    )
    runner = Runner(store, queue, works, base.clock, kept_seconds=kept)
    return JobServices(
        store=store,
        jobs=jobs,
        runner=runner,
        network_runner=Runner(store, network_queue, network_works, base.clock, kept_seconds=kept),
        archives=Archives(
            browse,
            bulk,
            Plans(base.index, base.pool),
            jobs,
            runner,
            notes,
            files_ahead,
            maximum_inline_bytes=settings.maximum_inline_bytes,
        ),
        reconstructions=Reconstructions(base.index, reconstruct, jobs, runner),
        modifications=Modifications(
            modifier,
            base.index,
            browse,
            jobs,
            runner,
            notes,
            overwrites=Overwrite(settings.overwrite_instances) is not Overwrite.NEVER,
        ),
    )
