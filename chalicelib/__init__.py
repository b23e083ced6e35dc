"""The product: what the API, the listener and the workers share."""
