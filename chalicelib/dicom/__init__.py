"""Pure DICOM: reading, identifiers, tags, rendering. No AWS, no HTTP."""
