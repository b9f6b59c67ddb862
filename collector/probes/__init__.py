"""One file, one probe. The folder listing is the registry."""
