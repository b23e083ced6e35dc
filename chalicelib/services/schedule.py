"""What a schedule starts every minute."""

from __future__ import annotations

from contextlib import ExitStack

from chalicelib.services.inbox import Inbox
from chalicelib.services.jobs.runner import Runner
from chalicelib.services.network.exports import Exports
from chalicelib.services.sweep import Sweeper

SWEEP_SECONDS = 45  # of the minute until the schedule begins the next one
EXPIRE_SECONDS = 10  # for old entries of the exports log


class Schedule:
    """The store's background work. It may run any number of times at once."""

    def __init__(self, sweeper: Sweeper, inbox: Inbox, runner: Runner, exports: Exports) -> None:
        self._sweeper, self._inbox, self._runner, self._exports = sweeper, inbox, runner, exports

    def run(self) -> None:
        """Do a minute's work.

        Raises what failed (of several, the last one, with the others as its context), but does the rest all the same:
        files that need a person's look must not keep jobs and the inbox waiting.
        """
        with ExitStack() as stack:  # calls the last one first
            stack.callback(self._exports.expire, EXPIRE_SECONDS)
            stack.callback(self._runner.wake_forgotten)
            stack.callback(self._inbox.tick)
            stack.callback(self._sweeper.run, SWEEP_SECONDS)
