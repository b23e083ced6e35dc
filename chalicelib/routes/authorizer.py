"""HTTP Basic as an authorizer of Chalice: a Lambda function beside API Gateway, a call in the local server.

API Gateway keeps an answer per `Authorization` header and uses it for every route until it expires. The policy
therefore names all that its user may do, not the call that asked.

A refusal is an error with the text ``Unauthorized``: API Gateway makes a 401 of exactly that text, and of any
other a 500. Its own answers have neither the challenge nor Orthanc's bodies: the template must set them
(`GatewayResponses` in docs/configuration.md).
"""

from __future__ import annotations

from chalice.app import AuthRequest, AuthResponse, AuthRoute, Chalice, ChaliceAuthorizer

from chalicelib.domain.errors import Unauthorized
from chalicelib.services.authentication import READING_CALLS, READING_METHODS, Authenticator, User

TTL_SECONDS = 300


def make_authorizer(
    app: Chalice, authenticator: Authenticator, ttl_seconds: int = TTL_SECONDS
) -> ChaliceAuthorizer:
    """Put an authorizer in front of every route that the application has.

    To be called after the last route, and its result to be bound to the name `basic_authorizer` in app.py, where
    Lambda looks for it.

    Parameters
    ----------
    app
        The application.
    authenticator
        Checks the credentials.
    ttl_seconds
        How long API Gateway may keep an answer, at most 3600; so long a changed password stays good.
    """

    def basic_authorizer(request: AuthRequest) -> AuthResponse:
        try:
            user = authenticator.authenticate(request.token)
        except Unauthorized:
            raise Unauthorized("Unauthorized") from None
        return AuthResponse(_routes(user), user.name, {"readOnly": str(user.read_only).lower()})

    authorizer: ChaliceAuthorizer = app.authorizer(ttl_seconds=ttl_seconds)(basic_authorizer)
    for methods in app.routes.values():
        for route in methods.values():
            route.authorizer = authorizer  # type: ignore[assignment]  # Chalice's annotation omits this class
    return authorizer


def _routes(user: User) -> list[str | AuthRoute]:
    if not user.read_only:
        return ["*"]
    return [
        AuthRoute("*", list(READING_METHODS)),
        *(AuthRoute(path, ["POST"]) for path in READING_CALLS),
    ]
