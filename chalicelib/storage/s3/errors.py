"""From S3's errors to the store's, once for all calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.domain.errors import InexistentItem, NacreError, ParameterOutOfRange, Unavailable


@contextmanager
def translated() -> Iterator[None]:
    """Turn botocore's errors into the store's.

    Raises
    ------
    InexistentItem
        There is no such object, or it is no longer the one that was meant.
    ParameterOutOfRange
        The range lies behind the object's end.
    Unavailable
        Anything else: S3 may answer the same call later.
    """
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _translate(error) from error
    except (BotoCoreError, S3UploadFailedError) as error:
        raise Unavailable("The bucket did not answer") from error


def _translate(error: Exception) -> NacreError:
    response = getattr(error, "response", {})
    code = response.get("Error", {}).get("Code", "")
    if code in ("NoSuchKey", "NoSuchUpload", "404"):
        return InexistentItem("The file is not in the bucket")
    if code in ("PreconditionFailed", "412"):
        return InexistentItem("The object has been replaced")
    if code in ("InvalidRange", "416"):
        return ParameterOutOfRange("The object ends before the range")
    return Unavailable("The bucket did not answer")
