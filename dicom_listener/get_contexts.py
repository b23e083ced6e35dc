"""The presentation contexts of a C-GET. There may be 128, each with one transfer syntax in the end (PS3.8, 7.1.1.13).

So one association cannot be open for every storage class in every transfer syntax. The first set is for common images
in common transfer syntaxes, each by itself, so that the peer can send them as they are, and for the documents that come
with them; the second for every storage class, in whatever transfer syntax the peer chooses.
"""

from __future__ import annotations

from pydicom import uid
from pynetdicom import StoragePresentationContexts
from pynetdicom.presentation import PresentationContext, build_context

UNCOMPRESSED = (str(uid.ExplicitVRLittleEndian), str(uid.ImplicitVRLittleEndian))
MAXIMUM = 127
"""Beside the one to ask by."""

_COMPRESSED = (
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.RLELossless,
)
_IMAGES = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalMammographyXRayImageStorageForPresentation,
    uid.BreastTomosynthesisImageStorage,
    uid.CTImageStorage,
    uid.EnhancedCTImageStorage,
    uid.MRImageStorage,
    uid.EnhancedMRImageStorage,
    uid.UltrasoundImageStorage,
    uid.UltrasoundMultiFrameImageStorage,
    uid.NuclearMedicineImageStorage,
    uid.PositronEmissionTomographyImageStorage,
    uid.SecondaryCaptureImageStorage,
)
_OTHERS = (
    uid.XRayAngiographicImageStorage,
    uid.XRayRadiofluoroscopicImageStorage,
    uid.DigitalXRayImageStorageForProcessing,
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    uid.VLPhotographicImageStorage,
    uid.SegmentationStorage,
    uid.RTImageStorage,
    uid.RTDoseStorage,
    uid.RTStructureSetStorage,
    uid.RTPlanStorage,
    uid.BasicTextSRStorage,
    uid.EnhancedSRStorage,
    uid.ComprehensiveSRStorage,
    uid.XRayRadiationDoseSRStorage,
    uid.KeyObjectSelectionDocumentStorage,
    uid.GrayscaleSoftcopyPresentationStateStorage,
    uid.EncapsulatedPDFStorage,
    uid.TwelveLeadECGWaveformStorage,
    uid.GeneralECGWaveformStorage,
    uid.RawDataStorage,
)


def context_sets() -> list[list[PresentationContext]]:
    """The sets, to be tried one after the other until all instances have come."""
    whole = list(UNCOMPRESSED)
    common = [build_context(image, whole) for image in _IMAGES]
    common += [build_context(image, syntax) for image in _IMAGES for syntax in _COMPRESSED]
    common += [build_context(other, whole) for other in _OTHERS]
    every = [*whole, *(str(one) for one in uid.AllTransferSyntaxes if str(one) not in UNCOMPRESSED)]
    classes = [str(context.abstract_syntax) for context in StoragePresentationContexts]
    return [common[:MAXIMUM], [build_context(one, every) for one in classes[:MAXIMUM]]]
