"""Storage commitment: `/modalities/{id}/storage-commitment` and `/storage-commitment`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.domain.errors import BadFileFormat
from chalicelib.routes.api import Api
from chalicelib.routes.http import bytes_response, field_of, json_body, json_response
from chalicelib.services.network.commitment_reports import Transaction
from chalicelib.services.network.dicom_out import Reference
from chalicelib.services.network.remotes import Changes

if TYPE_CHECKING:
    from chalicelib.bootstrap import Services

RESOURCES, INSTANCES = "Resources", "DicomInstances"
CLASS, INSTANCE = "SOPClassUID", "SOPInstanceUID"

_REASONS = {
    0x0110: "A general failure in processing the operation was encountered",
    0x0112: "One or more of the elements in the Referenced SOP Instance Sequence was not available",
    0x0119: "The SOP Class of an element in the Referenced SOP Instance Sequence did not correspond to the SOP class"
    " registered for this SOP Instance at the SCP",
    0x0122: "Storage Commitment has been requested for a SOP Instance with a SOP Class that is not supported by the"
    " SCP",
    0x0131: "The Transaction UID of the Storage Commitment Request is already in use",
    0x0213: "The SCP does not currently have enough resources to store the requested SOP Instance(s)",
}
_UNKNOWN_REASON = "Unknown failure reason"


def commitment_routes(services: Services) -> Api:
    """The routes."""
    api = Api(__name__)
    reports = services.network.commitment_reports

    @api.post("/modalities/{name}/storage-commitment")
    def ask(name: str) -> Response:
        services.modalities.get(name)
        fields = json_body(api.body, "Must provide a JSON object with a list of resources")
        if not isinstance(fields, dict):
            raise BadFileFormat("Must provide a JSON object with a list of resources")
        timeout = field_of(fields, "Timeout", int, "Integer", default=None)
        references = [*reports.references(_resources(fields)), *_instances(fields)]
        identifier = reports.ask(name, Changes(timeout_seconds=timeout), references)
        return json_response({"ID": identifier, "Path": f"/storage-commitment/{identifier}"})

    @api.get("/storage-commitment/{identifier}")
    def report(identifier: str) -> Response:
        return json_response(_shown(reports.get(identifier)))

    @api.post("/storage-commitment/{identifier}/remove")
    def remove(identifier: str) -> Response:
        reports.remove(identifier)
        return bytes_response(b"{}", "application/json")

    return api


def _resources(fields: Mapping[str, Any]) -> list[str]:
    if RESOURCES not in fields and INSTANCES not in fields:
        raise BadFileFormat(
            f'Empty storage commitment request, one of these fields is mandatory: "{RESOURCES}" or "{INSTANCES}"'
        )
    resources = fields.get(RESOURCES, [])
    if not isinstance(resources, list):
        raise BadFileFormat(f'The "{RESOURCES}" field must provide an array of Orthanc resources')
    for one in resources:
        if not isinstance(one, str):
            found = json.dumps(one)[:64]
            raise BadFileFormat(f'The "{RESOURCES}" field must provide an array of strings, found: {found}\n')
    return resources


def _instances(fields: Mapping[str, Any]) -> list[Reference]:
    instances = fields.get(INSTANCES, [])
    if not isinstance(instances, list):
        raise BadFileFormat(f'The "{INSTANCES}" field must provide an array of DICOM instances')
    return [_reference(one) for one in instances]


def _reference(value: Any) -> Reference:
    if isinstance(value, list):
        if len(value) == 2 and all(isinstance(uid, str) for uid in value):
            return Reference(*value)
        raise BadFileFormat(
            "An instance entry must provide an array with 2 strings: SOP Class UID and SOP Instance UID"
        )
    if not isinstance(value, dict):
        found = json.dumps(value)[:64]
        raise BadFileFormat(
            f"JSON array or object is expected to specify one instance to be queried, found: {found}\n"
        )
    uids = value.get(CLASS), value.get(INSTANCE)
    if not isinstance(uids[0], str) or not isinstance(uids[1], str):
        raise BadFileFormat(
            'An instance entry must provide an object with 2 string fiels: "SOPClassUID" and "SOPInstanceUID'
        )
    return Reference(uids[0], uids[1])


def _shown(transaction: Transaction) -> dict[str, Any]:
    report = transaction.report
    if report is None:
        return {"RemoteAET": transaction.remote_aet, "Status": "Pending"}
    return {
        "RemoteAET": transaction.remote_aet,
        "Status": "Failure" if report.failures else "Success",
        "Success": [{CLASS: one.sop_class_uid, INSTANCE: one.sop_instance_uid} for one in report.success],
        "Failures": [
            {
                CLASS: one.sop_class_uid,
                INSTANCE: one.sop_instance_uid,
                "FailureReason": reason,
                "Description": _REASONS.get(reason, _UNKNOWN_REASON),
            }
            for one, reason in report.failures
        ],
    }
