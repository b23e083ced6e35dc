"""Search: which resources match a query, for REST and for C-FIND."""
