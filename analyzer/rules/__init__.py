"""One file, one rule. The folder listing is the registry."""
