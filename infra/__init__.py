"""AWS: the resources that the store needs, defined once, and what makes them of that definition."""
