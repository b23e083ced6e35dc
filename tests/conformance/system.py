"""What is asked of options at run time, of plugins, and of the forms of answers."""

from __future__ import annotations

from tests.conformance.difference import Difference, Kind, asks
from tests.conformance.exchanges import NOTHING, Body
from tests.conformance.hospital import LEVELS, PARENTS, fill
from tests.conformance.session import Session

XML = {"Accept": "application/xml"}
BOOLEANS = ("0", "1", "2", "true", "false", "", "x")
LOGS = (
    "log-level",
    *(f"log-level-{name}" for name in ("dicom", "generic", "http", "jobs", "lua", "plugins", "sqlite")),
)


def put(session: Session, path: str, *values: str) -> None:
    """Set an option to one value after another, and look at it each time."""
    for value in values:
        session.ask("PUT", path, Body(value, value.encode()))
        session.get(path)


def options(session: Session) -> None:
    """Every option, right and wrong values."""
    paths = ("metrics", "unknown-sop-class-accepted", "default-encoding", "accepted-transfer-syntaxes", *LOGS)
    session.get(
        *(f"/tools/{path}" for path in paths), "/tools/log-level-nonsense", "/tools/accepted-sop-classes"
    )
    put(session, "/tools/metrics", *BOOLEANS)
    put(session, "/tools/unknown-sop-class-accepted", *BOOLEANS)
    put(session, "/tools/default-encoding", "Latin2", "utf8", "UTF8", "x", "", "Latin1")
    for path in LOGS:
        put(session, f"/tools/{path}", "verbose", "trace", "info", "", "default")
    put(
        session,
        "/tools/accepted-transfer-syntaxes",
        '["1.2.840.10008.1.2"]', "1.2.840.10008.1.2.*", '["nope"]', "nope", "{}", "[1]", "", '["*"]', "*",
        '["1.2.840.10008.1.2.4.*","1.2.840.10008.1.2.1"]',
    )  # fmt: skip
    session.ask("PUT", "/tools/log-level-nonsense", Body("default", b"default"))
    session.ask("POST", "/tools/execute-script", Body("script", b"print(1)"))
    session.get("/tools/execute-script", "/plugins", "/plugins/explorer.js", "/plugins/nonsense", "/tools")


def forms(session: Session) -> None:
    """XML, and methods in the query string."""
    stored = fill(session)[0]
    known = [f"/{level}/{stored[key]}" for level, key in zip(LEVELS, PARENTS, strict=True)]
    for path in [
        *known,
        *(f"/{level}" for level in LEVELS),
        "/changes",
        "/statistics",
        "/tools/now",
        "/modalities",
    ]:
        session.ask("GET", path, NOTHING, XML)
    for path in ("tags", "simplified-tags", "header", "metadata?expand", "content", "frames", "labels"):
        session.ask("GET", f"{known[-1]}/{path}", NOTHING, XML)
    session.ask("POST", "/tools/find", Body("find", b'{"Level":"Study","Query":{},"Expand":true}'), XML)
    session.ask("POST", "/tools/lookup", Body("lookup", b"1.2.3"), XML)
    session.ask("GET", "/studies/unknown", NOTHING, XML)
    for accept in (
        "text/xml", "application/json", "text/html", "*/*", "application/json, application/xml", "application/*",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/xml;q=0.5, application/json",
    ):  # fmt: skip
        session.ask("GET", "/studies", NOTHING, {"Accept": accept})
    instance = known[-1]
    session.get(f"{instance}?_method=FOO", f"{instance}?_method=GET", f"{instance}?_method=delete")
    for method in ("PUT", "DELETE", "GET"):
        session.ask("POST", f"{instance}?_method={method}")
    session.ask("PUT", f"{instance}?_method=DELETE")
    session.get(f"{instance}?_method=PUT", f"{instance}?_method=DELETE", instance)


TITLE = "System"
SCENARIOS = {"options": (options, {}), "forms": (forms, {})}
_MORE = "Transfer syntaxes and SOP classes of the DICOM standard of today."
_SYNTAXES = [f"{method} /tools/accepted-transfer-syntaxes" for method in ("GET", "PUT")]
DIFFERENCES = [
    Difference(
        Kind.CHOSEN,
        _MORE,
        _SYNTAXES,
        ["json"],
        lambda e: isinstance(e.body, list) and "1.2.840.10008.1.2.4.100" in e.body,
    ),
    Difference(Kind.CHOSEN, _MORE, ["GET /tools/accepted-sop-classes"], ["json"]),
    Difference(
        Kind.CHOSEN,
        "Quality decides between JSON and XML; Orthanc does not read what stands behind a blank.",
        ["GET /studies"],
        ["headers.content-type", "json", "text"],
        asks("application/xml;q=0.5, application/json"),
    ),
    Difference(
        Kind.CHOSEN,
        "An instance without pixels has no frames. Orthanc says that it has one, and fails to give it.",
        ["GET /instances/{id}/frames"],
        ["text"],
        asks("application/xml"),
    ),
]
