"""The options of Orthanc that have no effect here."""

from __future__ import annotations

WITHOUT_EFFECT = frozenset(
    """
    AcceptedSopClasses BuiltinDecoderTranscoderOrder CaseSensitivePN DefaultPrivateCreator
    DeflatedTransferSyntaxAccepted DeidentifyLogs DeidentifyLogsDicomVersion
    DicomModalitiesInDatabase
    DicomScuPreferredTransferSyntax
    ExecuteLuaEnabled ExternalDictionaries ExtraMainDicomTags
    H265TransferSyntaxAccepted HttpDescribeErrors HttpRequestTimeout HttpServerEnabled
    HttpThreadsCount HttpVerbose IndexDirectory
    IngestTranscoding IngestTranscodingOfCompressed IngestTranscodingOfUncompressed
    JobsEngineThreadsCount JobsHistorySize Jpeg2000TransferSyntaxAccepted
    JpegLosslessTransferSyntaxAccepted JpegTransferSyntaxAccepted JpipTransferSyntaxAccepted KeepAlive
    KeepAliveTimeout LoadPrivateDictionary Locale LuaHeartBeatPeriod LuaScripts MallocArenaMax
    MaximumConcurrentDcmtkTranscoders MaximumPatientCount MaximumStorageCacheSize MaximumStorageMode
    MaximumStorageSize MediaArchiveSize Mpeg2TransferSyntaxAccepted Mpeg4TransferSyntaxAccepted
    OrthancExplorerEnabled OrthancPeersInDatabase Pkcs11 Plugins QueryRetrieveSize ReadOnly
    RejectedSopClasses RestApiWriteToFileSystemEnabled RleTransferSyntaxAccepted SaveJobs SslCertificate
    SslCiphersAccepted SslEnabled SslMinimumProtocolVersion SslTrustedClientCertificates SslVerifyPeers
    StorageAccessOnFind StorageCommitmentReportsSize StorageCompression StorageDirectory StoreDicom
    StoreMD5ForAttachments SyncStorageArea SynchronousCMove SynchronousZipStream TcpNoDelay
    TemporaryDirectory TranscodeDicomProtocol Warnings WebDavDeleteAllowed WebDavEnabled
    WebDavUploadAllowed ZipLoaderThreads
    """.split()  # noqa: SIM905 - a hundred quoted names would be harder to read
)
"""Orthanc's other options (1.12.7): known, and without an effect here."""
