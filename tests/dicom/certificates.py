"""Certificates made by openssl for one test."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.dicom.peers import tool


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate and its key."""

    certificate: str
    key: str

    def dcmtk(self, trusted: Certificate) -> tuple[str, ...]:
        """Options of dcmtk's tools that show this one and trust what the other has signed."""
        return ("+tls", self.key, self.certificate, "+cf", trusted.certificate)

    def options(self, trusted: Certificate) -> dict[str, str]:
        """The options of Orthanc that do the same."""
        return {
            "DicomTlsCertificate": self.certificate,
            "DicomTlsPrivateKey": self.key,
            "DicomTlsTrustedCertificates": trusted.certificate,
        }

    def settings(self, trusted: Certificate) -> dict[str, str]:
        """Our options that do the same, as a node of the tests takes them."""
        return {
            "dicom_tls_certificate": self.certificate,
            "dicom_tls_private_key": self.key,
            "dicom_tls_trusted_certificates": trusted.certificate,
        }


def authority(folder: Path, name: str) -> Certificate:
    """One that signs others."""
    made = Certificate(str(folder / f"{name}.crt"), str(folder / f"{name}.key"))
    _openssl("req", "-x509", *_new(made, name), "-out", made.certificate)
    return made


def signed(folder: Path, name: str, by: Certificate, host: str = "") -> Certificate:
    """One that an authority has signed, for a host if it is of a web server."""
    made = Certificate(str(folder / f"{name}.crt"), str(folder / f"{name}.key"))
    request = str(folder / f"{name}.csr")
    _openssl("req", *_new(made, name), "-out", request)
    signing: tuple[str, ...] = ("-CA", by.certificate, "-CAkey", by.key, "-CAcreateserial", "-days", "2")
    if host:
        extensions = folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=DNS:{host}\n")
        signing = (*signing, "-extfile", str(extensions))
    _openssl("x509", "-req", "-in", request, *signing, "-out", made.certificate)
    return made


def _new(made: Certificate, name: str) -> tuple[str, ...]:
    return ("-newkey", "rsa:2048", "-nodes", "-keyout", made.key, "-subj", f"/CN={name}", "-days", "2")


def _openssl(*arguments: str) -> None:
    subprocess.run([tool("openssl"), *arguments], check=True, capture_output=True)
