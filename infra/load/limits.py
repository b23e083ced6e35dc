"""AWS's limits that a load meets, as known in November 2025; to be checked against the AWS documentation.

Those of an account are defaults, many of them lower in a new account and all of them raised on request.
"""

from __future__ import annotations

KNOWN = "November 2025"

PARTITION_WRITE_UNITS = 1000  # DynamoDB: of a partition; of an item in any case
PARTITION_READ_UNITS = 3000
TABLE_UNITS = 40_000  # of a table, read or write: a default
NEW_TABLE_WRITE_UNITS = 4000  # of a table on demand that has just been made
DOUBLING_MINUTES = 30  # within which on demand takes twice the previous peak
PREFIX_PUTS = 3500  # S3: PUT, COPY, POST and DELETE of a prefix
PREFIX_GETS = 5500
FUNCTIONS_AT_ONCE = 1000  # Lambda: of an account and region, a default
FUNCTIONS_MORE_PER_10_SECONDS = 1000
BATCHES_AT_ONCE = 1250  # of a queue that calls a function
MORE_BATCHES_PER_MINUTE = 300
GATEWAY_REQUESTS = 10_000  # API Gateway: of an account and region, a default
GATEWAY_BURST = 5000
TASK_CORES = 6  # Fargate: of a new account, a default
KEY_REQUESTS = 50_000  # KMS in us-east-1, a default
SYNCHRONOUS_SECONDS = 29  # API Gateway waits no longer
PAGE_BYTES = 1024**2  # DynamoDB: of one answer to a query
