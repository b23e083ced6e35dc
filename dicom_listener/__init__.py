"""DICOM in and DICOM out: the container beside the API."""
