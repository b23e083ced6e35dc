"""What a store costs on AWS: ``python -m infra.costs --help``."""
