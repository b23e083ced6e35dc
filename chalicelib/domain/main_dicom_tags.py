"""The main DICOM tags that the index keeps of each level: those of Orthanc 1.12 (Orthanc Book, "Main DICOM tags")."""

from __future__ import annotations

from chalicelib.domain.levels import Level

MAIN_DICOM_TAGS: dict[Level, dict[int, str]] = {
    Level.PATIENT: {
        0x00100010: "PatientName",
        0x00100020: "PatientID",
        0x00100030: "PatientBirthDate",
        0x00100040: "PatientSex",
        0x00101000: "OtherPatientIDs",
    },
    Level.STUDY: {
        0x00080020: "StudyDate",
        0x00080030: "StudyTime",
        0x00080050: "AccessionNumber",
        0x00080080: "InstitutionName",
        0x00080090: "ReferringPhysicianName",
        0x00080201: "TimezoneOffsetFromUTC",
        0x00081030: "StudyDescription",
        0x0020000D: "StudyInstanceUID",
        0x00200010: "StudyID",
        0x00321032: "RequestingPhysician",
        0x00321060: "RequestedProcedureDescription",
    },
    Level.SERIES: {
        0x00080021: "SeriesDate",
        0x00080031: "SeriesTime",
        0x00080060: "Modality",
        0x00080070: "Manufacturer",
        0x00080201: "TimezoneOffsetFromUTC",
        0x00081010: "StationName",
        0x0008103E: "SeriesDescription",
        0x00081070: "OperatorsName",
        0x00180010: "ContrastBolusAgent",
        0x00180015: "BodyPartExamined",
        0x00180024: "SequenceName",
        0x00181030: "ProtocolName",
        0x00181090: "CardiacNumberOfImages",
        0x00181400: "AcquisitionDeviceProcessingDescription",
        0x0020000E: "SeriesInstanceUID",
        0x00200011: "SeriesNumber",
        0x00200037: "ImageOrientationPatient",
        0x00200105: "NumberOfTemporalPositions",
        0x00201002: "ImagesInAcquisition",
        0x00400244: "PerformedProcedureStepStartDate",
        0x00400245: "PerformedProcedureStepStartTime",
        0x00400254: "PerformedProcedureStepDescription",
        0x00400275: "RequestAttributesSequence",
        0x00540081: "NumberOfSlices",
        0x00540101: "NumberOfTimeSlices",
        0x00541000: "SeriesType",
    },
    Level.INSTANCE: {
        0x00080012: "InstanceCreationDate",
        0x00080013: "InstanceCreationTime",
        0x00080018: "SOPInstanceUID",
        0x00200012: "AcquisitionNumber",
        0x00200013: "InstanceNumber",
        0x00200032: "ImagePositionPatient",
        0x00200037: "ImageOrientationPatient",
        0x00200100: "TemporalPositionIdentifier",
        0x00204000: "ImageComments",
        0x00280008: "NumberOfFrames",
        0x00541330: "ImageIndex",
    },
}
"""Number to name, by level, in ascending order."""

SEQUENCES = frozenset({"RequestAttributesSequence"})
"""The main tags that are sequences. Their values are kept as JSON: a list of items in Orthanc's full format."""


def hexadecimal(tag: int) -> str:
    """A tag as Orthanc writes it, e.g. ``0010,0020``."""
    return f"{tag >> 16:04x},{tag & 0xFFFF:04x}"


def signature(level: Level) -> str:
    """The main tags of a level in Orthanc's form: ``0008,0012;0008,0013;...``."""
    return ";".join(map(hexadecimal, MAIN_DICOM_TAGS[level]))
