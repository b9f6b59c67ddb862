"""A laboratory on one machine."""
