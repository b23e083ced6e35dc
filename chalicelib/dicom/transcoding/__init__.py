"""Change the transfer syntax of DICOM files."""

from chalicelib.dicom.transcoding.syntaxes import check_transfer_syntax
from chalicelib.dicom.transcoding.transcode import Transcoded, transcode

__all__ = ["Transcoded", "check_transfer_syntax", "transcode"]
