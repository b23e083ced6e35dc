"""Calls that fail are tried again at once."""

from tests.support.waits import no_waiting

__all__ = ["no_waiting"]
