"""The SOP classes of storage, and the transfer syntaxes, that pydicom's dictionary of UIDs has (PS3.6, annex A)."""

from __future__ import annotations

from functools import cache

ROOTS = ("1.2.840.10008.5.1.4.", "1.2.840.10008.5.1.1.")
"""Of storage; elsewhere are its commitment and media."""

SYNTAXES = "1.2.840.10008.1.2"


@cache
def storage_classes() -> list[str]:
    """The UIDs of all storage SOP classes, retired ones as well."""
    return [uid for uid in _uids("SOP Class", "Storage") if uid.startswith(ROOTS)]


@cache
def transfer_syntaxes() -> list[str]:
    """The UIDs of all transfer syntaxes of DIMSE, retired ones as well."""
    found = [uid for uid in _uids("Transfer Syntax", "") if uid.startswith(SYNTAXES)]
    return sorted(found, key=lambda uid: [int(part) for part in uid.split(".")])


def _uids(kind: str, name: str) -> list[str]:
    from pydicom._uid_dict import UID_dictionary

    return sorted(uid for uid, entry in UID_dictionary.items() if entry[1] == kind and name in entry[0])
