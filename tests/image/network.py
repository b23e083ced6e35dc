"""A network of its own, as each task of Fargate has: the ports of the image are free there, whatever runs beside."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
_libc = ctypes.CDLL(None, use_errno=True)  # Python has these two calls from 3.12 on


@contextmanager
def own_network() -> Iterator[None]:
    """Put this thread, and the threads and processes that it starts, into a network of loopback alone."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _checked(_libc.unshare(CLONE_NEWNET))
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
            yield
        finally:
            _checked(_libc.setns(before, CLONE_NEWNET))
    finally:
        os.close(before)


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)}: the tests of the image are run by root")
