"""What the store costs and how fast it is, beside Orthanc: ``python -m tests.benchmarks --help``."""
