"""ZIP archives of resources: which files, under which names, and how they are written."""
