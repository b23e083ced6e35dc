"""Modify DICOM files: what is asked for, and how it is done (Orthanc Book, "Anonymization and modification")."""

from chalicelib.dicom.modification.modify import Identity, modify
from chalicelib.dicom.modification.request import Modification, parse_modification

__all__ = ["Identity", "Modification", "modify", "parse_modification"]
