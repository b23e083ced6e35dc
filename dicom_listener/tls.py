"""DICOM TLS (PS3.15, annex B) by Orthanc's options: this node's certificate, and whom it trusts."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from chalicelib.configuration_file import SettingsError
from chalicelib.domain.errors import BadSequenceOfCalls
from chalicelib.settings import Settings
from dicom_listener.pem import as_file, is_pem
from dicom_listener.renewal import Renewed, Report

_VERSIONS = (
    ssl.TLSVersion.TLSv1_2,  # BCP 195
    ssl.TLSVersion.MINIMUM_SUPPORTED,
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)
"""The oldest version, by `DicomTlsMinimumProtocolVersion`."""

_BCP_195 = "ECDHE+AESGCM:DHE+AESGCM:!aNULL:!PSK"
_TLS_1_3 = "TLS_"


def listening_context(settings: Settings, report: Report) -> Callable[[], ssl.SSLContext] | None:
    """What secures associations that peers ask for, None without `DicomTlsEnabled`.

    Parameters
    ----------
    report
        Told when the files have changed and cannot be used; the former ones then stay in use.

    Raises
    ------
    SettingsError
        The options are not complete, or hold or name what cannot be used.
    """
    if not settings.dicom_tls_enabled:
        return None
    if missing := _missing(settings):
        raise SettingsError(f"DicomTlsEnabled is on, and there is no {missing[0]}")
    return _renewed(settings, ssl.PROTOCOL_TLS_SERVER, report)


def calling_contexts(settings: Settings, report: Report) -> Callable[[], ssl.SSLContext]:
    """What secures associations with modalities that have `UseDicomTls`; `report` is as above.

    What is returned raises `BadSequenceOfCalls` if the options are not complete.

    Raises
    ------
    SettingsError
        The options hold or name what cannot be used.
    """
    if missing := _missing(settings):
        text = f"DICOM TLS - No path to the {missing[1]} was provided"

        def refuse() -> ssl.SSLContext:
            raise BadSequenceOfCalls(text)

        return refuse
    return _renewed(settings, ssl.PROTOCOL_TLS_CLIENT, report)


def _renewed(settings: Settings, protocol: int, report: Report) -> Renewed:
    paths = [settings.dicom_tls_certificate, settings.dicom_tls_private_key]
    if settings.dicom_tls_remote_certificate_required:
        paths.append(settings.dicom_tls_trusted_certificates)
    files = [path for path in paths if not is_pem(path)]
    return Renewed(lambda: _context(settings, protocol), files, report)


def _missing(settings: Settings) -> tuple[str, str] | None:
    """The first option that is missing, with Orthanc's name of what it holds."""
    if not settings.dicom_tls_private_key:
        return "DicomTlsPrivateKey", "private key of the local certificate"
    if not settings.dicom_tls_certificate:
        return "DicomTlsCertificate", "local certificate"
    if settings.dicom_tls_remote_certificate_required and not settings.dicom_tls_trusted_certificates:
        return "DicomTlsTrustedCertificates", "trusted remote certificates"
    return None


def _context(settings: Settings, protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = (
        False  # nodes are known by their address: trust is in the certificates, as in dcmtk
    )
    context.minimum_version = _VERSIONS[settings.dicom_tls_minimum_protocol_version]
    _set_ciphers(context, settings)
    _load_own(context, settings)
    if settings.dicom_tls_remote_certificate_required:
        context.verify_mode = ssl.CERT_REQUIRED
        _load_trusted(context, settings)
    else:
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_own(context: ssl.SSLContext, settings: Settings) -> None:
    folder = settings.dicom_folder
    with (
        as_file(settings.dicom_tls_certificate, folder) as certificate,
        as_file(settings.dicom_tls_private_key, folder) as key,
    ):
        try:
            context.load_cert_chain(certificate, key, _no_password)
        except (OSError, ValueError):
            raise SettingsError(
                "DicomTlsCertificate and DicomTlsPrivateKey must be, or name files of, PEM texts of one key "
                "without a password"
            ) from None


def _load_trusted(context: ssl.SSLContext, settings: Settings) -> None:
    with as_file(settings.dicom_tls_trusted_certificates, settings.dicom_folder) as trusted:
        try:
            context.load_verify_locations(trusted)
        except OSError:
            raise SettingsError(
                "DicomTlsTrustedCertificates must be, or name a file of, PEM texts of certificates"
            ) from None


def _no_password() -> str:
    """Without it OpenSSL would ask on the terminal."""
    raise ValueError


def _set_ciphers(context: ssl.SSLContext, settings: Settings) -> None:
    accepted = settings.dicom_tls_ciphers_accepted
    if settings.dicom_tls_minimum_protocol_version == 0:
        if accepted:
            raise SettingsError(
                "DicomTlsCiphersAccepted has to be empty if DicomTlsMinimumProtocolVersion is 0 (BCP 195)"
            )
        context.set_ciphers(_BCP_195)
        return
    older = [name for name in accepted if not name.startswith(_TLS_1_3)]
    if accepted and not older:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    if older:
        try:
            context.set_ciphers(":".join(older))
        except ssl.SSLError:
            raise SettingsError("DicomTlsCiphersAccepted must have OpenSSL's names of ciphers") from None
