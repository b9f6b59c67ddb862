"""Blocks to a document."""
