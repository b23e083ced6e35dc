"""Modified copies of resources."""
