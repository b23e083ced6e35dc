"""Odd queries, paths, bodies, headers and methods, on every route: refused or answered, never a 500."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.robustness.conftest import OpenStore
from tests.robustness.mutants import source
from tests.robustness.store import Store
from tests.support.checker import problems

NUMBERS = (
    "",
    "-1",
    "0",
    "00",
    "+1",
    " 1",
    "1.5",
    "1e9",
    "NaN",
    "Infinity",
    "0x10",
    "9" * 18,
    "9" * 30,
    "%D9%A3",
    "x",
    "1%00",
)
NUMERIC = ("since", "limit", "to", "quality")
SWITCHES = ("expand", "last", "whole", "returnUnsupportedImage", "short", "full", "simplify")
LISTS = ("requestedTags", "requested-tags", "ignore-length", "type", "level")
TEXTS = (
    "",
    ";",
    ",",
    "no such",
    "0010,0010",
    "00100010",
    "0010-00zz",
    "PatientName;" * 500,
    "%ff%fe",
    "%00",
    "%0d%0aA:b",
    "é",
    "'\"<>",
    "..",
)
WHOLE = (
    "",
    "&&==&",
    "%",
    "%zz",
    "%u1234",
    "a" * 10_000,
    "=",
    "since=0&limit=1&since=1&limit=-1",
    "a[]=1&a[]=2",
    "x" + "&x" * 900,
)
QUERIES = (
    *(f"since=0&limit=0&{name}={value}" for name in NUMERIC for value in NUMBERS),
    *(f"{name}={value}" for name in SWITCHES for value in ("", "true", "0", "maybe", "%00")),
    *(f"expand&{name}={value}" for name in LISTS for value in TEXTS),
    *WHOLE,
)
SEGMENTS = (
    "%20",
    "..",
    "%2e%2e",
    "%2F",
    "..%2F..%2Fetc%2Fpasswd",
    "%00",
    "a%00b",
    "%0d%0aA:b",
    "%ff",
    "%",
    "%zz",
    "%F0%9F%92%A9",
    "é",
    "{level}",
    "{identifier+}",
    "t0%23r%23x",
    "%21",
    "a;b=c",
    "a:b@c",
    "*",
    "-1",
    "9" * 400,
    "x" * 10_000,
    "0010-0010",
    "7fe0-0010",
    "00000000-00000000-00000000-00000000-00000000",
)
BODIES = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"1e400",
    b"NaN",
    b"{",
    b"[" * 100_000,
    b'{"Size": ' + b"9" * 5000 + b"}",
    b'{"Size": -1}',
    b'{"Size": 0}',
    b'{"Size": true}',
    b'{"Size": 1.5}',
    b'{"Size": NaN}',
    b'{"Size": 99999999999999999999}',
    b'{"Size": 5497558138880, "Md5": ""}',
    b'{"Size": 1, "Md5": "zz"}',
    b'{"Size": 1, "Md5": ["a"]}',
    b'{"Size": 1, "Md5": "\\ud800"}',
    b'{"Size": 1, "Size": "1"}',
    b'{"Md5": "\\u0000"}',
    "{}".encode("utf-16"),
    b"\xff\xfe\x00",
    b"\0" * 1000,
    b"1.2.3\0",
    b"x" * 100_000,
    "é".encode() * 2000,
    "\U0001f600".encode() * 256,
)
TYPES = (
    "",
    "x",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=" + "x" * 10_000,
    "multipart/form-data; boundary=a\r\nX: y",
    'multipart/form-data; boundary="',
    "multipart/form-data; boundary=.*(",
    "multipart/form-data; boundary=\xe9; charset=no-such",
    "multipart/form-data; boundary*=utf-8''%ff; boundary=a",
    "application/json; charset=utf-99",
)
HEADERS = (
    *({"Content-Type": name} for name in TYPES),
    *(
        {"Content-Encoding": name}
        for name in ("gzip", "gzip, gzip", "GZIP\0", "x" * 10_000, "identity", "deflate")
    ),
    *(
        {"Accept": name}
        for name in (
            "",
            ",",
            ";q=",
            "image/png;q=x",
            "*/*;q=nan",
            "image/*;q=1e999",
            "\xe9",
            "a/b," * 5000,
            "text/html",
        )
    ),
    *(
        {"Authorization": name}
        for name in ("", "Basic", "Basic !!!", "Basic \xe9", "Basic " + "x" * 10_000, "Bearer a")
    ),
    {"Range": "bytes=9-1"},
    {"Expect": "x"},
    {"Transfer-Encoding": "chunked"},
    {"X-Forwarded-For": "a\r\nb: c", "Host": "evil\r\nX: y", "User-Agent": "\xff\0"},
)
FORMS = (
    b"--a\r\n\r\n\r\n--a--",
    b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--a--",
    b"--a\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n--a--",
    b"--a\r\nContent-Transfer-Encoding: uuencode\r\n\r\nbegin\r\n--a--",
    b"--a\r\n" + b"X: y\r\n" * 5000 + b"\r\nx\r\n--a--",
    b"--a" * 5000,
    b"--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx\r\n--a--",
    b"--a\r\nContent-Type: text/plain; charset=\xff\r\n\r\n\xff\r\n--a--",
)
LEVELS = ("patients", "studies", "series", "instances")
NOBODY = "00000000-00000000-00000000-00000000-00000000"


@pytest.fixture
def store(open_store: OpenStore) -> Iterator[Store]:
    """A store with an image and a report, which must be whole in the end."""
    with open_store() as opened:
        for name in ("MR_small_RLE.dcm", "reportsi.dcm"):
            assert opened.post(source(name)).status == 200
        yield opened
        opened.world.settle()
        assert problems(opened.world) == []


def templates(store: Store, method: str) -> list[str]:
    """The templates of all routes with a method; of those into a file's elements, some depths."""
    found = [template for template, methods in store.app.routes.items() if method in methods]
    return [template for template in found if not re.search(r"\{s(0[3-9]|1[0-4])\}$", template)]


