"""`Accept` as Orthanc 1.12.7 reads it."""

import pytest

from chalicelib.domain.errors import UnsupportedMediaType
from chalicelib.routes.negotiation import negotiate

PNG, JPEG, PAM = OFFERED = ("image/png", "image/jpeg", "image/x-portable-arbitrarymap")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", PNG),
        ("image/*", PNG),
        ("image/jpeg", JPEG),
        (PAM, PAM),
        ("image/png;q=0.5,image/jpeg", JPEG),
        ("image/jpeg;q=0.9, image/png;q=0.9", JPEG),
        ("image/png,image/jpeg", PNG),
        ("image/jpeg;q=0.1,*/*;q=0.5", JPEG),
        ("*/*,image/jpeg", JPEG),
        ("image/*,image/jpeg", JPEG),
        ("text/html,image/*;q=0.8,*/*;q=0.1", PNG),
        ("image/jpeg;q=0,image/png;q=0", JPEG),
        ("image/jpeg;charset=x;q=0.2,image/png;q=0.3", PNG),
        ("IMAGE/JPEG", None),
        ("text/html", None),
        ("foo", None),
        ("", None),
    ],
)
def test_the_preferred_type(accept, expected):
    assert negotiate(accept, OFFERED) == expected


def test_a_quality_that_is_no_number():
    with pytest.raises(UnsupportedMediaType):
        negotiate("image/jpeg;q=abc", OFFERED)
