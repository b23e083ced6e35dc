"""What DynamoDB answers when it does not do what it was asked to, in the store's own errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.domain.errors import NacreError, Unavailable


class ConditionFailed(NacreError):
    """A condition did not hold; `positions` are the failing actions of a transaction (empty otherwise)."""

    def __init__(self, positions: Sequence[int] = ()) -> None:
        super().__init__("A condition of the index does not hold")
        self.positions = tuple(positions)


class Conflict(NacreError):
    """Another transaction was running on an item, or too many were: nothing was written, try again."""


class OutcomeUnknown(Unavailable):
    """The answer was lost: the write may have happened. Read before deciding."""


class translated:  # noqa: N801 - reads as a word in a with statement
    """Turns botocore's errors into the store's, once for all calls."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is None or isinstance(error, NacreError):
            return
        found = _translate(error)
        if found is not None:
            raise found from error


_BUSY = {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}
_UNKNOWN = {"InternalServerError", "ServiceUnavailable", "TransactionInProgressException"}


_PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


def _translate(error: BaseException) -> NacreError | None:
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    if isinstance(error, HTTPClientError | ConnectionError):
        return OutcomeUnknown("The index did not answer")
    if not isinstance(error, ClientError):
        return None
    code = error.response.get("Error", {}).get("Code", "")
    if code == "TransactionCanceledException":
        return _translate_cancellation(error.response)
    if code == "ConditionalCheckFailedException":
        return ConditionFailed()
    if code == "TransactionConflictException":
        return Conflict()
    if code in _UNKNOWN:
        return OutcomeUnknown("The index did not answer")
    if code not in _BUSY:
        return None
    # An earlier attempt of the SDK may have been carried out, and only its answer lost.
    retried = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
    return OutcomeUnknown("The index is busy") if retried else Unavailable("The index is busy")


def _translate_cancellation(response: Any) -> NacreError | None:
    codes = [reason.get("Code", "None") for reason in response.get("CancellationReasons", [])]
    failed = [position for position, code in enumerate(codes) if code == "ConditionalCheckFailed"]
    if failed:
        return ConditionFailed(failed)
    # The SDK tries none of these again.
    is_passing = any(code in _PASSING for code in codes)
    return Conflict() if is_passing else None
