"""Who may sign in (HTTP Basic, RFC 7617), and what they may do.

Passwords are stored as Argon2id hashes; this module, run as a command, makes one::

    python -m chalicelib.services.authentication

A plain password, as in Orthanc's configuration files, works as well; only its keyed digest is compared.

A right password pays for the slow hash once in a process. A wrong one pays each time, and so does a name that
nobody has, so that the time of an answer does not tell which names exist.
"""

from __future__ import annotations

import base64
import binascii
import getpass
import hashlib
import hmac
import secrets
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Forbidden, InternalError, Unauthorized

if TYPE_CHECKING:
    from argon2 import PasswordHasher

HASH_PREFIX = "$argon2"

READING_METHODS = ("GET", "HEAD")
READING_CALLS = (
    "/nacre/inbox/lookup",
    "/tools/bulk-content",
    "/tools/count-resources",
    "/tools/find",
    "/tools/lookup",
)
"""The calls that read although their method is POST."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has signed in."""

    name: str
    read_only: bool


class Authenticator:
    """Checks credentials against the registered users."""

    def __init__(
        self,
        users: Callable[[], Mapping[str, str]],
        read_only: Collection[str] = (),
        verify: Callable[[str, str], bool] | None = None,
    ) -> None:
        """Take the users from a function, which is asked at each sign-in, so that they can change.

        Parameters
        ----------
        users
            Gives user name to password: a hash of Argon2 or a plain text. Cheap when nothing has changed.
        read_only
            The names of those who may only read.
        verify
            Checks a password (second) against a hash (first), slowly; `verify_password` if not given.
        """
        self._users = users
        self._verify = verify or verify_password
        self._read_only = frozenset(read_only)
        self._table: _Table | None = None

    def authenticate(self, authorization: str | None) -> User:
        """The user whom an `Authorization` header names.

        Raises
        ------
        Unauthorized
            The header is missing or malformed, nobody has the name, or the password is wrong.
        InternalError
            The stored hash of a user is malformed.
        """
        name, password = _credentials(authorization)
        if not self._current_table().accepts(name, password):
            raise Unauthorized
        return User(name, name in self._read_only)

    def authorize(self, user: User, method: str, path: str) -> None:
        """Let a call pass, or refuse it.

        Raises
        ------
        Forbidden
            The user may only read, and the call may do more.
        """
        if user.read_only and method not in READING_METHODS and (method, path) not in _READING_POSTS:
            raise Forbidden

    def _current_table(self) -> _Table:
        users = self._users()
        table = self._table
        if table is None or table.users != users:
            self._table = table = _Table(users, self._verify)
        return table


_READING_POSTS = {("POST", path) for path in READING_CALLS}


class _Table:
    """The passwords of one set of users.

    `_seals` has the keyed digests of passwords known to be right: at first those given as plain text, later also
    those that the slow hash has accepted. The key never leaves the process.
    """

    def __init__(self, users: Mapping[str, str], verify: Callable[[str, str], bool]) -> None:
        self.users = dict(users)
        self._verify = verify
        self._key = secrets.token_bytes(32)
        self._hashes = {name: stored for name, stored in users.items() if stored.startswith(HASH_PREFIX)}
        self._seals = {
            name: self._seal(stored) for name, stored in users.items() if not stored.startswith(HASH_PREFIX)
        }

    def accepts(self, name: str, password: str) -> bool:
        """Whether it is this user's password."""
        seal = self._seal(password)
        known = self._seals.get(name, b"")
        if hmac.compare_digest(known, seal):
            return True
        right = self._verify(self._hashes.get(name) or self._decoy(), password) and name in self._hashes
        if right:
            self._seals[name] = seal
        return right

    def _decoy(self) -> str:
        """What a name without a hash is checked against: as costly as the hash of a user, if there is one."""
        return next(iter(self._hashes.values()), None) or _random_hash()

    def _seal(self, password: str) -> bytes:
        return hashlib.blake2b(password.encode(), key=self._key, digest_size=32).digest()


def hash_password(password: str) -> str:
    """The Argon2id hash of a password, salted, to be stored in its stead."""
    return _hasher().hash(password)


def verify_password(stored: str, password: str) -> bool:
    """Whether a password has the hash `stored`; takes about 30 ms."""
    from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

    try:
        return _hasher().verify(stored, password)
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError):
        raise InternalError("The stored hash of a user cannot be read") from None


@cache
def _hasher() -> PasswordHasher:
    """Argon2id as OWASP's Password Storage Cheat Sheet advises: 19 MiB, 2 passes, 1 lane; about 30 ms."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _random_hash() -> str:
    return hash_password(secrets.token_hex())


def _credentials(authorization: str | None) -> tuple[str, str]:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        raise Unauthorized
    try:
        text = base64.b64decode(token.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise Unauthorized from None
    name, colon, password = text.partition(":")
    if not colon:
        raise Unauthorized
    return name, password


def main() -> None:
    """Ask for a password and print its hash."""
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        sys.exit("The password is empty")
    sys.stdout.write(hash_password(password) + "\n")


if __name__ == "__main__":
    main()