def paths(store: Store, method: str) -> list[str]:
    """The paths of all routes, of resources that are there; of those that none has, where they would be changed."""
    found = []
    known = {level: store.get(f"/{level}").json()[0] for level in LEVELS if method != "DELETE"}
    for template in templates(store, method):
        for level in LEVELS if "{level}" in template else ("",):
            path = template.replace("{level}", level).replace("{identifier}", known.get(level, NOBODY))
            path = path.replace("{relation}", "instances").replace("{s00}", "0008-1115")
            found.append(re.sub(r"\{s\d\d\}", "0", path))
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_odd_queries(store: Store, method: str) -> None:
    step = 9 if method == "GET" else 40
    for turn, path in enumerate(paths(store, method)):
        for query in QUERIES[turn % step :: step]:
            store.ask(method, f"{path}?{query}")


def test_odd_queries_change_nothing(store: Store) -> None:
    for path in (*paths(store, "POST"), *paths(store, "DELETE")):
        for query in QUERIES[::5]:
            store.ask("DELETE" if NOBODY in path else "POST", f"{path}?{query}")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_odd_paths(store: Store, method: str) -> None:
    for template in templates(store, method):
        if template == "/" or (method == "DELETE" and "{" not in template):
            continue
        for part in re.findall(r"\{\w+\}", template) or [template.rsplit("/", 1)[1]]:
            for segment in SEGMENTS:
                path = template.replace(part, segment, 1).replace("{level}", "instances")
                store.ask(method, re.sub(r"\{\w+\}", NOBODY, path))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "//x",
        "/./system",
        "/a/../system",
        "/system/",
        "/System",
        "/" * 10_000,
        "/a" * 5000,
        "/\0",
        "*",
    ],
)
def test_odd_paths_without_a_route(store: Store, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "HEAD"):
        store.ask(method, path)


@pytest.mark.parametrize(
    "method", ["PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "X" * 1000, "\xe9", ""]
)
def test_odd_methods(store: Store, method: str) -> None:
    known = set(paths(store, method)) if method == "PUT" else set()
    for path in paths(store, "GET")[::8]:
        assert path in known or store.ask(method, path).status in (404, 405)


def test_odd_bodies(store: Store) -> None:
    before = set(store.get("/instances").json())
    for path in paths(store, "POST"):
        for body in BODIES:
            store.ask("POST", path, body)
            store.ask("POST", path, body, {"Content-Type": "application/json", "Content-Encoding": "gzip"})
            if path.endswith(
                "/modify"
            ):  # or each copy of a patient would have more to copy than the one before
                for copy in set(store.get("/instances").json()) - before:
                    store.ask("DELETE", f"/instances/{copy}")


def test_odd_bodies_for_options(store: Store) -> None:
    for path in paths(store, "PUT"):
        if path.startswith("/tools/"):
            for body in BODIES:
                store.ask("PUT", path, body)


def test_bodies_where_none_is_expected(store: Store) -> None:
    for path in paths(store, "GET"):
        store.ask("GET", path, b"\xff" * 1000)


def test_odd_headers(store: Store) -> None:
    reads, writes = paths(store, "GET"), paths(store, "POST")
    for turn, headers in enumerate(HEADERS):
        for path in reads[turn % 7 :: 7]:
            store.ask("GET", path, b"", headers)
        for path in writes:
            store.ask("POST", path, b"x\r\n--a", headers)


def test_odd_forms(store: Store) -> None:
    before = store.get("/instances").json()
    for form in FORMS:
        for boundary in ("a", '"a"', "b"):
            answer = store.post(form, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
            assert answer.status == 400
    assert store.get("/instances").json() == before


def test_a_header_cannot_be_injected(store: Store) -> None:
    (instance, *_) = store.get("/instances").json()
    for value in ("image/png\r\nX-Evil: 1", "image/jpeg;q=1\nX-Evil: 1"):
        answer = store.get(f"/instances/{instance}/preview", {"Accept": value})
        assert "x-evil" not in answer.headers
    for path in (
        "/instances/%0d%0aX-Evil:1/file",
        "/%0d%0aX-Evil:1",
        "/tools/generate-uid?level=%0d%0aX-Evil:1",
    ):
        assert "x-evil" not in store.get(path).headers


def test_errors_name_what_was_asked(store: Store) -> None:
    error = json.loads(store.get("/instances?since=x&limit=1").body)
    assert (error["Uri"], error["HttpStatus"], error["OrthancStatus"]) == ("/instances", 400, 5)
