"""The use cases: ingest, browse, read, delete, changes, authentication, sweeping."""
