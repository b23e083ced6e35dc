"""The configuration: file, environment, defaults, complaints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from chalicelib.configuration_file import SettingsError
from chalicelib.idle_options import WITHOUT_EFFECT
from chalicelib.settings import OPTIONS, VARIABLES, Settings

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "configuration.md"

ORTHANC_FILE = """\ufeff
/**
 * A file in the manner of Orthanc's own, with "HttpPort" : 1 in a comment
 **/
{
  // The name
  "Name" : "A // b /* c */ \\" d",
  "HttpPort" : 8099, // "HttpPort" : 2
  "RegisteredUsers" : {
    // "alice" : "alicePassword"
    "bob" : "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA", /* last */
  },
  "DicomModalities" : { "sample" : [ "STORESCP", "127.0.0.1", 2000 ], "b" : { "AET" : "B", "Port" : 104 } },
  "UserContentType" : { "sample" : 1024, "sample2" : [ 1025, "application/pdf" ] },
  "Dictionary" : { "0014,1020" : [ "DA", "ValidationExpiryDate", 1, 1 ] },
  "StorageDirectory" : "OrthancStorage",
  "LuaScripts" : [ ],
  "Nacre" : { "Tenant" : "ward-7" },
}
"""


def load(tmp_path: Path, document: object, **env: str) -> Settings:
    path = tmp_path / "configuration.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return Settings.load({"NACRE_CONFIG": str(path), **env})


def test_defaults_are_orthancs_where_orthanc_has_them() -> None:
    settings = Settings.load({})
    assert (settings.http_port, settings.dicom_port, settings.dicom_aet) == (8042, 4242, "NACRE")
    assert (settings.stable_age, settings.overwrite_instances) == (60, "Never")
    assert (settings.limit_find_results, settings.limit_find_instances) == (0, 0)
    assert settings.default_encoding == "Latin1"
    assert settings.http_host == "127.0.0.1"
    assert settings.notices == ()


def test_a_file_in_orthancs_manner_loads(tmp_path: Path) -> None:
    settings = load(tmp_path, ORTHANC_FILE)
    assert settings.name == 'A // b /* c */ " d'
    assert settings.http_port == 8099
    assert set(settings.registered_users) == {"bob"}
    assert settings.dicom_modalities["sample"] == ["STORESCP", "127.0.0.1", 2000]
    assert settings.user_content_type == {"sample": 1024, "sample2": [1025, "application/pdf"]}
    assert settings.tenant == "ward-7"
    assert settings.notices == ("Options of Orthanc that have no effect here: LuaScripts, StorageDirectory",)


def test_variables_are_replaced_as_orthanc_does(tmp_path: Path) -> None:
    file = '{"Name": "[${A}|${B}|${B:-c}|${B:-}|$A]", "HttpPort": ${PORT}}'
    settings = load(tmp_path, file, A="x", PORT="8077")
    assert settings.name == "[x||c||$A]"
    assert settings.http_port == 8077


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    document = {"HttpPort": 1, "Name": "file", "Nacre": {"KeepDeletedChanges": False}}
    settings = load(
        tmp_path,
        document,
        NACRE_HTTP_PORT="8043",
        NACRE_NAME="8",
        NACRE_KEEP_DELETED_CHANGES="true",
        NACRE_DATA="/srv/nacre",
        NACRE_OVERWRITE_INSTANCES="IfChanged",
        NACRE_USER_METADATA='{"sample": 1024}',
        NACRE_DATABASE_SERVER_IDENTIFIER="one",
    )
    assert (settings.http_port, settings.name, settings.data) == (8043, "8", "/srv/nacre")
    assert settings.keep_deleted_changes
    assert settings.overwrite_instances == "IfChanged"
    assert settings.user_metadata == {"sample": 1024}
    assert settings.server_identifier == "one"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (False, "Never"),
        (True, "Always"),
        ("Never", "Never"),
        ("Always", "Always"),
        ("IfChanged", "IfChanged"),
    ],
)
def test_overwrite_instances_is_a_switch_or_a_word(tmp_path: Path, given: object, meant: str) -> None:
    assert load(tmp_path, {"OverwriteInstances": given}).overwrite_instances == meant


def test_resources_are_named_after_the_stage_unless_named() -> None:
    settings = Settings.load({"NACRE_STAGE": "prod", "NACRE_FILES_BUCKET": "hospital-dicom"})
    assert settings.index_table == "nacre-prod-index"
    assert settings.log_table == "nacre-prod-log"
    assert settings.files_bucket == "hospital-dicom"
    assert settings.inbox_bucket == "nacre-prod-inbox"


@pytest.mark.parametrize(
    ("env", "enabled"),
    [
        ({}, False),
        ({"NACRE_REMOTE_ACCESS_ALLOWED": "true"}, True),
        ({"AWS_LAMBDA_FUNCTION_NAME": "api"}, True),
        ({"NACRE_AUTHENTICATION_ENABLED": "true"}, True),
        ({"NACRE_REMOTE_ACCESS_ALLOWED": "true", "NACRE_AUTHENTICATION_ENABLED": "false"}, False),
    ],
)
def test_authentication_is_on_unless_only_this_machine_can_connect(
    env: dict[str, str], enabled: bool
) -> None:
    assert Settings.load(env).authentication_enabled is enabled


def test_lambda_limits_what_a_request_and_an_answer_carry() -> None:
    on_lambda = Settings.load({"AWS_LAMBDA_FUNCTION_NAME": "api", "NACRE_USERS_SECRET": "arn"})
    assert on_lambda.maximum_upload_bytes * 4 / 3 < 6 * 1024 * 1024
    assert on_lambda.maximum_inline_bytes * 4 / 3 < 6 * 1024 * 1024
    assert on_lambda.on_lambda
    assert on_lambda.log_level == "INFO"
    assert on_lambda.notices == ()
    assert not Settings.load({}).on_lambda


def test_doubtful_access_is_noticed() -> None:
    reachable = {"NACRE_REMOTE_ACCESS_ALLOWED": "true"}
    assert "nobody can sign in" in " ".join(Settings.load(reachable).notices)
    reachable["NACRE_AUTHENTICATION_ENABLED"] = "false"
    assert "other machines can reach the API" in " ".join(Settings.load(reachable).notices)


def test_unknown_options_are_named_without_their_values(tmp_path: Path) -> None:
    settings = load(tmp_path, {"HtpPort": "geheim1", "OnLambda": True}, NACRE_FOO="geheim2", OTHER="geheim3")
    assert settings.notices == ("Unknown options: HtpPort, OnLambda, NACRE_FOO",)
    assert not settings.on_lambda


def test_plain_passwords_are_noticed_and_never_shown(tmp_path: Path) -> None:
    settings = load(
        tmp_path, {"RegisteredUsers": {"alice": "geheim"}, "OrthancPeers": {"p": ["u", "a", "geheim"]}}
    )
    assert "RegisteredUsers has plain passwords" in " ".join(settings.notices)
    assert "geheim" not in repr(settings) + str(settings) + f"{settings}" + " ".join(settings.notices)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"HttpPort": "geheim"}, "HttpPort: Expected `int`, got `str`"),
        ({"HttpPort": 70000}, "HttpPort: Expected `int` <= 65535"),
        ({"DicomAet": "SEVENTEEN_LETTERS"}, "DicomAet: Expected `str` of length <= 16"),
        ({"StableAge": 0}, "StableAge: Expected `int` >= 1"),
        ({"OverwriteInstances": "geheim"}, "OverwriteInstances: Not one of the values that it can have"),
        ({"DefaultEncoding": "geheim - at `x`"}, "DefaultEncoding: Not one of the values that it can have"),
        ({"RegisteredUsers": {"alice": {"geheim": 1}}}, "RegisteredUsers: Expected `str`, got `object`"),
        (
            {"RegisteredUsers": {"al:ice": "geheim"}},
            "RegisteredUsers: Expected `str` matching regex '^[^:]+$'",
        ),
        ({"RegisteredUsers": ["geheim"]}, "RegisteredUsers: Expected `object`, got `array`"),
        ({"UserMetadata": {"sample": 12}}, "UserMetadata: Expected `int` >= 1024"),
        ({"AuthenticationEnabled": "geheim"}, "AuthenticationEnabled: Expected `bool`, got `str`"),
        ({"Nacre": {"GapGraceSeconds": 0}}, "GapGraceSeconds: Expected `float` > 0.0"),
        (
            {"RegisteredUsers": {"alice": "x"}, "Nacre": {"ReadOnlyUsers": ["geheim"]}},
            "ReadOnlyUsers has names that RegisteredUsers does not have",
        ),
    ],
)
def test_a_wrong_option_gives_one_message_without_its_value(
    tmp_path: Path, document: object, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, document)
    assert str(caught.value) == message


@pytest.mark.parametrize("tenant", ["a#b", "a/b", "", "../x", "A", "a\n"])
def test_a_tenant_cannot_reach_into_the_keys_of_another(tenant: str) -> None:
    with pytest.raises(SettingsError, match=r"^Tenant: "):
        Settings.load({"NACRE_TENANT": tenant})


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "geheim"', '{"Nacre": 3}', "{'a': 1}", "\x00"])
def test_a_file_that_is_no_json_object_gives_one_message(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"configuration\.json") as caught:
        load(tmp_path, text)
    assert "geheim" not in str(caught.value)


def test_a_file_that_cannot_be_read_gives_one_message(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        Settings.load({"NACRE_CONFIG": str(tmp_path / "missing.json")})
    (tmp_path / "latin.json").write_bytes(b'{"Name": "\xe9"}')
    with pytest.raises(SettingsError, match="not UTF-8"):
        Settings.load({"NACRE_CONFIG": str(tmp_path / "latin.json")})


def test_users_come_from_the_secret_too() -> None:
    env = {"NACRE_USERS_SECRET": "arn:x", "NACRE_REGISTERED_USERS": '{"alice": "1", "bob": "2"}'}
    settings = Settings.load(env)
    secrets = {"arn:x": '{"bob": "3", "carol": "4"}', "arn:y": '["geheim"]'}
    assert settings.users(secrets.__getitem__) == {"alice": "1", "bob": "3", "carol": "4"}
    wrong = Settings.load({"NACRE_USERS_SECRET": "arn:y"})
    with pytest.raises(SettingsError, match="UsersSecret") as caught:
        wrong.users(secrets.__getitem__)
    assert "geheim" not in str(caught.value)


def test_no_secret_is_read_unless_one_is_named() -> None:
    def unexpected(arn: str) -> str:
        raise AssertionError(arn)

    settings = Settings.load({"NACRE_REGISTERED_USERS": '{"alice": "1"}'})
    assert settings.users(unexpected) == {"alice": "1"}


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings.load({}).http_port = 1  # type: ignore[misc]


def test_an_option_has_an_effect_or_none() -> None:
    assert not set(OPTIONS) & WITHOUT_EFFECT


def test_the_documentation_lists_every_option_with_its_variable_and_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(NACRE_\w+)` \| (.*?) \|", DOCUMENTATION.read_text(), re.MULTILINE)
    assert {option: variable for option, variable, _ in rows} == {o: v for v, o in VARIABLES.items()}
    fields = {field.encode_name: field.default for field in msgspec.structs.fields(Settings)}
    for option, _, default in rows:
        if isinstance(fields[option], (bool, int, float, str)):
            assert default == f"`{json.dumps(fields[option])}`", option
