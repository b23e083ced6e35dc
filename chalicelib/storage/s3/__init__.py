"""The stored files and the inbox in S3."""
