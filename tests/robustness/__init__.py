"""Whatever is sent to the API, it answers soon, in Orthanc's shape, and stays whole."""
