"""HTTP in and out: one blueprint per kind of resource, each route thin."""
