"""One file, one section. The folder listing is the registry."""
