"""What one operation asks of AWS. `tests/infra/test_costs_measured.py` holds every number to what the code does.

Units are DynamoDB's: a strongly consistent read costs one for each 4 KB, a write one for each KB, a transactional
write two. CPU is that of docs/performance.md, of what the sweep does that of `python -m tests.benchmarks sweep`; times
of calls are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

AWS_CALL_MS = 6.0  # assumed: what a call to DynamoDB or S3 takes within a region
ITEM_OVERHEAD_BYTES = 100  # DynamoDB stores that much with each item


@dataclass(frozen=True, slots=True)
class Operation:
    """AWS calls and what they use; `depth` is how many calls follow one another, `cpu_ms` our own."""

    dynamodb_calls: float = 0
    read_units: float = 0
    write_units: float = 0
    s3_puts: float = 0
    """PUT, COPY and LIST, which have one price."""
    s3_gets: float = 0
    depth: float = 0
    cpu_ms: float = 0

    @property
    def milliseconds(self) -> float:
        """How long it takes."""
        return self.cpu_ms + self.depth * AWS_CALL_MS


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that the two tables keep of something, with the overhead of each item."""

    index_bytes: int
    log_bytes: int

    @property
    def total(self) -> int:
        """Of both."""
        return self.index_bytes + self.log_bytes


UPLOAD = Operation(dynamodb_calls=3, read_units=4, write_units=9, s3_puts=1, depth=3, cpu_ms=2.6)
"""An instance of a known series, by REST or DICOM; what it does beyond is in the three below."""

UPLOAD_CPU_MS_PER_MB = 3.0

NEW_SERIES, NEW_STUDY, NEW_PATIENT = (Operation(write_units=units) for units in (14, 18, 12))
"""What the first instance of each writes more; the levels above not counted."""

DUPLICATE = Operation(dynamodb_calls=1, read_units=4, depth=1, cpu_ms=1.4)

INBOX = Operation(dynamodb_calls=3, read_units=4, write_units=11, s3_puts=1, s3_gets=2, depth=6, cpu_ms=6.0)
"""An instance of a known series by the inbox: a receipt and two ranged reads more, and no byte of pixels."""

GET_RESOURCE = Operation(dynamodb_calls=1, read_units=1, depth=1, cpu_ms=0.4)
GET_FILE = Operation(dynamodb_calls=1, read_units=1, s3_gets=1, depth=2, cpu_ms=0.9)

FIND = Operation(dynamodb_calls=62, read_units=71, depth=6, cpu_ms=15.5)
"""A C-FIND for ten studies that asks for modalities and counts as well."""

IDLE_SWEEP = Operation(dynamodb_calls=26, read_units=27, s3_puts=1, depth=11, cpu_ms=8)
"""A sweep that finds nothing to do."""

FOLLOW_ENTRY = Operation(read_units=2)
"""Of each entry of the log: it is read, and read again when its block of a hundred is settled."""

FOLLOW_WINDOW = Operation(dynamodb_calls=3, read_units=1, depth=3, cpu_ms=10)
"""Of each hundred entries, which are read at once."""

FOLLOW_BATCH = Operation(dynamodb_calls=10, read_units=9, write_units=6, depth=10, cpu_ms=5)
"""Of each two thousand entries, or fewer at the end of the log: the counts are read and kept."""

WINDOW_ENTRIES, BATCH_ENTRIES = 100, 2000

TOUCH = Operation(dynamodb_calls=1, read_units=1, write_units=2, depth=1, cpu_ms=1)
"""Of each patient, study and series that a batch has entries of: when something last arrived there."""

SETTLE = Operation(dynamodb_calls=1, read_units=1, write_units=6, depth=1, cpu_ms=0.6)
"""Of each patient, study and series that becomes stable."""

TRIM = Operation(dynamodb_calls=0.053, read_units=1, write_units=1, depth=0.028, cpu_ms=0.06)
"""Of each entry of the log that is removed after ``DELETE /changes``, five hundred in turn beside five hundred."""

ORPHAN_CHECK = Operation(dynamodb_calls=0.01, read_units=1, s3_puts=0.001, depth=0.011, cpu_ms=0.05)
"""Of each file, two hours after it was stored."""

DELETE = Operation(dynamodb_calls=0.24, read_units=2.2, write_units=9.7, depth=0.1, cpu_ms=0.5)
"""Of each instance of a study that is deleted, with the folding of the log."""

KEPT_INSTANCE = Kept(index_bytes=1441, log_bytes=375)
KEPT_SERIES = Kept(index_bytes=1532, log_bytes=206)
KEPT_STUDY = Kept(index_bytes=2091, log_bytes=201)
KEPT_PATIENT = Kept(index_bytes=1332, log_bytes=204)
KEPT_EVENT = Kept(index_bytes=0, log_bytes=206)
"""Of a stable event."""
