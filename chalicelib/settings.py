"""The configuration: one frozen, validated object, read once from one file and the environment.

The file (JSON with comments, its path in `NACRE_CONFIG`) may be one of Orthanc's own. Orthanc's options have
Orthanc's names; the store's own stand in a section ``"Nacre": {...}``, as those of Orthanc's plugins do.
Every option can be given in the environment too, where it wins: `NACRE_` and its name in capitals, words
separated by `_` (`NACRE_HTTP_PORT`). An option that is a text is taken as it stands, any other is read as JSON.

docs/configuration.md lists the options. Messages name options, never values.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from chalicelib.configuration_file import SettingsError, read_file
from chalicelib.domain.encodings import Encoding
from chalicelib.idle_options import WITHOUT_EFFECT

SecretReader = Callable[[str], str]
"""Returns the text of the secret that an ARN names."""

Port = Annotated[int, Meta(ge=1, le=65535)]
Natural = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]
# Orthanc's range for what users define. msgspec 0.20 and 0.22 crash on it in a union with a fixed-size tuple.
UserNumber = Annotated[int, Meta(ge=1024, le=65535)]

PROXY = r"^((http://)?([^/\s]+@)?([^@:/\s\[\]]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?)?\Z"
"""A proxy of HTTP, as libcurl takes it, or nothing."""

LAMBDA_PAYLOAD_BYTES = 4_400_000  # 6 MB (Lambda's limit), less base64 and the envelope
LOCAL_PAYLOAD_BYTES = 2 * 1024**3


class WorklistOptions(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The options of Orthanc's plugin of worklists. Without a `database` (a folder), the files lie in S3."""

    enable: bool = False
    database: str = ""
    filter_issuer_aet: bool = False
    limit_answers: Natural = 0


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Every option. Handed to whoever needs it, never imported as an object."""

    # Orthanc's options, with Orthanc's defaults except for the names
    name: str = "Nacre"
    dicom_aet: Annotated[str, Meta(min_length=1, max_length=16)] = "NACRE"  # PS3.5, section 6.2: AE
    http_port: Port = 8042
    dicom_port: Port = 4242
    remote_access_allowed: bool = False
    authentication_enabled: bool
    registered_users: Mapping[Annotated[str, Meta(pattern="^[^:]+$")], str] = field(default_factory=dict)
    overwrite_instances: Literal["Never", "Always", "IfChanged"] = "Never"
    stable_age: Annotated[int, Meta(ge=1)] = 60
    check_revisions: bool = False
    dicom_server_enabled: bool = True
    dicom_check_called_aet: bool = False
    dicom_check_modality_host: bool = False
    dicom_always_allow_echo: bool = True
    dicom_always_allow_store: bool = True
    dicom_always_allow_find: bool = False
    dicom_always_allow_find_worklist: bool = False
    dicom_always_allow_get: bool = False
    dicom_always_allow_move: bool = False
    strict_aet_comparison: bool = False
    dicom_tls_enabled: bool = False
    dicom_tls_certificate: str = ""
    dicom_tls_private_key: str = ""
    dicom_tls_trusted_certificates: str = ""
    dicom_tls_remote_certificate_required: bool = True
    dicom_tls_minimum_protocol_version: Annotated[int, Meta(ge=0, le=5)] = 0
    dicom_tls_ciphers_accepted: tuple[str, ...] = ()
    unknown_sop_class_accepted: bool = False
    accepted_transfer_syntaxes: list[str] = field(default_factory=lambda: ["1.2.840.10008.1.*"])
    metrics_enabled: bool = True
    http_compression_enabled: bool = False
    dicom_threads_count: Annotated[int, Meta(ge=1)] = 4
    dicom_scp_timeout: Natural = 30
    dicom_scu_timeout: Natural = 10
    dicom_association_close_delay: Natural = 0  # Orthanc's 5 acts on its Lua scripts alone
    dicom_echo_checks_find: bool = False
    dicom_default_retrieve_method: Literal["C-MOVE", "C-GET"] = "C-MOVE"
    maximum_pdu_length: Annotated[int, Meta(ge=4096, le=131072)] = 16384
    limit_find_results: Natural = 0
    limit_find_instances: Natural = 0
    worklists: WorklistOptions = WorklistOptions()
    log_exported_resources: bool = False
    dicom_modalities: Mapping[str, list[Any] | dict[str, Any]] = field(default_factory=dict)
    orthanc_peers: Mapping[str, list[Any] | dict[str, Any]] = field(default_factory=dict)
    http_timeout: Natural = 60
    http_proxy: Annotated[str, Meta(pattern=PROXY)] = ""
    https_verify_peers: bool = True
    https_ca_certificates: str = field(default="", name="HttpsCACertificates")
    user_metadata: Mapping[str, UserNumber] = field(default_factory=dict)
    user_content_type: Mapping[str, UserNumber | list[int | str]] = field(default_factory=dict)
    dictionary: Mapping[str, list[str | int]] = field(default_factory=dict)
    default_encoding: Encoding = "Latin1"
    dicom_lossy_transcoding_quality: Annotated[int, Meta(ge=1, le=100)] = 90
    server_identifier: str = field(name="DatabaseServerIdentifier")

    # The store's own
    stage: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z")] = "local"
    tenant: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z")] = "default"
    data: str = "data"
    dicom_folder: str
    dicom_processes: Annotated[int, Meta(ge=1)]
    health_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    index_table: str
    log_table: str
    files_bucket: str
    inbox_bucket: str
    inbox_queue_url: str = ""
    jobs_queue_url: str = ""
    network_queue_url: str = ""
    job_expiry: Annotated[int, Meta(ge=60)] = 86_400
    concurrent_jobs: Annotated[int, Meta(ge=1)] = 2
    concurrent_network_jobs: Annotated[int, Meta(ge=1)] = 8
    exports_kept_days: Annotated[int, Meta(ge=1)] = 365
    inbox_prefix: str = "inbox/"
    aws_endpoint_url: str = ""
    read_only_users: frozenset[str] = frozenset()
    allow_cross_site_requests: bool = False
    users_secret: str = ""
    keep_deleted_changes: bool = False
    gap_grace_seconds: Seconds = 5.0
    maximum_upload_bytes: Annotated[int, Meta(ge=1)]
    maximum_find_scan: Annotated[int, Meta(ge=100)] = 10_000
    maximum_inline_bytes: Annotated[int, Meta(ge=1)]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]

    # Found out, not given
    on_lambda: bool
    notices: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Settings(name={self.name!r}, stage={self.stage!r})"

    @property
    def http_host(self) -> str:
        """The address that a local server binds to: loopback unless `RemoteAccessAllowed`."""
        return "0.0.0.0" if self.remote_access_allowed else "127.0.0.1"  # noqa: S104 - asked for by the option

    def users(self, read_secret: SecretReader) -> Mapping[str, str]:
        """The users and their passwords: `RegisteredUsers`, and those of the secret `UsersSecret` names.

        Raises
        ------
        SettingsError
            The secret is not a JSON object of texts.
        """
        if not self.users_secret:
            return self.registered_users
        try:
            secret = msgspec.json.decode(read_secret(self.users_secret), type=dict[str, str])
        except msgspec.MsgspecError:
            raise SettingsError("UsersSecret must hold a JSON object: user name to password") from None
        return {**self.registered_users, **secret}

    @classmethod
    def load(cls, env: Mapping[str, str]) -> Settings:
        """Read the configuration from the environment and the file that it names.

        Raises
        ------
        SettingsError
            The file cannot be read, or an option has a value that it cannot have.
        """
        path = env.get("NACRE_CONFIG", "")
        document = read_file(path, env) if path else {}
        options, unknown = _merge(document, env)
        notices = _option_notices(options, unknown)
        on_lambda = "AWS_LAMBDA_FUNCTION_NAME" in env
        options = {name: value for name, value in options.items() if name in OPTIONS}
        try:
            settings = msgspec.convert(
                _defaults(options, on_lambda) | options | {"OnLambda": on_lambda, "Notices": ()}, cls
            )
        except msgspec.ValidationError as error:
            raise SettingsError(_explain(str(error))) from None
        _check_read_only_users(settings)
        return msgspec.structs.replace(settings, notices=(*notices, *_access_notices(settings)))


_FIELDS = {info.encode_name: info.type for info in msgspec.structs.fields(Settings)}
OPTIONS: Collection[str] = _FIELDS.keys() - {"OnLambda", "Notices"}
"""The options that have an effect."""

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

VARIABLES = {"NACRE_" + _WORDS.sub("_", name).upper(): name for name in OPTIONS}
"""The environment variable of each option."""


def _merge(document: dict[str, Any], env: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """All options, and the variables that are none."""
    options = dict(document)
    unknown = []
    for variable in sorted(env):
        if variable in VARIABLES:
            name = VARIABLES[variable]
            options[name] = _from_text(env[variable], _FIELDS[name])
        elif variable.startswith("NACRE_") and variable != "NACRE_CONFIG":
            unknown.append(variable)
    if isinstance(options.get("OverwriteInstances"), bool):
        options["OverwriteInstances"] = "Always" if options["OverwriteInstances"] else "Never"
    return options, unknown


def _from_text(value: str, kind: Any) -> Any:
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.StrType):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _explain(complaint: str) -> str:
    """The message for an option that msgspec refuses, e.g. ``HttpPort: Expected `int`, got `str```."""
    problem, _, path = complaint.rpartition(" - at ")
    if problem.startswith("Invalid enum value"):
        problem = "Not one of the values that it can have"
    name = re.search(r"\$\.(\w+)", path)
    return f"{name[1] if name else 'The configuration'}: {problem}"


def _defaults(options: dict[str, Any], on_lambda: bool) -> dict[str, Any]:
    """The defaults that depend on other options, or on where this runs."""
    prefix = f"nacre-{options.get('Stage', 'local')}"
    payload = LAMBDA_PAYLOAD_BYTES if on_lambda else LOCAL_PAYLOAD_BYTES
    return {
        "AuthenticationEnabled": on_lambda or bool(options.get("RemoteAccessAllowed", False)),
        "DatabaseServerIdentifier": prefix,
        "DicomFolder": os.path.join(tempfile.gettempdir(), "nacre-dicom"),
        "DicomProcesses": os.cpu_count() or 1,
        "IndexTable": f"{prefix}-index",
        "LogTable": f"{prefix}-log",
        "FilesBucket": f"{prefix}-files",
        "InboxBucket": f"{prefix}-inbox",
        "MaximumUploadBytes": payload,
        "MaximumInlineBytes": payload,
        "LogLevel": "INFO" if on_lambda else "WARNING",
    }


def _check_read_only_users(settings: Settings) -> None:
    """A misspelt name would leave its user with every right."""
    missing = settings.read_only_users - settings.registered_users.keys()
    if missing and not settings.users_secret:
        raise SettingsError("ReadOnlyUsers has names that RegisteredUsers does not have")


def _option_notices(options: dict[str, Any], unknown_variables: list[str]) -> list[str]:
    notices = []
    unknown = sorted(options.keys() - OPTIONS - WITHOUT_EFFECT) + unknown_variables
    if unknown:
        notices.append(f"Unknown options: {', '.join(unknown)}")
    idle = sorted(options.keys() & WITHOUT_EFFECT)
    if idle:
        notices.append(f"Options of Orthanc that have no effect here: {', '.join(idle)}")
    return notices


def _access_notices(settings: Settings) -> list[str]:
    notices = []
    reachable = settings.on_lambda or settings.remote_access_allowed
    if reachable and not settings.authentication_enabled:
        notices.append("AuthenticationEnabled is off, and other machines can reach the API")
    if settings.authentication_enabled and not settings.registered_users and not settings.users_secret:
        notices.append("AuthenticationEnabled is on, and there is no user: nobody can sign in")
    if any(not password.startswith("$argon2") for password in settings.registered_users.values()):
        notices.append(
            "RegisteredUsers has plain passwords: store hashes instead"
            " (python -m chalicelib.services.authentication prints one)"
        )
    return notices
