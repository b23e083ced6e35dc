"""The drift between what the index says, what leads to it, and what lies in the bucket."""
