"""One file, one HA product. The folder listing is the registry."""
