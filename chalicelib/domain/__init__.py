"""Vocabulary of the store: levels, resources, changes, errors. Standard library only."""
