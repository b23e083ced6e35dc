"""The commands around a deployment, each a module with ``--help``: deploy, destroy, logs, user, smoke."""
