"""Modify resources: single instances at once, what is above them by a job."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.domain.errors import (
    BadFileFormat,
    BadRequest,
    ParameterOutOfRange,
    UnknownResource,
)
from chalicelib.domain.jobs import Job
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import MAIN_DICOM_TAGS, hexadecimal
from chalicelib.domain.resources import Family
from chalicelib.services.browse import Browse
from chalicelib.services.jobs.jobs import Jobs
from chalicelib.services.jobs.runner import Runner
from chalicelib.services.jobs.synchronous import run_now
from chalicelib.services.modification.work import PLAN, TYPE, InstanceModifier
from chalicelib.storage.dynamodb.index import Index
from chalicelib.storage.s3.notes import JobNotes

if TYPE_CHECKING:
    from chalicelib.dicom.modification import Modification

_KEEP_SOURCE = (
    "When keeping StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID tag, you must set KeepSource to true to "
    "avoid deleting the modified files at the end of the process"
)
_OVERWRITE = (
    "When keeping StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID tag, you must have the 'OverwriteInstances' "
    "Orthanc configuration set to true in order to replace the modified resources"
)
_PATIENT_TAGS = (
    "Trying to change patient tags in a study.  The Patient already exists and has other studies.  All the 'Replace' "
    "tags should match the existing patient main dicom tags and you should specify all Patient MainDicomTags in your "
    "query.  Try using /patients/../modify instead to modify the patient. Failing tag: "
)


class Modifications:
    """Starts modifications.

    `overwrites` is whether an instance that comes again takes the place of the one in the store.
    """

    def __init__(
        self,
        modifier: InstanceModifier,
        index: Index,
        browse: Browse,
        jobs: Jobs,
        runner: Runner,
        notes: JobNotes,
        *,
        overwrites: bool,
    ) -> None:
        self._modifier = modifier
        self._index = index
        self._browse = browse
        self._jobs = jobs
        self._runner = runner
        self._notes = notes
        self._overwrites = overwrites

    def instance(self, identifier: str, fields: Mapping[str, Any]) -> bytes:
        """The modified file of an instance, which is not stored.

        Raises
        ------
        UnknownResource
            There is no such instance.
        BadRequest
            It cannot be modified so, or not be transcoded.
        """
        modification, target = self._modifier.modification(fields, None), self._modifier.target(fields)
        instance = self._index.instance(identifier)
        if instance is None:
            raise UnknownResource
        file = self._modifier.file(instance, modification, str(uuid.uuid4()))
        if target is None:
            return file
        converted = target.convert(file)
        if converted is None:
            raise BadRequest(f"Cannot transcode to transfer syntax: {target.transfer_syntax}")
        return converted.file

    def check(self, level: Level, identifier: str, fields: Mapping[str, Any]) -> None:
        """See whether a patient, study or series can be modified so; raises as `submit`."""
        modification = self._modifier.modification(fields, level)
        try:
            self._modifier.target(fields)
        except ParameterOutOfRange as error:
            raise BadFileFormat(f"Unknown transfer syntax UID: {str(fields['Transcode'])[:64]}") from error
        family = self._family(level, identifier)
        if modification.keeps_identity:
            if not fields.get("KeepSource", True):
                raise BadRequest(_KEEP_SOURCE)
            if not self._overwrites:
                raise BadRequest(_OVERWRITE)
        if level is Level.STUDY:
            self._check_patient(modification, family)

    def submit(
        self,
        level: Level,
        identifier: str,
        fields: Mapping[str, Any],
        origin: Mapping[str, str],
        priority: int = 0,
    ) -> Job:
        """Start a job that modifies all instances of a patient, study or series, and stores the results.

        Parameters
        ----------
        origin
            Where the request came from, for the metadata of the results.

        Raises
        ------
        UnknownResource
            There is no such resource.
        BadRequest
            It cannot be modified so.
        """
        job = self._create(level, identifier, fields, origin, priority)
        self._jobs.wake(job)
        return job

    def run(self, level: Level, identifier: str, fields: Mapping[str, Any], origin: Mapping[str, str]) -> Job:
        """As `submit`, and wait for it for a while."""
        return run_now(self._jobs, self._runner, self._create(level, identifier, fields, origin, 0))

    def _create(
        self,
        level: Level,
        identifier: str,
        fields: Mapping[str, Any],
        origin: Mapping[str, str],
        priority: int,
    ) -> Job:
        self.check(level, identifier, fields)
        instances = self._browse.descendants(level, identifier, Level.INSTANCE)
        content = {
            "Description": "REST API",
            "FailedInstancesCount": 0,
            "InstancesCount": len(instances),
            "IsAnonymization": False,
            "ParentResources": [identifier],
        }
        if "Transcode" in fields:
            content["Transcode"] = fields["Transcode"]
        plan = {"fields": dict(fields), "origin": dict(origin), "instances": instances}
        return self._jobs.create(
            TYPE,
            {"level": level.name},
            content,
            priority,
            before=lambda job_id: self._notes.put(job_id, PLAN, plan),
        )

    def _family(self, level: Level, identifier: str) -> Family:
        family = self._index.family(identifier)
        if family is None or family.resource.level is not level:
            raise UnknownResource
        return family

    def _check_patient(self, modification: Modification, study: Family) -> None:
        """Refuse to give one study of a patient with others another name or birth date than those have."""
        main = MAIN_DICOM_TAGS[Level.PATIENT]
        new = {name: modification.replacement(tag) for tag, name in main.items()}
        if all(value is None for value in new.values()):
            return
        target = self._index.family(modification.patient(study.resource.parent_id))
        if target is None or all(child.id == study.resource.id for child in target.children):
            return
        for tag, name in main.items():
            there = target.resource.tags.get(name)
            if name != "PatientID" and there is not None and new[name] != there:
                raise BadRequest(_PATIENT_TAGS + hexadecimal(tag))
