"""DICOM out and peers: what is asked of other nodes, and the jobs that do it."""
