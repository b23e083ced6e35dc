"""Instances as sites send them: many series at once, each one after the other, of studies of several kinds."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from chalicelib.dicom.identifiers import identifier
from chalicelib.domain.levels import Level
from chalicelib.domain.main_dicom_tags import signature
from chalicelib.services.description import Description

INSTANCES_PER_STREAM = 20.0
"""A second: what one sender does, waiting for each answer (docs/performance.md: 45 to 67 on one machine)."""

RETURNING = 0.4
"""The part of the studies whose patient is in the store already."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of study: how often, of how many series, of how many instances each; ranges both included."""

    modality: str
    share: float
    series: tuple[int, int]
    instances: tuple[int, int]
    instance_bytes: int

    @property
    def instances_of_study(self) -> float:
        """On average."""
        return sum(self.series) / 2 * sum(self.instances) / 2


KINDS = (
    Kind("CT", 0.30, (2, 6), (60, 500), 530_000),
    Kind("MR", 0.20, (5, 12), (20, 180), 300_000),
    Kind("CR", 0.30, (1, 2), (1, 2), 8_000_000),
    Kind("US", 0.15, (1, 1), (20, 60), 900_000),
    Kind("MG", 0.05, (1, 4), (1, 1), 30_000_000),
)
"""Assumed; the shares are of studies."""


@dataclass(slots=True)
class _Stream:
    """A series on its way, and how much of its study is left behind it."""

    kind: Kind
    patient: str
    study: str
    series: int
    left_series: int
    left: int
    sent: int = 0


class Arrivals:
    """Draws instances; the same seed gives the same ones."""

    def __init__(self, rate: float, seed: int, kinds: Sequence[Kind] = KINDS) -> None:
        """`rate` is in instances a second."""
        self.rate = rate
        self._kinds = kinds
        self._random = random.Random(seed)
        self._studies = 0
        self._patients = 0
        self._seed = seed
        # What is on its way at some moment is mostly what takes long, and somewhere in its study.
        running = [kind.share * kind.instances_of_study for kind in kinds]
        count = max(1, round(rate / INSTANCES_PER_STREAM))
        self._streams = [self._begin(kind) for kind in self._random.choices(kinds, running, k=count)]
        for stream in self._streams:
            self._skip(stream)

    def known(self) -> list[Description]:
        """An instance of each series that is on its way at the beginning: they are in the store by then."""
        return [self._describe(stream, 0) for stream in self._streams]

    def draw(self, seconds: float) -> Iterator[tuple[float, Description]]:
        """When each instance comes (seconds from the beginning), and what it is."""
        for number in range(round(self.rate * seconds)):
            place = self._random.randrange(len(self._streams))
            stream = self._streams[place]
            stream.sent += 1
            yield number / self.rate, self._describe(stream, stream.sent)
            stream.left -= 1
            if stream.left <= 0:
                self._streams[place] = self._next(stream)

    def _begin(self, kind: Kind | None = None) -> _Stream:
        kind = kind or self._random.choices(self._kinds, [one.share for one in self._kinds])[0]
        self._studies += 1
        if not self._patients or self._random.random() > RETURNING:
            self._patients += 1
        patient = f"P{self._seed}{self._random.randint(1, self._patients):08d}"
        series = self._random.randint(*kind.series)
        study = f"1.2.840.113619.2.55.3.604688119.{self._seed}.{self._studies}"
        return _Stream(kind, patient, study, 1, series - 1, self._random.randint(*kind.instances))

    def _next(self, stream: _Stream) -> _Stream:
        if not stream.left_series:
            return self._begin()
        stream.series += 1
        stream.left_series -= 1
        stream.left = self._random.randint(*stream.kind.instances)
        stream.sent = 0
        return stream

    def _skip(self, stream: _Stream) -> None:
        for _ in range(self._random.randint(0, stream.left_series)):
            self._next(stream)
        stream.sent = self._random.randint(0, stream.left - 1)
        stream.left -= stream.sent

    def _describe(self, stream: _Stream, number: int) -> Description:
        return describe(stream.patient, stream.study, stream.series, number, stream.kind)


def describe(patient: str, study: str, series: int, number: int, kind: Kind) -> Description:
    """What the store would read from the header of such an instance."""
    uids = study, f"{study}.{series}", f"{study}.{series}.{number}.17325"
    tags = {
        Level.PATIENT: _patient_tags(patient),
        Level.STUDY: _study_tags(study, kind),
        Level.SERIES: _series_tags(uids[1], series, kind),
        Level.INSTANCE: _instance_tags(uids[2], number),
    }
    metadata = {
        "MainDicomTagsSignature": signature(Level.INSTANCE),
        "TransferSyntax": "1.2.840.10008.1.2.1",
        "SopClassUid": "1.2.840.10008.5.1.4.1.1.2",
        "IndexInSeries": str(number),
        "PixelDataOffset": "6254",
    }
    return Description(
        identifiers=identify(patient, *uids),
        tags=tags,
        patient_tags=tags[Level.PATIENT],
        metadata=metadata,
        sop_instance_uid=uids[2],
        index_in_series=number,
        expected_instances=None,
        size=kind.instance_bytes,
        md5=hashlib.md5(uids[2].encode(), usedforsecurity=False).hexdigest(),
        header_length=6266,
        pixel_data_offset=6266,
        first_frame_end=kind.instance_bytes,
    )


# Texts as long as scanners write them.


def _patient_tags(patient: str) -> dict[str, str]:
    year = 1920 + crc32(patient.encode()) % 100
    return {
        "PatientName": f"Family{patient[-4:]}^Given",
        "PatientID": patient,
        "PatientBirthDate": f"{year}0214",
        "PatientSex": "F",
    }


def _study_tags(study: str, kind: Kind) -> dict[str, str]:
    return {
        "StudyDate": "20270115",
        "StudyTime": "084512",
        "AccessionNumber": f"A{study[-9:]}",
        "InstitutionName": "GENERAL HOSPITAL",
        "ReferringPhysicianName": "Referrer^Name",
        "StudyDescription": f"{kind.modality} of the abdomen",
        "StudyInstanceUID": study,
        "StudyID": study[-6:],
    }


def _series_tags(uid: str, series: int, kind: Kind) -> dict[str, str]:
    return {
        "Modality": kind.modality,
        "Manufacturer": "SOME MAKER",
        "StationName": f"{kind.modality}01",
        "SeriesDescription": "axial 1.25 mm",
        "BodyPartExamined": "ABDOMEN",
        "ProtocolName": "Abdomen routine",
        "SeriesInstanceUID": uid,
        "SeriesNumber": str(series),
    }


def _instance_tags(uid: str, number: int) -> dict[str, str]:
    return {
        "InstanceCreationDate": "20270115",
        "InstanceCreationTime": "084731",
        "SOPInstanceUID": uid,
        "AcquisitionNumber": "2",
        "InstanceNumber": str(number),
        "ImagePositionPatient": "-158.135803\\-179.035797\\-75.699997",
        "ImageOrientationPatient": "1.000000\\0.000000\\0.000000\\0.000000\\1.000000\\0.000000",
    }


def identify(patient: str, *uids: str) -> tuple[str, str, str, str]:
    """The identifiers of a patient, a study, a series and an instance, by Orthanc's rule."""
    parts = [patient, *uids]
    first, second, third, last = (identifier(*parts[: end + 1]) for end in range(4))
    return first, second, third, last
