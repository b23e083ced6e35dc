"""What a load asks of each key, queue and function, against AWS's limits: ``python -m infra.load --help``."""
