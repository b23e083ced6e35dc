"""The AWS clients, made once for a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

CONNECTIONS = 64
CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 20
USER_AGENT = "nacre/0.1.0"


@dataclass(frozen=True, slots=True)
class Clients:
    """Low-level clients: the fastest boto3 has, and safe to share between threads."""

    dynamodb: DynamoDBClient
    s3: S3Client
    sqs: SQSClient


def make_clients(endpoint_url: str | None = None, region: str | None = None) -> Clients:
    """Clients for AWS, or for an emulator at `endpoint_url` (its credentials are `test`/`test`)."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "max_attempts": 4},
        signature_version="s3v4",
        # Over TLS the SDK does not sign the payload either. On AWS, "virtual" names the region in a presigned URL:
        # without it, S3 redirects those of a bucket in its first hours, and the signature no longer fits.
        s3={"addressing_style": "path", "payload_signing_enabled": False}
        if endpoint_url
        else {"addressing_style": "virtual"},
        tcp_keepalive=True,
        # Said in full instead of put together anew for each request.
        user_agent=USER_AGENT,
        # The caller gives S3 the MD5 of what it puts; DynamoDB checks what it gets by itself.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        parameter_validation=False,
    )
    options: dict[str, Any] = {"config": config, "region_name": region}
    if endpoint_url:
        options |= {
            "endpoint_url": endpoint_url,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "region_name": region or "us-east-1",
        }
    session = boto3.session.Session()
    plain = config.merge(Config(signature_version=None))
    return Clients(
        dynamodb=session.client("dynamodb", **(options | {"config": plain})),
        s3=session.client("s3", **options),
        sqs=session.client("sqs", **(options | {"config": plain})),
    )
